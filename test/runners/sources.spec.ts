import { describe, expect, it, jest } from '@jest/globals';
import { BadArgumentError, SourceOverflowError } from 'nestjs-active-session';
import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { interval, NEVER, Observable, of, range, Subject, tap } from 'rxjs';
import { until } from '../support/gate.js';
import { settle } from '../support/fake-clock.js';
import { useSession } from './one-session.js';
import { isPending } from './pending.js';
import { numbers, Tap } from './tap.js';

const here = useSession();

describe('An Observable that pushes more than is read', () => {
  const pushed = (options: object) => {
    const subject = new Subject<number>();
    const runner = here.session.createSequenceRunner(subject, { queueLimit: 3, startNow: true, ...options });
    for (const item of numbers(0, 5)) subject.next(item);
    return { subject, runner };
  };

  it('fails its runner after what was pushed before, and is left', async () => {
    const { subject, runner } = pushed({});
    expect(subject.observed).toBe(false);
    await settle();
    expect(runner.error).toBeInstanceOf(SourceOverflowError);
    expect(runner.getAvailable()).toMatchObject({
      result: [0, 1, 2],
      status: 'failed',
      error: {
        name: 'SourceOverflowError',
        code: 'SOURCE_OVERFLOW',
        message: expect.not.stringContaining('queueLimit'),
      },
    });
  });

  it.each([
    ['drop-oldest', [2, 3, 4], [7, 8, 9]],
    ['drop-newest', [0, 1, 2], [5, 6, 7]],
  ] as const)('loses what the option says: %s', async (overflow, first, second) => {
    const { subject, runner } = pushed({ overflow });
    expect(runner.progress.reached).toBe(3);
    expect(runner.getAvailable()).toMatchObject({ result: first, from: 0, position: 3, status: 'stalled' });
    for (const item of numbers(5, 10)) subject.next(item);
    subject.complete();
    await settle();
    expect(runner.getAvailable()).toMatchObject({ result: second, from: 3, position: 6, status: 'completed' });
    expect(runner.getAvailable({ startPosition: 3 })).toMatchObject({ result: second });
  });

  it('gives a read that waits all that it asks for, whatever the limit', async () => {
    const subject = new Subject<number>();
    const runner = here.session.createSequenceRunner(subject, { queueLimit: 3 });
    const read = runner.getRequired({ advance: 8 });
    for (const item of numbers(0, 10)) subject.next(item);
    expect(await read).toMatchObject({ result: numbers(0, 8), status: 'progressed' });
    runner.abort();
  });

  it('while it is being subscribed to is left, too', async () => {
    const left = jest.fn();
    const eager = new Observable<number>((subscriber) => {
      subscriber.add(left);
      for (let item = 0; !subscriber.closed && item < 10_000; item++) subscriber.next(item);
    });
    const runner = here.session.createSequenceRunner(eager, { queueLimit: 3, startNow: true });
    await settle();
    expect(runner.error).toBeInstanceOf(SourceOverflowError);
    expect(left).toHaveBeenCalledTimes(1);
  });

  it('is left at once, also where it would push without end', async () => {
    let emitted = 0;
    const endless = range(0, Infinity).pipe(tap(() => emitted++));
    const runner = here.session.createSequenceRunner(endless, { queueLimit: 3, startNow: true });
    expect(emitted).toBe(4);
    await settle();
    expect(runner.error).toBeInstanceOf(SourceOverflowError);
  });

  it('gives nothing behind an item that cannot be taken', async () => {
    const sizeOf = (text: string): number => (text === 'bad' ? NaN : 1);
    const options = { queueLimitBytes: 10, sizeOf, startNow: true };
    const runner = here.session.createSequenceRunner(of('a', 'bad', 'c'), options);
    await settle();
    expect(runner.getAvailable()).toMatchObject({ result: ['a'], status: 'failed', error: { code: 'BAD_ARGUMENT' } });
  });

  it('is read in full where there is room', async () => {
    const runner = here.session.createSequenceRunner(range(0, 5_000), { queueLimit: Infinity });
    expect(await runner.getRequired({ advance: Infinity })).toMatchObject({
      result: numbers(0, 5_000),
      status: 'completed',
    });
  });
});

