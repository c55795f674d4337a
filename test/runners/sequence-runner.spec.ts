import { describe, expect, it, jest } from '@jest/globals';
import { GoneException } from '@nestjs/common';
import { BadArgumentError, RunnerStatus, type Runner, type SequenceItems } from 'nestjs-active-session';
import { settle } from '../support/fake-clock.js';
import { until } from '../support/gate.js';
import { useSession } from './one-session.js';
import { isPending, rejection } from './pending.js';
import { SOURCES, WAITING_SOURCES } from './sources.js';
import { numbers, Tap } from './tap.js';

const here = useSession();

/** 0, 1, 2 ... up to `count`; then it fails, where an error is given. It counts its pulls, and how often it was closed. */
class Counted implements Iterable<number> {
  opened = 0;
  pulled = 0;
  closed = 0;

  constructor(
    private readonly count: number,
    private readonly failure?: { error: unknown },
  ) {}

  *[Symbol.iterator](): Generator<number> {
    this.opened++;
    try {
      for (const item of numbers(0, Math.min(this.count, 10_000))) {
        this.pulled++;
        yield item;
      }
      if (this.failure !== undefined) throw this.failure.error;
    } finally {
      this.closed++;
    }
  }
}

/** Ends the runner, if it has not ended by itself, and then in every other way, too. */
async function expectClosedOnce(items: Counted, runner: Runner, end: string): Promise<void> {
  if (end === 'an abort') runner.abort();
  if (end === 'the end of its session') await here.session.terminate();
  await settle();
  expect([items.opened, items.closed]).toEqual([1, 1]);
  runner.abort();
  await here.session.terminate();
  expect([items.opened, items.closed]).toEqual([1, 1]);
}

describe.each(SOURCES)('A sequence runner over %s', (_kind, from, { needsError }) => {
  it('does nothing before its first read, and then gives all items in order', async () => {
    const items = new Counted(12);
    const runner = here.session.createSequenceRunner(from(items));
    await settle();
    expect([runner.status, runner.progress, items.pulled]).toEqual([RunnerStatus.NotStarted, { reached: 0 }, 0]);
    const pages = [await runner.getRequired({ advance: 5 }), await runner.getRequired({ advance: 5 })];
    pages.push(await runner.getRequired({ advance: 5 }));
    expect(pages.flatMap(({ result }) => result)).toEqual(numbers(0, 12));
    expect(pages.map(({ status }) => status)).toEqual(['progressed', 'progressed', 'completed']);
  });

  it('starts at once with startNow', async () => {
    const items = new Counted(3);
    const runner = here.session.createSequenceRunner(from(items), { startNow: true });
    await settle();
    expect(runner.isBackgroundCompleted).toBe(true);
    expect(runner.getAvailable()).toEqual({ result: [0, 1, 2], from: 0, position: 3, status: RunnerStatus.Completed });
  });

  it.each([1, 5, 20])('is completed with its last item, when exactly all are asked for (%s)', async (count) => {
    const runner = here.session.createSequenceRunner(from(numbers(0, count)));
    expect(await runner.getRequired({ advance: count })).toMatchObject({ status: 'completed', position: count });
    expect(runner.status).toBe(RunnerStatus.Completed);
  });

  it.each([1, 4])('is completed with its last item, when the queue holds no more than that (%s)', async (count) => {
    const runner = here.session.createSequenceRunner(from(numbers(0, count)), { queueLimit: count });
    expect(await runner.getRequired({ advance: count })).toMatchObject({ status: 'completed', position: count });
  });

  it('completes with what there is, when there is less than was asked for', async () => {
    const runner = here.session.createSequenceRunner(from(numbers(0, 3)));
    expect(await runner.getRequired({ advance: 5 })).toMatchObject({ result: [0, 1, 2], status: 'completed' });
    expect(await runner.getRequired()).toMatchObject({ result: [], from: 3, status: 'completed' });
    expect(runner.getAvailable()).toMatchObject({ result: [], from: 3, status: 'completed' });
  });

  it('completes at once when it is empty', async () => {
    const runner = here.session.createSequenceRunner(from([]));
    expect(await runner.getRequired()).toEqual({ result: [], from: 0, position: 0, status: RunnerStatus.Completed });
  });

  it('fails after the data before the failure, read page by page', async () => {
    const error = new Error('the nineteenth is broken');
    const runner = here.session.createSequenceRunner(from(new Counted(18, { error })));
    expect(await runner.getRequired({ advance: 5 })).toMatchObject({ position: 5, status: 'progressed' });
    await settle();
    expect([runner.error, runner.status]).toEqual([error, 'progressed']);
    expect(await runner.getRequired({ advance: 5 })).toMatchObject({ position: 10, status: 'progressed' });
    const last = {
      result: numbers(10, 18),
      from: 10,
      position: 18,
      status: RunnerStatus.Failed,
      error: { name: 'Error' },
    };
    expect(await runner.getRequired({ advance: 20 })).toEqual(last);
    expect(await runner.getRequired()).toEqual({ ...last, result: [], from: 18 });
  });

  it('fails after the data before the failure, looked at', async () => {
    const error = new Error('the nineteenth is broken');
    const runner = here.session.createSequenceRunner(from(new Counted(18, { error })), { startNow: true });
    await settle();
    expect(runner.getAvailable({ advance: 10 })).toMatchObject({ position: 10, status: 'progressed' });
    expect(runner.getAvailable()).toMatchObject({
      result: numbers(10, 18),
      status: 'failed',
      error: { name: 'Error' },
    });
    expect(runner.getAvailable()).toMatchObject({ result: [], status: 'failed', error: { name: 'Error' } });
  });

  it('fails with less than was asked for', async () => {
    const runner = here.session.createSequenceRunner(from(new Counted(3, { error: new Error('broken') })));
    expect(await runner.getRequired({ advance: 5 })).toMatchObject({ result: [0, 1, 2], status: 'failed' });
  });

  it('fails with the error of an abort that is not its own', async () => {
    const error = Object.assign(new Error('The other server has hung up'), { name: 'AbortError' });
    const runner = here.session.createSequenceRunner(from(new Counted(1, { error })));
    expect(await runner.getRequired({ advance: 5 })).toMatchObject({
      result: [0],
      status: 'failed',
      error: { name: 'AbortError' },
    });
    expect(runner.error).toBe(error);
  });

  if (needsError !== true)
    it('fails also with an error that is undefined', async () => {
      const runner = here.session.createSequenceRunner(from(new Counted(1, { error: undefined })));
      expect(await runner.getRequired({ advance: 5 })).toEqual({
        result: [0],
        from: 0,
        position: 1,
        status: RunnerStatus.Failed,
        error: { name: 'Error' },
      });
      expect(runner.error).toBeUndefined();
    });

  it.each(['completion', 'failure', 'an abort', 'the end of its session'])(
    'closes its source once, at %s',
    async (end) => {
      const items = new Counted(100, end === 'failure' ? { error: new Error('broken') } : undefined);
      const runner = here.session.createSequenceRunner(from(items), { queueLimit: 101 });
      const leaves = end === 'completion' || end === 'failure';
      await runner.getRequired({ advance: leaves ? Infinity : 5 });
      await expectClosedOnce(items, runner, end);
    },
  );

  it('is not started any more by a read after an abort', async () => {
    const items = new Counted(100);
    const runner = here.session.createSequenceRunner(from(items));
    runner.abort();
    expect(await runner.getRequired()).toEqual({ result: [], from: 0, position: 0, status: RunnerStatus.Aborted });
    await settle();
    expect([items.pulled, runner.isBackgroundCompleted]).toEqual([0, true]);
  });
});

