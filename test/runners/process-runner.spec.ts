import { describe, expect, it, jest } from '@jest/globals';
import { NotFoundException } from '@nestjs/common';
import {
  ActiveSessionError,
  BadArgumentError,
  RunnerStatus,
  type ProcessRunner,
  type ProcessBody,
  type Report,
  type ProcessOptions,
} from 'nestjs-active-session';
import { settle } from '../support/fake-clock.js';
import { useSession } from './one-session.js';
import { isPending, rejection } from './pending.js';

const here = useSession();

/** A process whose body does what the test says. */
interface Worked {
  runner: ProcessRunner<string>;
  report: Report<string>;
  signal: AbortSignal;
  /** The body returns. */
  finish(result?: string): Promise<void>;
  fail(error: unknown): Promise<void>;
}

function work(options?: ProcessOptions): Worked {
  let worked!: Omit<Worked, 'runner'>;
  const runner = here.session.createProcessRunner<string>((report, signal) => {
    return new Promise<string | void>((resolve, reject) => {
      worked = {
        report,
        signal,
        finish: (result) => (resolve(result), settle()),
        fail: (error) => (reject(error), settle()),
      };
      // It stops when it is told to; bodies that do not are written out where they are tested.
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  }, options);
  return { runner, ...worked };
}

describe('A process runner', () => {
  it('starts at once, and has no result before its first report', () => {
    const { runner } = work();
    expect(runner.getAvailable()).toEqual({ result: undefined, from: 0, position: 0, status: RunnerStatus.Stalled });
    expect([runner.status, runner.position, runner.kind]).toEqual([RunnerStatus.Stalled, 0, 'process']);
    expect(runner.progress).toEqual({ reached: 0, startedAt: expect.any(Number) });
  });

  it('counts its reports, and estimates the end as the last one did', async () => {
    const { runner, report, finish } = work();
    report('a', 3);
    expect(runner.progress).toMatchObject({ reached: 1, estimatedEnd: 3, updatedAt: expect.any(Number) });
    expect(runner.status).toBe(RunnerStatus.Progressed);
    report('b');
    expect(runner.progress).toMatchObject({ reached: 2 });
    expect(runner.progress.estimatedEnd).toBeUndefined();
    await finish('c');
    expect(runner.progress).toMatchObject({ reached: 3, estimatedEnd: 3 });
    expect([runner.isBackgroundCompleted, runner.status]).toEqual([true, RunnerStatus.Progressed]);
  });

  it('gives every reader the latest result, and takes nothing away', () => {
    const { runner, report } = work();
    report('a');
    report('b');
    const latest = { result: 'b', position: 2, status: RunnerStatus.Stalled };
    expect(runner.getAvailable({ startPosition: 0, advance: 1 })).toEqual({ ...latest, from: 0 });
    expect(runner.getAvailable()).toEqual({ ...latest, from: 2 });
    expect(runner.getAvailable({ startPosition: 1 })).toEqual({ ...latest, from: 1 });
    expect([runner.status, runner.position]).toEqual([RunnerStatus.Stalled, 2]);
  });

  it('tells in getAvailable what there is also to one who is ahead of it', () => {
    const { runner, report } = work();
    report('a');
    expect(runner.getAvailable({ startPosition: 9 })).toMatchObject({ result: 'a', from: 9, position: 1 });
  });

  it('has what its body returns as its last result', async () => {
    const { runner, report, finish } = work();
    report('on its way');
    await finish('there');
    expect(await runner.getRequired()).toEqual({
      result: 'there',
      from: 0,
      position: 2,
      status: RunnerStatus.Completed,
    });
    expect(runner.status).toBe(RunnerStatus.Completed);
  });

  it('keeps its last report as its last result, when its body returns nothing', async () => {
    const { runner, report, finish } = work();
    report('on its way');
    await finish();
    expect(await runner.getRequired()).toMatchObject({ result: 'on its way', position: 2, status: 'completed' });
  });

  it.each<[string, ProcessBody<string>]>([
    ['returns its result', () => 'the last'],
    ['resolves with its result', async () => 'the last'],
    ['reports, and returns nothing', (report) => report('the last')],
    ['reports, and resolves with nothing', async (report) => report('the last')],
  ])('may have a body that %s', async (_how, body) => {
    const runner = here.session.createProcessRunner(body);
    expect(await runner.getRequired({ advance: Infinity })).toMatchObject({ result: 'the last', status: 'completed' });
  });

  it.each([
    ['null', null],
    ['false', false],
    ['an empty text', ''],
    ['0', 0],
  ])('takes %s for a result', async (_what, value) => {
    const runner = here.session.createProcessRunner<unknown>(async (report) => {
      report('before');
      return value;
    });
    expect(await runner.getRequired({ advance: 2 })).toMatchObject({ result: value, status: 'completed' });
  });

  it.each([
    ['returns', () => 'at once'],
    ['resolves', async () => 'at once'],
  ])('keeps the result of a body that %s without waiting', async (_how, body) => {
    const runner = here.session.createProcessRunner<string>(body);
    expect(await runner.getRequired()).toEqual({ result: 'at once', from: 0, position: 1, status: 'completed' });
    expect(await runner.getRequired()).toMatchObject({ result: 'at once', from: 1, position: 1, status: 'completed' });
  });

  it('runs the start of its body before it is returned', () => {
    const runner = here.session.createProcessRunner<number>((report) => report(1));
    expect(runner.progress.reached).toBe(1);
  });

  it.each([undefined, null, 5, {}])('is refused without a body: %p', (body) => {
    expect(() => here.session.createProcessRunner(body as () => void)).toThrow(BadArgumentError);
    expect(here.session.runners.size).toBe(0);
  });

  it('keeps its body from being started twice by its own start', async () => {
    let starts = 0;
    const ensure = (): ProcessRunner =>
      here.session.createProcessRunner(
        async () => {
          starts++;
          if (starts < 5) ensure();
        },
        { dedupeKey: 'the one' },
      );
    await ensure().getRequired();
    expect(starts).toBe(1);
  });
});

describe('A read of a process', () => {
  it('waits for one report more than was read, when it says nothing', async () => {
    const { runner, report } = work();
    const first = runner.getRequired();
    expect(await isPending(first)).toBe(true);
    report('a');
    expect(await first).toEqual({ result: 'a', from: 0, position: 1, status: RunnerStatus.Stalled });
    const second = runner.getRequired();
    expect(await isPending(second)).toBe(true);
    report('b');
    expect(await second).toMatchObject({ result: 'b', from: 1, position: 2 });
  });

  it('waits for startPosition + advance', async () => {
    const { runner, report } = work();
    report('1');
    const read = runner.getRequired({ startPosition: 1, advance: 2 });
    report('2');
    expect(await isPending(read)).toBe(true);
    report('3');
    expect(await read).toMatchObject({ result: '3', from: 1, position: 3 });
  });

  it('is answered at once when that is reached already: with the latest result and where that is', async () => {
    const { runner, report } = work();
    for (const text of ['1', '2', '3']) report(text);
    for (const options of [{}, { startPosition: 0, advance: 1 }, { startPosition: 2 }, { startPosition: 3 }])
      expect(await runner.getRequired(options)).toMatchObject({ result: '3', position: 3, status: 'stalled' });
  });

  it('may be ahead of the process', async () => {
    const { runner, report } = work();
    const read = runner.getRequired({ startPosition: 2 });
    report('1');
    expect(await isPending(read)).toBe(true);
    report('2');
    expect(await read).toMatchObject({ result: '2', from: 2, position: 2 });
  });

  it('is content with `atLeast`', async () => {
    const { runner, report } = work();
    const read = runner.getRequired({ advance: 5, atLeast: 2 });
    report('1');
    expect(await isPending(read)).toBe(true);
    report('2');
    expect(await read).toMatchObject({ result: '2', position: 2 });
  });

  it('waits for the end with `advance: Infinity`', async () => {
    const { runner, report, finish } = work();
    const read = runner.getRequired({ advance: Infinity });
    report('1');
    expect(await isPending(read)).toBe(true);
    await finish('2');
    expect(await read).toMatchObject({ result: '2', position: 2, status: 'completed' });
  });

  it('is answered in the order of targets, equal ones in the order in which they came', async () => {
    const { runner, report } = work();
    const answered: string[] = [];
    const read = (name: string, advance: number): void =>
      void runner.getRequired({ startPosition: 0, advance }).then(({ result }) => answered.push(`${name}: ${result}`));
    read('third', 3);
    read('first', 1);
    read('second', 2);
    read('another first', 1);
    read('another third', 3);
    for (const text of ['1', '2', '3']) {
      report(text);
      await settle();
    }
    expect(answered).toEqual(['first: 1', 'another first: 1', 'second: 2', 'third: 3', 'another third: 3']);
  });

  it('gets the report that it waited for, though others follow in the same turn', async () => {
    const { runner, report } = work();
    const reads = [1, 2].map((advance) => runner.getRequired({ startPosition: 0, advance }));
    report('1');
    report('2');
    expect((await Promise.all(reads)).map(({ result, position }) => [result, position])).toEqual([
      ['1', 1],
      ['2', 2],
    ]);
  });

  it('is answered after `waitMs` with what there is', async () => {
    const { runner, report } = work();
    const read = runner.getRequired({ advance: 3, waitMs: 1_000 });
    report('1');
    await here.clock.advance(999);
    expect(await isPending(read)).toBe(true);
    await here.clock.advance(1);
    expect(await read).toMatchObject({ result: '1', position: 1, status: 'stalled' });
    expect(await runner.getRequired({ advance: 3, waitMs: 0 })).toMatchObject({ result: '1', from: 1 });
  });

  it('is rejected by its signal, and disturbs nobody', async () => {
    const { runner, report } = work();
    const leaving = new AbortController();
    const cancelled = rejection(runner.getRequired({ signal: leaving.signal }));
    const other = runner.getRequired();
    const reason = new Error('The client has gone');
    leaving.abort(reason);
    expect(await cancelled).toBe(reason);
    report('1');
    expect(await other).toMatchObject({ result: '1' });
  });

  it('is rejected by a signal that had aborted before, only when it has to wait', async () => {
    const { runner, report } = work();
    const signal = AbortSignal.abort('gone');
    expect(await rejection(runner.getRequired({ signal }))).toBe('gone');
    report('1');
    expect(await runner.getRequired({ signal })).toMatchObject({ result: '1' });
  });

  it('leaves no timer and no listener behind, however it ends', async () => {
    const { runner, report } = work();
    const before = here.clock.pending;
    const staying = new AbortController();
    const removed = jest.spyOn(staying.signal, 'removeEventListener');
    const leaving = new AbortController();
    const reads = Promise.allSettled([
      runner.getRequired({ advance: 1, waitMs: 1_000, signal: staying.signal }),
      runner.getRequired({ advance: 9, waitMs: 1_000, signal: leaving.signal }),
      runner.getRequired({ advance: 9, waitMs: 1_000 }),
    ]);
    expect(here.clock.pending).toBe(before + 3);
    report('1');
    leaving.abort();
    await here.clock.advance(1_000);
    await reads;
    expect(removed).toHaveBeenCalledTimes(1);
    expect(here.clock.pending).toBeLessThanOrEqual(before);
  });

  it.each([
    [{ advance: -1 }, 'advance'],
    [{ advance: 1.5 }, 'advance'],
    [{ atLeast: -1 }, 'atLeast'],
    [{ startPosition: -1 }, 'startPosition'],
    [{ startPosition: NaN }, 'startPosition'],
    [{ startPosition: Infinity }, 'startPosition'],
    [{ waitMs: -1 }, 'waitMs'],
  ])('is refused by name with a bad argument: %p', async (options, name) => {
    const { runner, report } = work();
    const error = await rejection(runner.getRequired(options));
    expect(error).toBeInstanceOf(BadArgumentError);
    expect(error).toMatchObject({ message: expect.stringContaining(name) });
    report('1');
    expect(await runner.getRequired()).toMatchObject({ result: '1' });
  });
});

describe('The reports of a process', () => {
  it('are kept as the option `history` says, and can be read again', async () => {
    const { runner, report, finish } = work({ history: 3 });
    expect(runner.reports()).toEqual({ result: [], from: 0, position: 0, status: RunnerStatus.Stalled });
    for (const text of ['a', 'b']) report(text);
    expect(runner.reports()).toEqual({ result: ['a', 'b'], from: 0, position: 2, status: RunnerStatus.Stalled });
    expect(runner.reports({ since: 1 })).toMatchObject({ result: ['b'], from: 1, position: 2 });
    expect(runner.reports({ since: 2 })).toMatchObject({ result: [], from: 2, position: 2 });
    for (const text of ['c', 'd', 'e']) report(text);
    // What is not kept any more is left out, and `from` tells.
    expect(runner.reports({ since: 1 })).toMatchObject({ result: ['c', 'd', 'e'], from: 2, position: 5 });
    expect(runner.reports({ since: 9 })).toMatchObject({ result: [], from: 5, position: 5 });
    await finish('end');
    expect(runner.reports({ since: 4 })).toMatchObject({ result: ['e', 'end'], from: 4, position: 6 });
    expect([runner.position, runner.status]).toEqual([6, RunnerStatus.Completed]);
  });

  it('tell of the end, and of a failure, as every read does', async () => {
    const { runner, report, fail } = work({ history: 3 });
    report('a');
    await fail(Object.assign(new Error('secret'), { code: 'E_DISK' }));
    const end = { status: RunnerStatus.Failed, error: { name: 'Error', code: 'E_DISK' } };
    expect(runner.reports()).toEqual({ result: ['a'], from: 0, position: 1, ...end });
    expect(runner.reports({ since: 1 })).toMatchObject({ result: [], from: 1, ...end });
    await here.session.terminate();
    expect(runner.reports()).toMatchObject({ ended: 'terminated' });
  });

  it('are not kept without it', async () => {
    const { runner, report } = work();
    report('a');
    expect(runner.reports()).toMatchObject({ result: [], from: 1, position: 1 });
  });

  it.each([{ since: -1 }, { since: 0.5 }, { since: NaN }])(
    'are refused from where there can be none: %p',
    (options) => {
      expect(() => work({ history: 1 }).runner.reports(options)).toThrow(BadArgumentError);
    },
  );

  it.each([-1, 1.5, 'all'])('cannot be kept in a number that is none: %p', (history) => {
    expect(() => work({ history: history as number })).toThrow(BadArgumentError);
    expect(here.session.runners.size).toBe(0);
  });
});

describe('The end of a process', () => {
  it('answers all reads, those beyond it too', async () => {
    const { runner, report, finish } = work();
    const reads = [2, 5, 100].map((advance) => runner.getRequired({ startPosition: 0, advance }));
    report('1');
    await finish('2');
    for (const read of reads) expect(await read).toEqual({ result: '2', from: 0, position: 2, status: 'completed' });
    expect(await runner.getRequired({ startPosition: 9, advance: 9 })).toMatchObject({ status: 'completed' });
  });

  it('by a failure surfaces to its readers, with the last report', async () => {
    const { runner, report, fail } = work();
    report('as far as it got');
    const read = runner.getRequired({ startPosition: 0, advance: 5 });
    const error = new NotFoundException('The file has gone');
    await fail(error);
    const failed = {
      result: 'as far as it got',
      from: 0,
      position: 1,
      status: RunnerStatus.Failed,
      error: { name: 'NotFoundException', message: 'The file has gone' },
    };
    expect(await read).toEqual(failed);
    expect(await runner.getRequired({ startPosition: 0, advance: 5 })).toEqual(failed);
    expect(runner.getAvailable({ startPosition: 0 })).toEqual(failed);
    expect([runner.error, runner.status, runner.progress.estimatedEnd]).toEqual([error, RunnerStatus.Failed, 1]);
  });

  it('by a failure is known at once, and final when a reader has seen it', async () => {
    const { runner, fail } = work();
    const error = new Error('broken');
    await fail(error);
    expect([runner.error, runner.isBackgroundCompleted, runner.status]).toEqual([error, true, RunnerStatus.Stalled]);
    expect(runner.getAvailable()).toMatchObject({ result: undefined, status: 'failed', error: { name: 'Error' } });
    expect(runner.status).toBe(RunnerStatus.Failed);
  });

  const failing = (error: unknown) => (): never => {
    throw error;
  };
  it.each<[string, () => void | Promise<void>]>([
    ['throws', failing(new Error('broken'))],
    ['rejects', async () => failing(new Error('broken'))()],
    ['throws undefined', failing(undefined)],
  ])('by a body that %s at its start fails the runner, and not its creator', async (_how, body) => {
    const runner = here.session.createProcessRunner(body);
    expect(await runner.getRequired()).toMatchObject({ position: 0, status: 'failed', error: { name: 'Error' } });
  });

  it('by the abort of something else is a failure like any other', async () => {
    const { runner, fail } = work();
    const error = Object.assign(new Error('The other server has hung up'), { name: 'AbortError' });
    await fail(error);
    expect(await runner.getRequired()).toMatchObject({ status: 'failed', error: { name: 'AbortError' } });
    expect(runner.error).toBe(error);
  });

  it('aborts the completion signal when a reader has seen it', async () => {
    const { runner, finish } = work();
    await finish('done');
    expect(runner.completionSignal.aborted).toBe(false);
    runner.getAvailable();
    expect(runner.completionSignal.aborted).toBe(true);
  });

  it('does not abort the signal of the body', async () => {
    const { runner, finish, signal } = work();
    await finish('done');
    runner.getAvailable();
    await here.session.terminate();
    expect(signal.aborted).toBe(false);
  });

  it('lets nobody report any more', async () => {
    const { runner, report, finish } = work({ name: 'import' });
    await finish('done');
    expect(() => report('too late')).toThrow(ActiveSessionError);
    expect(() => report('too late')).toThrow('process runner 0 "import" reported after its body had ended');
    expect(await runner.getRequired({ startPosition: 0 })).toMatchObject({ result: 'done', position: 1 });
  });
});

describe('An abort of a process', () => {
  it('is final at once, keeps the last report, and tells the body', async () => {
    const { runner, report, signal } = work();
    report('as far as it got');
    const reason = new Error('enough');
    expect(runner.abort(reason)).toBe(RunnerStatus.Aborted);
    expect([runner.status, runner.abortReason, signal.reason]).toEqual([RunnerStatus.Aborted, reason, reason]);
    await settle();
    expect(await runner.getRequired()).toEqual({
      result: 'as far as it got',
      from: 0,
      position: 1,
      status: RunnerStatus.Aborted,
    });
    expect([runner.isBackgroundCompleted, runner.error]).toEqual([true, undefined]);
  });

  it('answers all waits at once, although the body ignores it', async () => {
    let release: () => void = () => {};
    const runner = here.session.createProcessRunner<string>(async (report) => {
      report('1');
      await new Promise<void>((resolve) => (release = resolve));
      return 'ignored';
    });
    const reads = [2, 9].map((advance) => runner.getRequired({ startPosition: 0, advance }));
    runner.abort();
    for (const read of reads) expect(await read).toEqual({ result: '1', from: 0, position: 1, status: 'aborted' });
    expect(runner.isBackgroundCompleted).toBe(false);
    release();
    await settle();
    expect(runner.isBackgroundCompleted).toBe(true);
    expect(runner.getAvailable()).toMatchObject({ result: '1', position: 1, status: 'aborted' });
  });

  it('stops a body at its next report, if it does not look at its signal', async () => {
    const reason = new Error('enough');
    let thrown: unknown;
    let goOn: () => void = () => {};
    const runner = here.session.createProcessRunner<number>(async (report) => {
      await new Promise<void>((resolve) => (goOn = resolve));
      try {
        report(1);
      } catch (error) {
        thrown = error;
        throw error;
      }
    });
    runner.abort(reason);
    goOn();
    await settle();
    expect(thrown).toBe(reason);
    expect([runner.isBackgroundCompleted, runner.progress.reached]).toEqual([true, 0]);
  });

  it('stops also the body from which it comes', async () => {
    const runner: ProcessRunner<number> = here.session.createProcessRunner<number>(async (report) => {
      report(1);
      await settle();
      runner.abort('from within');
      report(2);
    });
    expect(await runner.getRequired({ advance: 5 })).toMatchObject({ result: 1, status: 'aborted' });
    await settle();
    expect([runner.abortReason, runner.isBackgroundCompleted]).toEqual(['from within', true]);
  });

  it('logs what else a body throws on its way out', async () => {
    const runner = here.session.createProcessRunner(async (_report, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new Error('broken on its way out');
    });
    runner.abort();
    await settle();
    expect(here.faults()).toEqual([expect.stringContaining('broken on its way out')]);
    expect([runner.status, runner.error]).toEqual([RunnerStatus.Aborted, undefined]);
  });

  it('hides a failure that nobody has seen', async () => {
    const { runner, fail } = work();
    await fail(new Error('broken'));
    expect(runner.abort()).toBe(RunnerStatus.Aborted);
    const read = runner.getAvailable();
    expect(read).toEqual({ result: undefined, from: 0, position: 0, status: RunnerStatus.Aborted });
  });

  it('changes nothing once the end was seen', async () => {
    const { runner, finish } = work();
    await finish('done');
    runner.getAvailable();
    expect(runner.abort('late')).toBe(RunnerStatus.Completed);
    expect([runner.status, runner.abortReason]).toEqual([RunnerStatus.Completed, undefined]);
  });

  it('keeps a body from starting, when the signal of its options has aborted before', async () => {
    const body = jest.fn();
    const runner = here.session.createProcessRunner(body, { signal: AbortSignal.abort('late') });
    expect(await runner.getRequired()).toEqual({
      result: undefined,
      from: 0,
      position: 0,
      status: RunnerStatus.Aborted,
    });
    expect([runner.abortReason, runner.isBackgroundCompleted]).toEqual(['late', true]);
    expect(body).not.toHaveBeenCalled();
  });

  it('comes with the signal of its options, too', async () => {
    const stop = new AbortController();
    const { runner, signal } = work({ signal: stop.signal });
    stop.abort('enough');
    expect([runner.status, signal.reason]).toEqual([RunnerStatus.Aborted, 'enough']);
    await settle();
  });
});

describe('The end of the session of a process', () => {
  it('aborts it, answers its reads, and waits for its body', async () => {
    let isTidy = false;
    const runner = here.session.createProcessRunner(async (report, signal) => {
      report('1');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await settle();
      isTidy = true;
    });
    const read = runner.getRequired({ startPosition: 0, advance: 9 });
    expect(await here.session.terminate()).toMatchObject({ leftBehind: [], failed: [] });
    expect(isTidy).toBe(true);
    expect(await read).toEqual({ result: '1', from: 0, position: 1, status: 'aborted', ended: 'terminated' });
  });

  it('waits also for a body that ended the session with its very first step', async () => {
    let isTidy = false;
    here.session.createProcessRunner(async () => {
      void here.session.terminate();
      await settle();
      isTidy = true;
    });
    expect(await here.session.cleanupCompletion).toMatchObject({ leftBehind: [] });
    expect(isTidy).toBe(true);
  });

  it('leaves a body behind that does not stop, and names it', async () => {
    const runner = here.session.createProcessRunner(() => new Promise<void>(() => {}), { name: 'deaf' });
    const ended = here.session.terminate();
    await here.clock.advance(60_000);
    expect((await ended).leftBehind).toEqual(['process runner 0 "deaf"']);
    expect(here.faults()).toEqual([expect.stringContaining('process runner 0 "deaf"')]);
    expect(runner.status).toBe(RunnerStatus.Aborted);
  });
});

describe('A process that nobody reads', () => {
  const idle = useSession({ runnerIdleTimeoutMs: 10_000 });

  it('is kept while it works, and from the end of its work on for the idle time', async () => {
    let finish: () => void = () => {};
    const { number } = idle.session.createProcessRunner(() => new Promise<void>((resolve) => (finish = resolve)));
    await idle.clock.advance(60_000);
    finish();
    await settle();
    await idle.clock.advance(9_000);
    expect(idle.session.getRunner(number)).toBeDefined();
    await idle.clock.advance(2_000);
    expect(idle.session.getRunner(number)).toBeUndefined();
  });

  it('is kept longer by every read', async () => {
    const { number } = idle.session.createProcessRunner(() => 'done');
    for (let round = 0; round < 4; round++) {
      await idle.clock.advance(8_000);
      expect(idle.session.getRunner(number)?.getAvailable()).toMatchObject({ result: 'done' });
    }
    await idle.clock.advance(11_000);
    expect(idle.session.getRunner(number)).toBeUndefined();
  });
});