describe('An Observable', () => {
  it('is subscribed to at the first read, and left at the end of its session', async () => {
    const events: string[] = [];
    const source = new Observable<number>(() => {
      events.push('subscribed');
      return () => events.push('left');
    });
    const runner = here.session.createSequenceRunner(source);
    expect(events).toEqual([]);
    const read = runner.getRequired();
    await settle();
    expect(events).toEqual(['subscribed']);
    await here.session.terminate();
    expect(await read).toMatchObject({ status: 'aborted', ended: 'terminated' });
    expect(events).toEqual(['subscribed', 'left']);
  });

  it('that was never subscribed to is not, when its runner ends', async () => {
    const subscribe = jest.fn<() => void>();
    here.session.createSequenceRunner(new Observable<number>(subscribe)).abort();
    await here.session.terminate();
    expect(subscribe).not.toHaveBeenCalled();
  });

  it('is subscribed to in the session, also where its function is asynchronous', async () => {
    const seen: unknown[] = [];
    const source = async () =>
      new Observable<number>((subscriber) => {
        seen.push(here.current()?.id);
        subscriber.complete();
      });
    await here.session.createSequenceRunner(source).getRequired();
    expect(seen).toEqual([here.session.id]);
  });

  it('whose function answers after an abort is not subscribed to', async () => {
    let answer: (source: Observable<number>) => void = () => undefined;
    const subscribe = jest.fn<() => void>();
    const runner = here.session.createSequenceRunner<number>(
      () => new Promise<Observable<number>>((resolve) => (answer = resolve)),
    );
    const read = runner.getRequired();
    runner.abort();
    answer(new Observable(subscribe));
    expect(await read).toMatchObject({ status: 'aborted' });
    await here.session.terminate();
    expect(subscribe).not.toHaveBeenCalled();
  });

  it('that cannot be subscribed to fails its runner', async () => {
    const source = {
      subscribe: () => {
        throw new Error('closed today');
      },
    };
    const runner = here.session.createSequenceRunner<number>(source);
    expect(await runner.getRequired()).toMatchObject({ result: [], status: 'failed' });
    expect(runner.error).toMatchObject({ message: 'closed today' });
  });

  it('whose teardown throws is left all the same', async () => {
    const source = new Observable<number>(() => () => {
      throw new Error('teardown');
    });
    const runner = here.session.createSequenceRunner(source, { startNow: true });
    runner.abort();
    await settle();
    expect(runner.isBackgroundCompleted).toBe(true);
    expect((await here.session.terminate()).leftBehind).toEqual([]);
  });

  it('may push from a timer, or never', async () => {
    const runner = here.session.createSequenceRunner(interval(1));
    expect((await runner.getRequired({ advance: 3 })).result).toEqual([0, 1, 2]);
    runner.abort();
    expect(await isPending(here.session.createSequenceRunner(NEVER).getRequired())).toBe(true);
  });
});