const PULLED = SOURCES.filter(([, , { isPushed }]) => isPushed !== true);

describe.each(PULLED)('A sequence runner that pulls %s', (_kind, from, { ahead = 0 }) => {
  it('gives 20 items to a read, and is 1,000 ahead of it, unless told otherwise', async () => {
    const items = new Counted(5_000);
    const runner = here.session.createSequenceRunner(from(items));
    expect((await runner.getRequired()).result).toHaveLength(20);
    await until(() => items.pulled >= 1_020 + ahead);
    await settle();
    expect(items.pulled).toBe(1_020 + ahead);
    runner.abort();
  });

  it('is pulled, not drained: it is never more than queueLimit items ahead of its reader', async () => {
    const items = new Counted(100);
    const runner = here.session.createSequenceRunner(from(items), { queueLimit: 10, startNow: true });
    await settle();
    expect([items.pulled - ahead, runner.progress.reached, runner.isBackgroundCompleted]).toEqual([10, 10, false]);
    runner.getAvailable({ advance: 4 });
    await settle();
    expect([items.pulled - ahead, runner.progress.reached]).toEqual([14, 14]);
    runner.abort();
    await settle();
    expect([items.pulled - ahead, items.closed, runner.isBackgroundCompleted]).toEqual([14, 1, true]);
    expect(runner.error).toBeUndefined();
  });

  it('satisfies a read that is larger than queueLimit', async () => {
    // Without slices: on a busy machine the next item would come one turn after the answer.
    const runner = here.session.createSequenceRunner(from(numbers(0, 100)), { queueLimit: 3, sliceMs: Infinity });
    expect(await runner.getRequired({ advance: 50 })).toMatchObject({ result: numbers(0, 50), status: 'progressed' });
    expect(await runner.getRequired({ advance: Infinity })).toMatchObject({
      result: numbers(50, 100),
      status: 'completed',
    });
  });

  it.each(['an abort', 'the end of its session'])(
    'closes its source once, while it waits for room, at %s',
    async (end) => {
      const items = new Counted(100);
      const runner = here.session.createSequenceRunner(from(items), { queueLimit: 5 });
      await runner.getRequired({ advance: 5 });
      await expectClosedOnce(items, runner, end);
    },
  );

  it('leaves others their turn while it has much to do', async () => {
    let isOver = false;
    const busy = function* (): Generator<number> {
      for (let item = 0; !isOver; item++) yield item;
    };
    const runner = here.session.createSequenceRunner(from(busy()), {
      queueLimit: Infinity,
      sliceMs: 1,
      startNow: true,
    });
    await settle();
    isOver = true;
    await settle();
    expect(runner.isBackgroundCompleted).toBe(true);
  });

  it('leaves others their turn while a reader takes its items as fast as it can', async () => {
    const endless = function* (): Generator<number> {
      for (let item = 0; ; item++) yield item;
    };
    const runner = here.session.createSequenceRunner(from(endless()));
    await runner.getRequired({ advance: 10 });
    let isTurnOfOthers = false;
    setImmediate(() => (isTurnOfOthers = true));
    for (let page = 0; page < 20_000 && !isTurnOfOthers; page++) await runner.getRequired({ advance: 10 });
    expect(isTurnOfOthers).toBe(true);
  });
});

describe.each(WAITING_SOURCES)('A sequence runner over %s that waits', (_kind, from, { isPushed, ahead = 0 }) => {
  it('goes on in the background while pages are read', async () => {
    const tap = new Tap();
    const runner = here.session.createSequenceRunner(from(tap), { defaultAdvance: 5 });
    const first = runner.getRequired();
    tap.give(...numbers(0, 5));
    expect(await first).toMatchObject({ result: numbers(0, 5), position: 5, status: 'stalled' });
    tap.give(...numbers(5, 15));
    await settle();
    expect(runner.status).toBe('progressed');
    expect(runner.getAvailable({ advance: 5 })).toMatchObject({ result: numbers(5, 10), status: 'progressed' });
    expect(runner.getAvailable()).toMatchObject({ result: numbers(10, 15), position: 15, status: 'stalled' });
    expect(runner.getAvailable()).toMatchObject({ result: [], position: 15, status: 'stalled' });
    tap.give(...numbers(15, 25));
    await settle();
    expect(await runner.getRequired()).toMatchObject({ position: 20, status: 'progressed' });
    expect(await runner.getRequired()).toMatchObject({ position: 25, status: 'stalled' });
    tap.give(25, 26);
    const last = runner.getRequired();
    expect(await isPending(last)).toBe(true);
    tap.give(27, 28, 29).finish();
    expect(await last).toMatchObject({ result: numbers(25, 30), position: 30, status: 'completed' });
    expect(runner.getAvailable()).toEqual({ result: [], from: 30, position: 30, status: RunnerStatus.Completed });
  });

  it('fills a waiting read as items come, and starts the next one with what is left', async () => {
    const tap = new Tap();
    const runner = here.session.createSequenceRunner(from(tap), { queueLimit: 20 });
    const first = runner.getRequired({ advance: 10 });
    tap.give(...numbers(0, 5));
    expect(await isPending(first)).toBe(true);
    expect(runner.progress.reached).toBe(5);
    tap.give(...numbers(5, 15));
    expect(await first).toMatchObject({ result: numbers(0, 10), status: 'progressed' });
    const second = runner.getRequired({ advance: 10 });
    expect(await isPending(second)).toBe(true);
    tap.give(...numbers(15, 20));
    expect(await second).toMatchObject({ result: numbers(10, 20), status: 'stalled' });
    const third = runner.getRequired({ advance: 10 });
    tap.give(20, 21);
    expect(await isPending(third)).toBe(true);
    tap.give(22).finish();
    expect(await third).toMatchObject({ result: [20, 21, 22], status: 'completed' });
  });

  it('is completed with its last item, however long it waited for that', async () => {
    const tap = new Tap();
    // Every step is longer than a slice.
    const runner = here.session.createSequenceRunner(from(tap), { sliceMs: Number.MIN_VALUE });
    const read = runner.getRequired({ advance: 3 });
    for (const item of numbers(0, 2)) {
      tap.give(item);
      await settle();
    }
    tap.give(2).finish();
    expect(await read).toMatchObject({ result: [0, 1, 2], status: 'completed' });
  });

  it('has one step under way at most', async () => {
    const tap = new Tap().give(0, 1);
    const runner = here.session.createSequenceRunner(from(tap), { startNow: true });
    await settle();
    expect(tap.pulls).toBe(3);
    const reads = [runner.getRequired({ advance: 5 }), runner.getRequired({ advance: 5 })];
    await settle();
    expect(tap.pulls).toBe(3);
    runner.abort();
    await Promise.all(reads);
  });

  it('is closed by an abort in the middle of its wait', async () => {
    const tap = new Tap().give(0);
    const runner = here.session.createSequenceRunner(from(tap));
    const read = runner.getRequired({ advance: 5 });
    await settle();
    expect(runner.abort()).toBe(RunnerStatus.Aborted);
    expect(tap.returns).toBe(1);
    expect(await read).toEqual({ result: [0], from: 0, position: 1, status: RunnerStatus.Aborted });
    await settle();
    expect([tap.returns, runner.isBackgroundCompleted, runner.progress.reached]).toEqual([1, true, 1]);
  });

  it('answers a waiting read when its session ends, and says so', async () => {
    const tap = new Tap().give(0);
    const runner = here.session.createSequenceRunner(from(tap));
    const read = runner.getRequired({ advance: 5 });
    await settle();
    const report = await here.session.terminate();
    expect(report).toMatchObject({ leftBehind: [], failed: [] });
    expect(await read).toEqual({
      result: [0],
      from: 0,
      position: 1,
      status: RunnerStatus.Aborted,
      ended: 'terminated',
    });
    expect(await runner.getRequired({ startPosition: 0 })).toMatchObject({ result: [0], ended: 'terminated' });
    expect(tap.returns).toBe(1);
  });

  if (isPushed !== true)
    it('releases a source that waits for room, when it is aborted', async () => {
      const tap = new Tap().give(...numbers(0, 10));
      const runner = here.session.createSequenceRunner(from(tap), { queueLimit: 3, startNow: true });
      await settle();
      runner.abort();
      await settle();
      expect([tap.pulls - ahead, tap.returns]).toEqual([3, 1]);
      expect([runner.isBackgroundCompleted, runner.error]).toEqual([true, undefined]);
    });
});