describe('A stream of Node', () => {
  it('that was never started is destroyed with its runner', async () => {
    const streams = [new PassThrough(), new PassThrough()];
    const [abandoned] = streams.map((stream) => here.session.createSequenceRunner(stream));
    abandoned!.abort();
    expect(streams.map(({ destroyed }) => destroyed)).toEqual([true, false]);
    await here.session.terminate();
    expect(streams.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });

  it('that is not used, as there is a runner for its dedupeKey, is destroyed; the one in use is not', async () => {
    const streams = [new PassThrough(), new PassThrough()];
    const runners = streams.map((stream) => here.session.createSequenceRunner(stream, { dedupeKey: 'one' }));
    expect(here.session.createSequenceRunner(streams[0]!, { dedupeKey: 'one' })).toBe(runners[0]);
    expect(runners[1]).toBe(runners[0]);
    expect(streams.map(({ destroyed }) => destroyed)).toEqual([false, true]);
  });

  it('that waits for a chunk is destroyed by an abort, and the session need not wait for it', async () => {
    const stream = new PassThrough();
    const runner = here.session.createSequenceRunner<Buffer>(stream);
    const read = runner.getRequired();
    stream.write('one');
    await settle();
    const { leftBehind } = await here.session.terminate();
    expect(leftBehind).toEqual([]);
    expect(stream.destroyed).toBe(true);
    expect((await read).result.map(String)).toEqual(['one']);
  });

  it('that fails before its first read fails the runner, not the process', async () => {
    const stream = createReadStream('no such file');
    const runner = here.session.createSequenceRunner<Buffer>(stream);
    await until(() => stream.closed);
    expect(await runner.getRequired()).toMatchObject({ result: [], status: 'failed' });
    expect(runner.error).toMatchObject({ code: 'ENOENT' });
  });

  it('is read to its end, and destroyed once', async () => {
    const destroy = jest.fn((_error: Error | null, done: () => void) => done());
    const stream = new Readable({ objectMode: true, read: () => undefined, destroy });
    for (const item of numbers(0, 30)) stream.push(item);
    stream.push(null);
    const runner = here.session.createSequenceRunner<number>(stream);
    expect(await runner.getRequired({ advance: 30 })).toMatchObject({ result: numbers(0, 30), status: 'completed' });
    await here.session.terminate();
    expect(destroy).toHaveBeenCalledTimes(1);
  });
});

describe('A stream of the web', () => {
  it('that was never started is cancelled with its runner', async () => {
    const cancel = jest.fn<() => void>();
    here.session.createSequenceRunner(new ReadableStream<number>({ cancel })).abort();
    await here.session.terminate();
    expect(cancel).toHaveBeenCalledTimes(1);
  });

  it('that waits for a chunk is cancelled by an abort', async () => {
    const cancel = jest.fn<() => void>();
    const runner = here.session.createSequenceRunner(new ReadableStream<number>({ cancel }));
    const read = runner.getRequired();
    await settle();
    runner.abort();
    expect(cancel).toHaveBeenCalledTimes(1);
    expect(await read).toMatchObject({ result: [], status: 'aborted' });
    expect((await here.session.terminate()).leftBehind).toEqual([]);
  });

  it('that is read by somebody else fails the runner', async () => {
    const stream = new ReadableStream<number>();
    stream.getReader();
    expect(await here.session.createSequenceRunner(stream).getRequired()).toMatchObject({ status: 'failed' });
  });

  it('is what fetch() answers with', async () => {
    const { body } = new Response('some text');
    const runner = here.session.createSequenceRunner<Uint8Array>(body!);
    const { result, status } = await runner.getRequired();
    expect([Buffer.concat(result).toString(), status]).toEqual(['some text', 'completed']);
  });
});

describe('The option queueLimitBytes', () => {
  it('keeps the source from being further ahead, the last item not counted', async () => {
    const tap = new Tap<string>().give(...numbers(0, 10).map((item) => `item ${item}`));
    const runner = here.session.createSequenceRunner(tap, { queueLimitBytes: 15, startNow: true });
    await settle();
    expect(runner.progress.reached).toBe(3);
    expect(runner.getAvailable({ advance: 1 }).result).toEqual(['item 0']);
    await settle();
    expect(runner.progress.reached).toBe(4);
    runner.abort();
  });

  it('answers a read with what has room, though it waits for more', async () => {
    const tap = new Tap<Buffer>().give(...numbers(0, 9).map((item) => Buffer.alloc(10, item)));
    const runner = here.session.createSequenceRunner(tap, { queueLimitBytes: 25 });
    const read = await runner.getRequired({ advance: 9 });
    expect(read).toMatchObject({ position: 3, status: 'stalled' });
    tap.finish();
    for (const position of [6, 9]) expect(await runner.getRequired({ advance: 9 })).toMatchObject({ position });
    expect(await runner.getRequired()).toMatchObject({ result: [], status: 'completed' });
  });

  it('counts by sizeOf; what has no size by itself needs it', async () => {
    const sizeOf = ({ text }: { text: string }): number => text.length;
    const items = numbers(0, 5).map(() => ({ text: '12345' }));
    const sized = here.session.createSequenceRunner(items, { queueLimitBytes: 10, sizeOf, startNow: true });
    expect(sized.progress.reached).toBe(2);
    const closed = jest.fn();
    const source = (function* () {
      try {
        yield* items;
      } finally {
        closed();
      }
    })();
    const unsized = here.session.createSequenceRunner(source, { queueLimitBytes: 10 });
    expect(await unsized.getRequired()).toMatchObject({
      result: [],
      status: 'failed',
      error: { code: 'BAD_ARGUMENT' },
    });
    expect(unsized.error).toBeInstanceOf(BadArgumentError);
    expect(closed).toHaveBeenCalledTimes(1);
  });

  it.each([NaN, -1, undefined])('is told of a size that is none: %s', async (size) => {
    const options = { queueLimitBytes: 10, sizeOf: () => size as number };
    const runner = here.session.createSequenceRunner(['text'], options);
    await runner.getRequired();
    expect(runner.error).toMatchObject({ message: expect.stringContaining('Expected "sizeOf" to return a number') });
  });

  it('bounds what an Observable may push', async () => {
    const subject = new Subject<string>();
    const options = { queueLimitBytes: 4, overflow: 'drop-oldest', startNow: true } as const;
    const runner = here.session.createSequenceRunner(subject, options);
    for (const text of ['aa', 'bb', 'cc', 'dddddddd', 'e']) subject.next(text);
    expect(runner.getAvailable().result).toEqual(['e']);
    for (const text of ['f', 'g', 'h']) subject.next(text);
    expect(runner.getAvailable().result).toEqual(['f', 'g', 'h']);
    expect(runner.status).toBe('stalled');
    runner.abort();
  });
});