describe('Progress of a sequence runner', () => {
  it('tells how far it has got, and where it ends once that is known', async () => {
    const tap = new Tap().give(0, 1, 2);
    const runner = here.session.createSequenceRunner(tap, { startNow: true });
    await settle();
    expect(runner.progress).toMatchObject({ reached: 3, startedAt: expect.any(Number), updatedAt: expect.any(Number) });
    expect(runner.progress.estimatedEnd).toBeUndefined();
    tap.finish();
    await settle();
    expect(runner.progress).toMatchObject({ reached: 3, estimatedEnd: 3 });
  });

  it('tells its speed, and how long it will take', async () => {
    const now = jest.spyOn(Date, 'now').mockReturnValue(1_000_000);
    const tap = new Tap();
    const runner = here.session.createSequenceRunner(tap, { startNow: true });
    now.mockReturnValue(1_002_000);
    tap.give(...numbers(0, 10)).finish();
    await settle();
    expect(runner.progress).toEqual({
      reached: 10,
      estimatedEnd: 10,
      startedAt: 1_000_000,
      updatedAt: 1_002_000,
      ratePerSecond: 5,
      etaMs: 0,
    });
  });

  it('is final before its reader has seen the end: only then is its status', async () => {
    const runner = here.session.createSequenceRunner([0, 1], { startNow: true });
    await settle();
    expect([runner.isBackgroundCompleted, runner.status]).toEqual([true, RunnerStatus.Progressed]);
    runner.getAvailable({ advance: 1 });
    expect(runner.status).toBe(RunnerStatus.Progressed);
    runner.getAvailable();
    expect(runner.status).toBe(RunnerStatus.Completed);
  });

  it('keeps what the application attaches, and the name', () => {
    const extraData = { any: 'thing' };
    const runner = here.session.createSequenceRunner([], { extraData, name: 'search' });
    expect([runner.name, runner.kind]).toEqual(['search', 'sequence']);
    expect(runner.extraData).toBe(extraData);
    runner.extraData = undefined;
    expect(here.session.getRunner(runner.number)?.extraData).toBeUndefined();
  });
});

describe('The completion signal of a sequence runner', () => {
  it.each(['completed', 'failed', 'aborted'])('aborts once its reader has seen the end (%s)', async (end) => {
    const tap = new Tap().give(0, 1);
    const runner = here.session.createSequenceRunner(tap, { startNow: true });
    const { completionSignal } = runner;
    if (end === 'completed') tap.finish();
    if (end === 'failed') tap.fail(new Error('broken'));
    await settle();
    expect(completionSignal.aborted).toBe(false);
    if (end === 'aborted') runner.abort();
    else await runner.getRequired();
    expect([completionSignal.aborted, runner.status]).toEqual([true, end]);
  });

  it('has aborted for whoever asks only then', () => {
    const runner = here.session.createSequenceRunner([]);
    runner.abort();
    expect(runner.completionSignal.aborted).toBe(true);
  });

  it('logs the error of a listener, and goes on', async () => {
    const runner = here.session.createSequenceRunner([0]);
    const next = jest.fn();
    runner.completionSignal.addEventListener('abort', () => {
      throw new Error('a broken listener');
    });
    runner.completionSignal.addEventListener('abort', next);
    expect(await runner.getRequired({ advance: 1 })).toMatchObject({ status: 'completed' });
    expect(next).toHaveBeenCalledTimes(1);
    expect(here.faults()).toEqual([expect.stringContaining('a broken listener')]);
  });

  it.each(['completed', 'aborted'])('takes nothing from a read when its listener reads, too (%s)', async (end) => {
    const tap = new Tap().give(0, 1);
    const runner = here.session.createSequenceRunner(tap);
    let later: Promise<unknown> | undefined;
    runner.completionSignal.addEventListener('abort', () => {
      later = runner.getRequired({ waitMs: 0 });
    });
    const read = runner.getRequired({ advance: 5 });
    await settle();
    if (end === 'completed') tap.finish();
    else runner.abort();
    expect(await read).toMatchObject({ result: [0, 1], from: 0, position: 2, status: end });
    expect(await later).toMatchObject({ result: [], from: 2, position: 2, status: end });
  });
});

describe('An abort of a sequence runner', () => {
  it('keeps its reason, and hands it to the source with its signal', async () => {
    let signal: AbortSignal | undefined;
    const runner = here.session.createSequenceRunner(
      (given) => {
        signal = given;
        return new Tap();
      },
      { startNow: true },
    );
    const reason = new Error('enough');
    expect(signal?.aborted).toBe(false);
    expect(runner.abort(reason)).toBe(RunnerStatus.Aborted);
    expect([runner.abortReason, signal?.reason]).toEqual([reason, reason]);
    expect(runner.abort(new Error('again'))).toBe(RunnerStatus.Aborted);
    expect(runner.abortReason).toBe(reason);
    await settle();
  });

  it('has a reason of its own for the source, when none is given', () => {
    let signal: AbortSignal | undefined;
    const runner = here.session.createSequenceRunner(
      (given) => {
        signal = given;
        return new Tap();
      },
      { startNow: true },
    );
    runner.abort();
    expect(signal?.reason).toMatchObject({ name: 'AbortError' });
    expect(runner.abortReason).toBeUndefined();
  });

  it('is no fault of a source that throws what its signal says', async () => {
    const runner = here.session.createSequenceRunner(
      async function* (signal) {
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        yield 1;
      },
      { startNow: true },
    );
    await settle();
    runner.abort(new Error('stop, please'));
    await settle();
    expect([runner.isBackgroundCompleted, runner.error]).toEqual([true, undefined]);
  });

  it('logs what else a source throws while it is being stopped', async () => {
    const runner = here.session.createSequenceRunner(
      async function* (signal) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        throw new Error('broken on its way out');
        yield 1;
      },
      { startNow: true },
    );
    await settle();
    runner.abort();
    await settle();
    expect([runner.isBackgroundCompleted, runner.error]).toEqual([true, undefined]);
    expect(here.faults()).toEqual([expect.stringContaining('broken on its way out')]);
  });

  it.each(['throws', 'rejects'])('logs the error of a return() that %s', async (how) => {
    const broken = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<number>>(() => {}),
        return: () => {
          if (how === 'throws') throw new Error('cannot close');
          return Promise.reject(new Error('cannot close'));
        },
      }),
    };
    const runner = here.session.createSequenceRunner(broken, { startNow: true });
    await settle();
    runner.abort();
    await settle();
    expect(here.faults()).toEqual([expect.stringContaining('cannot close')]);
    // Its step never ends: the session leaves it behind.
    const ended = here.session.terminate();
    await here.clock.advance(60_000);
    expect((await ended).leftBehind).toEqual(['sequence runner 0']);
    expect(here.faults()).toHaveLength(1);
  });

  it('ends a source function that has not answered yet, and closes what it answers later', async () => {
    const items = new Counted(10);
    let answer: (source: Iterable<number>) => void = () => {};
    const runner = here.session.createSequenceRunner(
      () => new Promise<Iterable<number>>((resolve) => (answer = resolve)),
    );
    const read = runner.getRequired();
    await settle();
    runner.abort();
    expect(await read).toMatchObject({ result: [], status: 'aborted' });
    const cleanup = here.session.trackRunnerCleanup(runner.number)!;
    const ended = here.session.terminate();
    expect(await isPending(cleanup)).toBe(true);
    const iterator = items[Symbol.iterator]();
    iterator.next();
    answer(iterator);
    await Promise.all([cleanup, ended]);
    expect(items.closed).toBe(1);
  });

  it('makes nothing of what a step gives that was under way', async () => {
    let give: (step: IteratorResult<number>) => void = () => {};
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<number>>((resolve) => (give = resolve)),
      }),
    };
    const runner = here.session.createSequenceRunner(source);
    const read = runner.getRequired();
    await settle();
    runner.abort();
    expect(await read).toMatchObject({ result: [], status: 'aborted' });
    give({ done: false, value: 1 });
    await settle();
    expect(await runner.getRequired()).toMatchObject({ result: [], position: 0, status: 'aborted' });
    expect([runner.progress.reached, runner.isBackgroundCompleted]).toEqual([0, true]);
  });

  it('answers its reader at once though a source function never does; the session leaves that behind', async () => {
    const runner = here.session.createSequenceRunner<number>(() => new Promise(() => {}), { name: 'deaf' });
    const read = runner.getRequired();
    runner.abort();
    expect(await read).toMatchObject({ status: 'aborted' });
    const ended = here.session.terminate();
    await here.clock.advance(60_000);
    expect((await ended).leftBehind).toEqual(['sequence runner 0 "deaf"']);
    expect(here.faults()).toEqual([expect.stringContaining('sequence runner 0 "deaf"')]);
  });

  it.each([0, 3])('may come from a step of the source itself (step %s): that is its last', async (last) => {
    const steps: number[] = [];
    let closed = 0;
    let opened = 0;
    const source = {
      [Symbol.iterator]: (): Iterator<number> => {
        opened++;
        return {
          next: () => {
            steps.push(steps.length);
            if (steps.length > last) runner.abort('from within');
            return { done: false, value: steps.length - 1 };
          },
          return: () => {
            closed++;
            return { done: true, value: undefined };
          },
        };
      },
    };
    const runner = here.session.createSequenceRunner(source);
    expect(await runner.getRequired({ advance: 10 })).toMatchObject({ result: numbers(0, last), status: 'aborted' });
    await settle();
    expect({ steps, opened, closed }).toEqual({ steps: numbers(0, last + 1), opened: 1, closed: 1 });
    expect([runner.isBackgroundCompleted, runner.abortReason]).toEqual([true, 'from within']);
  });

  it('may come from a generator in its own step, which is closed after it', async () => {
    let closed = 0;
    const source = function* (): Generator<number> {
      try {
        yield 0;
        runner.abort();
        yield 1;
      } finally {
        closed++;
      }
    };
    const runner = here.session.createSequenceRunner(source());
    expect(await runner.getRequired({ advance: 10 })).toMatchObject({ result: [0], status: 'aborted' });
    await settle();
    expect(closed).toBe(1);
  });

  it('may come from the source function itself', async () => {
    const items = new Counted(5);
    const runner = here.session.createSequenceRunner(() => {
      runner.abort();
      const iterator = items[Symbol.iterator]();
      iterator.next();
      return iterator;
    });
    expect(await runner.getRequired()).toMatchObject({ result: [], status: 'aborted' });
    await settle();
    expect(items.closed).toBe(1);
  });

  it('may come from within, as the end of the session: that waits for the source', async () => {
    let isDone = false;
    let release: () => void = () => {};
    const runner = here.session.createSequenceRunner(async () => {
      void here.session.terminate();
      await new Promise<void>((resolve) => (release = resolve));
      isDone = true;
      return [];
    });
    void runner.getRequired();
    const ended = here.session.cleanupCompletion;
    expect(await isPending(ended)).toBe(true);
    release();
    expect((await ended).leftBehind).toEqual([]);
    expect(isDone).toBe(true);
  });
});

describe('The end of the session of a sequence', () => {
  it('drops what is unread: the sequence ends where it was read to', async () => {
    const runner = here.session.createSequenceRunner([0, 1, 2], { startNow: true });
    await settle();
    runner.getAvailable({ advance: 1 });
    await here.session.terminate();
    expect([runner.position, runner.isBackgroundCompleted]).toEqual([1, true]);
    expect(runner.progress).toMatchObject({ reached: 1, estimatedEnd: 1 });
    const nothing = { result: [], from: 1, position: 1, status: RunnerStatus.Aborted, ended: 'terminated' };
    expect(runner.getAvailable()).toEqual(nothing);
    expect(await runner.getRequired()).toEqual(nothing);
  });
});

describe('The option `signal` of a runner', () => {
  it('aborts the runner with its reason', async () => {
    const stop = new AbortController();
    const tap = new Tap().give(0);
    const runner = here.session.createSequenceRunner(tap, { signal: stop.signal });
    const read = runner.getRequired({ advance: 2 });
    await settle();
    const reason = new Error('The user has left');
    stop.abort(reason);
    expect(await read).toMatchObject({ result: [0], status: 'aborted' });
    expect(runner.abortReason).toBe(reason);
  });

  it('makes a runner that is aborted from the start, when it has aborted before', async () => {
    const items = new Counted(3);
    const runner = here.session.createSequenceRunner(items, { signal: AbortSignal.abort('late'), startNow: true });
    expect([runner.status, runner.abortReason]).toEqual([RunnerStatus.Aborted, 'late']);
    expect(await runner.getRequired()).toMatchObject({ result: [], status: 'aborted' });
    expect(items.pulled).toBe(0);
  });

  it('is let go of when the runner has ended', async () => {
    const stop = new AbortController();
    const removed = jest.spyOn(stop.signal, 'removeEventListener');
    const runner = here.session.createSequenceRunner([0], { signal: stop.signal });
    await runner.getRequired();
    expect(removed).toHaveBeenCalledTimes(1);
    stop.abort();
    expect(runner.status).toBe(RunnerStatus.Completed);
  });
});

describe('A source that has ended by itself', () => {
  it.each(['ended', 'failed'])('is not closed again, as no loop does it (%s)', async (end) => {
    const tap = new Tap().give(1);
    if (end === 'ended') tap.finish();
    else tap.fail(new Error('broken'));
    const runner = here.session.createSequenceRunner(tap, { startNow: true });
    await settle();
    expect(runner.isBackgroundCompleted).toBe(true);
    runner.abort();
    await here.session.terminate();
    expect(tap.returns).toBe(0);
  });
});

describe('A source that takes its time to close', () => {
  it('is waited for by the end of its session', async () => {
    let close: () => void = () => {};
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: 1 }),
        return: async () => {
          await new Promise<void>((resolve) => (close = resolve));
          return { done: true, value: undefined };
        },
      }),
    };
    here.session.createSequenceRunner(source, { startNow: true });
    await settle();
    const ended = here.session.terminate();
    expect(await isPending(ended)).toBe(true);
    close();
    expect(await ended).toMatchObject({ leftBehind: [], failed: [] });
  });
});

describe('A source that was never started', () => {
  it.each(['an abort', 'the end of its session'])('is closed, too, at %s', async (end) => {
    const taps = [new Tap(), new Tap()];
    const [abandoned] = taps.map((tap) => here.session.createSequenceRunner(tap));
    if (end === 'an abort') abandoned!.abort();
    await here.session.terminate();
    expect(taps.map(({ pulls, returns }) => [pulls, returns])).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it('is not called, when it is a function', async () => {
    const source = jest.fn(() => [1]);
    here.session.createSequenceRunner(source);
    await here.session.terminate();
    expect(source).not.toHaveBeenCalled();
  });

  it('may be what cannot be opened: that is logged', async () => {
    here.session.createSequenceRunner({
      [Symbol.iterator]: () => {
        throw new Error('cannot open');
      },
    });
    await here.session.terminate();
    expect(here.faults()).toEqual([expect.stringContaining('cannot open')]);
  });
});

describe('A bad source', () => {
  it.each([[undefined], [null], [5], [{}], [{ next: () => ({ done: true }) }], [Symbol.iterator]])(
    'is refused at once: %p',
    (source) => {
      expect(() => here.session.createSequenceRunner(source as number[])).toThrow(BadArgumentError);
      expect(here.session.runners.size).toBe(0);
    },
  );

  it.each([[undefined], [null], [5], [{}], [Promise.resolve(5)]])(
    'of a function fails the runner: %p',
    async (source) => {
      const runner = here.session.createSequenceRunner(() => source as number[]);
      expect(await runner.getRequired()).toMatchObject({
        result: [],
        status: 'failed',
        error: { code: 'BAD_ARGUMENT', message: expect.stringContaining('nothing that can be iterated') },
      });
    },
  );

  const fail = (): never => {
    throw new Error('no source');
  };
  it.each<[string, () => SequenceItems<number> | Promise<SequenceItems<number>>]>([
    ['throws', fail],
    ['rejects', async () => fail()],
    ['cannot be opened', () => ({ [Symbol.iterator]: fail })],
    ['cannot be stepped', () => ({ [Symbol.iterator]: () => ({ next: fail }) })],
    ['cannot be stepped and is async', () => ({ [Symbol.asyncIterator]: () => ({ next: fail }) })],
  ])('that %s fails the runner', async (_what, source) => {
    const runner = here.session.createSequenceRunner(source);
    expect(await runner.getRequired()).toMatchObject({ result: [], status: 'failed', error: { name: 'Error' } });
    expect(runner.error).toMatchObject({ message: 'no source' });
  });

  it('takes a text for its characters, as every loop does', async () => {
    expect((await here.session.createSequenceRunner('abc').getRequired()).result).toEqual(['a', 'b', 'c']);
  });
});

describe('Bad arguments of a read', () => {
  it.each([
    [{ advance: 0 }, 'advance'],
    [{ advance: -1 }, 'advance'],
    [{ advance: 1.5 }, 'advance'],
    [{ advance: NaN }, 'advance'],
    [{ advance: '5' as unknown as number }, 'advance'],
    [{ atLeast: -1 }, 'atLeast'],
    [{ atLeast: NaN }, 'atLeast'],
    [{ startPosition: -1 }, 'startPosition'],
    [{ startPosition: 0.5 }, 'startPosition'],
    [{ startPosition: NaN }, 'startPosition'],
    [{ startPosition: Infinity }, 'startPosition'],
    [{ startPosition: 2 ** 53 }, 'startPosition'],
    [{ waitMs: -1 }, 'waitMs'],
    [{ waitMs: NaN }, 'waitMs'],
    [{ waitMs: '5' as unknown as number }, 'waitMs'],
  ])('are refused by name, and leave the runner usable: %p', async (options, name) => {
    const runner = here.session.createSequenceRunner(numbers(0, 3));
    const error = await rejection(runner.getRequired(options));
    expect(error).toBeInstanceOf(BadArgumentError);
    expect(error).toMatchObject({ message: expect.stringContaining(name) });
    expect(runner.status).toBe(RunnerStatus.NotStarted);
    expect(await runner.getRequired()).toMatchObject({ result: [0, 1, 2] });
  });

  it.each([{ advance: -1 }, { startPosition: -1 }, { advance: NaN }])('are thrown by getAvailable: %p', (options) => {
    const runner = here.session.createSequenceRunner([]);
    expect(() => runner.getAvailable(options)).toThrow(BadArgumentError);
  });

  it('do not include `atLeast` beyond `advance`: it is cut', async () => {
    const runner = here.session.createSequenceRunner(new Tap().give(0, 1));
    expect((await runner.getRequired({ advance: 2, atLeast: 5 })).result).toEqual([0, 1]);
  });

  it('include options of the runner that do not exist, or cannot be', () => {
    const create = (options: object) => () => here.session.createSequenceRunner([], options);
    expect(create({ queueLimt: 5 })).toThrow('queueLimt');
    for (const options of [{ queueLimit: 0 }, { defaultAdvance: 0 }, { replay: -1 }, { sliceMs: 0 }])
      expect(create(options)).toThrow(`sequence.${Object.keys(options)[0]}`);
    expect(here.session.runners.size).toBe(0);
  });
});

describe('The error that goes to clients', () => {
  const failing = (error: unknown) => (): Iterable<number> => {
    throw error;
  };

  it('tells name and code, and no message', async () => {
    const error = Object.assign(new TypeError('secret path /etc'), { code: 'ENOENT' });
    const runner = here.session.createSequenceRunner(failing(error));
    expect((await runner.getRequired()).error).toEqual({ name: 'TypeError', code: 'ENOENT' });
    expect(runner.error).toBe(error);
  });

  it('tells the message of an HttpException, which is meant for clients', async () => {
    const runner = here.session.createSequenceRunner(failing(new GoneException('The file has gone')));
    expect((await runner.getRequired()).error).toEqual({ name: 'GoneException', message: 'The file has gone' });
  });

  it('is made by the serializeError of the runner', async () => {
    const serializeError = (error: unknown) => ({ name: 'Custom', message: (error as Error).message });
    const runner = here.session.createSequenceRunner(failing(new Error('hello')), { serializeError });
    expect((await runner.getRequired()).error).toEqual({ name: 'Custom', message: 'hello' });
  });

  it('is told without details when serializeError throws: the read is answered all the same', async () => {
    const serializeError = () => {
      throw new Error('a broken serializer');
    };
    const runner = here.session.createSequenceRunner(failing(new Error('hello')), { serializeError });
    expect(await runner.getRequired()).toMatchObject({ status: 'failed', error: { name: 'Error' } });
    expect(here.faults()).toEqual([expect.stringContaining('a broken serializer')]);
  });

  describe('made by the serializeError of the module', () => {
    const custom = useSession({
      sequence: { serializeError: () => ({ name: 'Ours' }), defaultAdvance: 2, queueLimit: 4 },
    });

    it('is its answer; and the other defaults come from there, too', async () => {
      const runner = custom.session.createSequenceRunner(new Counted(5, { error: new Error('hello') }));
      expect((await runner.getRequired()).result).toEqual([0, 1]);
      await settle();
      expect(runner.progress.reached).toBe(5);
      expect(await runner.getRequired({ advance: 9 })).toMatchObject({ status: 'failed', error: { name: 'Ours' } });
    });
  });
});

describe('A runner that nobody reads', () => {
  const idle = useSession({ runnerIdleTimeoutMs: 10_000 });
  const isKept = (number: number): boolean => idle.session.getRunner(number) !== undefined;

  it('goes when it was not read for so long after it was made', async () => {
    const tap = new Tap();
    const { number } = idle.session.createSequenceRunner(tap);
    await idle.clock.advance(9_000);
    expect(isKept(number)).toBe(true);
    await idle.clock.advance(2_000);
    expect([isKept(number), tap.returns]).toEqual([false, 1]);
  });

  it('is kept while it works, and from the end of its work on for the idle time', async () => {
    const tap = new Tap();
    const { number } = idle.session.createSequenceRunner(tap, { startNow: true });
    await idle.clock.advance(60_000);
    tap.give(1).finish();
    await settle();
    await idle.clock.advance(9_000);
    expect(isKept(number)).toBe(true);
    await idle.clock.advance(2_000);
    expect(isKept(number)).toBe(false);
  });

  it('goes also when it was aborted and its source does not stop', async () => {
    let release: (source: number[]) => void = () => {};
    const runner = idle.session.createSequenceRunner(() => new Promise<number[]>((resolve) => (release = resolve)), {
      startNow: true,
    });
    await idle.clock.advance(60_000);
    runner.abort();
    await idle.clock.advance(11_000);
    expect([isKept(runner.number), runner.isBackgroundCompleted]).toEqual([false, false]);
    release([]);
  });

  it('is kept while a read waits for it', async () => {
    const tap = new Tap();
    const runner = idle.session.createSequenceRunner(tap);
    const read = runner.getRequired({ advance: 1 });
    await idle.clock.advance(60_000);
    tap.give(7);
    expect(await read).toMatchObject({ result: [7] });
    expect(isKept(runner.number)).toBe(true);
  });

  it('is disposed of when it goes: its signal aborts, and its cleanup can be awaited', async () => {
    const runner = idle.session.createSequenceRunner([1, 2]);
    await runner.getRequired({ advance: 1 });
    const { completionSignal } = runner;
    const cleanup = idle.session.trackRunnerCleanup(runner.number)!;
    await idle.clock.advance(11_000);
    await cleanup;
    expect([completionSignal.aborted, runner.status]).toEqual([true, RunnerStatus.Aborted]);
  });
});

describe('A read that nobody waits for', () => {
  it('takes no turn: the signal was none', async () => {
    const tap = new Tap();
    const runner = here.session.createSequenceRunner(tap);
    const signal = new AbortController() as unknown as AbortSignal;
    expect(await rejection(runner.getRequired({ signal }))).toBeInstanceOf(BadArgumentError);
    const read = runner.getRequired({ advance: 2 });
    await settle();
    tap.give(1, 2);
    expect(await read).toMatchObject({ result: [1, 2] });
  });
});

describe('A runner that nobody reads', () => {
  const idle = useSession({ runnerIdleTimeoutMs: 10_000 });

  it('idles out at its time, also when waits are released', async () => {
    const runner = idle.session.createSequenceRunner([1, 2], { startNow: true });
    await idle.clock.advance(8_000);
    runner.releaseWaits();
    await idle.clock.advance(3_000);
    expect(idle.session.getRunner(runner.number)).toBeUndefined();
  });
});
