import { describe, expect, it } from '@jest/globals';
import {
  BadArgumentError,
  PositionGoneError,
  RunnerStatus,
  type SequenceRunner,
  type SequenceRunnerOptions,
} from 'nestjs-active-session';
import { settle } from '../support/fake-clock.js';
import { useSession } from './one-session.js';
import { isPending, rejection } from './pending.js';
import { numbers, Tap } from './tap.js';

const here = useSession();

/** A runner over a source that the test feeds; it gives 0, 1, 2 ... up to `given`. */
function feed(given: number, options?: SequenceRunnerOptions): { runner: SequenceRunner<number>; tap: Tap } {
  const tap = new Tap().give(...numbers(0, given));
  return { runner: here.session.createSequenceRunner(tap, options), tap };
}

/** A runner whose items up to `read` were handed out, in one page, with `unread` more behind them. */
async function readUpTo(
  read: number,
  { unread = 0, ...options }: SequenceRunnerOptions & { unread?: number } = {},
): Promise<{ runner: SequenceRunner<number>; tap: Tap }> {
  const feeding = feed(read + unread, options);
  await feeding.runner.getRequired({ advance: read });
  await settle();
  return feeding;
}

describe('1. A client that follows its cursor', () => {
  it('gets every item once and in order, whatever the size of its pages', async () => {
    const { runner } = feed(10);
    const rows: number[] = [];
    for (const advance of [1, 4, 2, 3]) {
      const page = await runner.getRequired({ startPosition: rows.length, advance });
      expect(page).toMatchObject({ from: rows.length, position: rows.length + advance });
      rows.push(...page.result);
    }
    expect(rows).toEqual(numbers(0, 10));
  });

  it('is told with every page where it begins, where it ends, and how things stand', async () => {
    const { runner } = feed(5);
    expect(await runner.getRequired({ startPosition: 0, advance: 2 })).toEqual({
      result: [0, 1],
      from: 0,
      position: 2,
      status: RunnerStatus.Progressed,
    });
  });

  it('gets the same page again for the same cursor, when its answer was lost', async () => {
    const { runner } = await readUpTo(5, { unread: 5 });
    const lost = await runner.getRequired({ startPosition: 5, advance: 3 });
    expect(await runner.getRequired({ startPosition: 5, advance: 3 })).toEqual(lost);
    expect(await runner.getRequired({ startPosition: 8, advance: 2 })).toMatchObject({ result: [8, 9], from: 8 });
  });

  it("gets all of its rows again after a reload, with replay: 'all'", async () => {
    const { runner } = feed(9, { replay: 'all' });
    for (const startPosition of [0, 3, 6]) await runner.getRequired({ startPosition, advance: 3 });
    expect(await runner.getRequired({ startPosition: 0, advance: Infinity })).toMatchObject({ result: numbers(0, 9) });
  });
});

describe('2. A read from where there is nothing', () => {
  it('is refused ahead of the position', async () => {
    const { runner } = await readUpTo(3, { unread: 3 });
    const error = await rejection(runner.getRequired({ startPosition: 4 }));
    expect(error).toBeInstanceOf(BadArgumentError);
    expect(error).toMatchObject({ code: 'BAD_ARGUMENT', message: expect.stringContaining('at most 3') });
    expect(() => runner.getAvailable({ startPosition: 4 })).toThrow(BadArgumentError);
  });

  it('is told the oldest position, where its items are not kept any more', async () => {
    const { runner } = await readUpTo(3, { unread: 6 });
    await runner.getRequired({ startPosition: 3, advance: 3 });
    const error = await rejection(runner.getRequired({ startPosition: 2 }));
    expect(error).toBeInstanceOf(PositionGoneError);
    expect(error).toMatchObject({ code: 'POSITION_GONE', from: 2, oldest: 3 });
    expect(() => runner.getAvailable({ startPosition: 0 })).toThrow(PositionGoneError);
  });

  it('leaves the runner as it was', async () => {
    const { runner } = await readUpTo(3, { unread: 3 });
    await rejection(runner.getRequired({ startPosition: 7 }));
    expect(await runner.getRequired({ startPosition: 3, advance: 3 })).toMatchObject({ result: [3, 4, 5] });
  });

  it('is judged when its turn comes: by then the read before may have got that far', async () => {
    const { runner, tap } = feed(0);
    const first = runner.getRequired({ startPosition: 0, advance: 3 });
    const second = runner.getRequired({ startPosition: 3, advance: 2 });
    const third = runner.getRequired({ startPosition: 6, advance: 2 });
    const refused = rejection(third);
    tap.give(...numbers(0, 5));
    expect(await first).toMatchObject({ result: [0, 1, 2] });
    expect(await second).toMatchObject({ result: [3, 4], from: 3 });
    expect(await refused).toBeInstanceOf(BadArgumentError);
  });
});

describe('3. A re-read', () => {
  it('gives what was handed out and nothing new', async () => {
    const { runner } = await readUpTo(4, { unread: 4 });
    expect(await runner.getRequired({ startPosition: 1, advance: 20 })).toEqual({
      result: [1, 2, 3],
      from: 1,
      position: 4,
      status: RunnerStatus.Progressed,
    });
  });

  it('gives no more than was asked for', async () => {
    const { runner } = await readUpTo(4);
    expect(await runner.getRequired({ startPosition: 0, advance: 2 })).toMatchObject({ result: [0, 1], position: 2 });
    expect(runner.getAvailable({ startPosition: 1, advance: 2 })).toMatchObject({ result: [1, 2], from: 1 });
  });

  it('never waits, neither for items nor for a read that does', async () => {
    const { runner } = await readUpTo(4, { replay: 'all' });
    const waiting = runner.getRequired({ startPosition: 4, advance: 4 });
    const page = { result: [0, 1, 2, 3], from: 0, position: 4, status: RunnerStatus.Stalled };
    expect(await runner.getRequired({ startPosition: 0, advance: 20, atLeast: 20 })).toEqual(page);
    expect(runner.getAvailable({ startPosition: 0 })).toEqual(page);
    expect(await isPending(waiting)).toBe(true);
  });

  it('changes nothing', async () => {
    const { runner } = await readUpTo(4, { unread: 2 });
    const before = { position: runner.position, status: runner.status, reached: runner.progress.reached };
    for (const startPosition of [3, 0, 2, 0]) await runner.getRequired({ startPosition, advance: 1 });
    expect({ position: runner.position, status: runner.status, reached: runner.progress.reached }).toEqual(before);
    expect(await runner.getRequired({ startPosition: 4, advance: 2 })).toMatchObject({ result: [4, 5] });
  });

  it('is given although its signal has aborted: there was nothing to wait for', async () => {
    const { runner } = await readUpTo(4);
    const signal = AbortSignal.abort();
    expect(await runner.getRequired({ startPosition: 0, signal })).toMatchObject({ result: [0, 1, 2, 3] });
  });

  it('tells the end, when it reaches it', async () => {
    const { runner, tap } = await readUpTo(4);
    tap.finish();
    await settle();
    expect(await runner.getRequired({ startPosition: 2, advance: 1 })).toMatchObject({
      result: [2],
      status: RunnerStatus.Progressed,
    });
    expect(runner.status).toBe(RunnerStatus.Stalled);
    expect(await runner.getRequired({ startPosition: 2 })).toMatchObject({
      result: [2, 3],
      status: RunnerStatus.Completed,
    });
    expect(runner.status).toBe(RunnerStatus.Completed);
  });
});

describe('4. New reads', () => {
  it('take turns in the order in which they came', async () => {
    const { runner, tap } = feed(0);
    const reads = [3, 1, 2].map((advance) => runner.getRequired({ advance }));
    for (const item of numbers(0, 5)) {
      tap.give(item);
      await settle();
    }
    expect(await isPending(reads[2]!)).toBe(true);
    tap.give(5);
    expect((await Promise.all(reads)).map(({ result }) => result)).toEqual([[0, 1, 2], [3], [4, 5]]);
  });

  it('are one at a time: the second takes nothing while the first collects', async () => {
    const { runner, tap } = feed(2);
    const first = runner.getRequired({ advance: 3 });
    const second = runner.getRequired({ advance: 1 });
    expect(await isPending(second)).toBe(true);
    tap.give(2, 3);
    expect(await first).toMatchObject({ result: [0, 1, 2] });
    expect(await second).toMatchObject({ result: [3], from: 3 });
  });

  it('become re-reads when overtaken: a retry gets the same items as the wait that it was sent for', async () => {
    const { runner, tap } = feed(0);
    const abandoned = runner.getRequired({ startPosition: 0, advance: 3 });
    const retry = runner.getRequired({ startPosition: 0, advance: 3 });
    tap.give(...numbers(0, 6));
    expect((await abandoned).result).toEqual([0, 1, 2]);
    expect(await retry).toMatchObject({ result: [0, 1, 2], from: 0, position: 3 });
    expect(runner.position).toBe(3);
  });

  it('may be told when overtaken that their items are gone', async () => {
    const { runner, tap } = feed(0);
    const first = runner.getRequired({ startPosition: 0, advance: 2 });
    const second = runner.getRequired({ startPosition: 2, advance: 2 });
    const late = rejection(runner.getRequired({ startPosition: 0, advance: 2 }));
    tap.give(...numbers(0, 4));
    await Promise.all([first, second]);
    expect(await late).toMatchObject({ code: 'POSITION_GONE', from: 0, oldest: 2 });
  });

  it('answer with `advance` items, and leave what is behind', async () => {
    const { runner } = feed(5);
    expect(await runner.getRequired({ advance: 3 })).toMatchObject({ result: [0, 1, 2], status: 'progressed' });
    expect(await runner.getRequired({ advance: 2 })).toMatchObject({ result: [3, 4], status: 'stalled' });
  });

  it('answer with `atLeast` items, and give what more there is', async () => {
    const { runner, tap } = feed(0);
    const read = runner.getRequired({ advance: 10, atLeast: 3 });
    tap.give(0, 1);
    expect(await isPending(read)).toBe(true);
    tap.give(2, 3);
    expect(await read).toMatchObject({ result: [0, 1, 2, 3], status: 'stalled' });
  });

  it('answer with what there is at the end of the source', async () => {
    const { runner, tap } = feed(2);
    const reads = [runner.getRequired({ advance: 5 }), runner.getRequired({ advance: 5 })];
    expect(await isPending(reads[0]!)).toBe(true);
    tap.finish();
    expect(await reads[0]).toMatchObject({ result: [0, 1], status: 'completed' });
    expect(await reads[1]).toMatchObject({ result: [], from: 2, position: 2, status: 'completed' });
  });

  it('answer after `waitMs` with what there is', async () => {
    const { runner } = feed(2);
    const read = runner.getRequired({ advance: 5, waitMs: 1_000 });
    await here.clock.advance(999);
    expect(await isPending(read)).toBe(true);
    await here.clock.advance(1);
    expect(await read).toMatchObject({ result: [0, 1], position: 2, status: 'stalled' });
  });

  it('answer after `waitMs` also while another read collects: then they take nothing', async () => {
    const { runner, tap } = feed(2);
    const first = runner.getRequired({ startPosition: 0, advance: 3 });
    await settle();
    const reads = [
      runner.getRequired({ startPosition: 0, waitMs: 1_000 }),
      runner.getRequired({ waitMs: 1_000 }),
      runner.getRequired({ waitMs: 0 }),
    ];
    const nothing = { result: [], from: 0, position: 0, status: RunnerStatus.Progressed };
    expect(await reads[2]).toEqual(nothing);
    expect(await isPending(reads[1]!)).toBe(true);
    await here.clock.advance(1_000);
    expect(await Promise.all(reads)).toEqual([nothing, nothing, nothing]);
    tap.give(2);
    expect(await first).toMatchObject({ result: [0, 1, 2] });
  });

  it('do not wait at all with `waitMs: 0`, but give a source that has its items its turn', async () => {
    const { runner } = feed(2);
    expect(await runner.getRequired({ advance: 5, waitMs: 0 })).toMatchObject({ result: [0, 1], status: 'stalled' });
    expect(await runner.getRequired({ advance: 5, waitMs: 0 })).toMatchObject({ result: [], position: 2 });
  });

  it('leave no timer behind, however they end', async () => {
    const { runner, tap } = feed(1);
    const before = here.clock.pending;
    const leaving = new AbortController();
    const reads = Promise.allSettled([
      runner.getRequired({ advance: 2, waitMs: 1_000 }),
      runner.getRequired({ advance: 2, waitMs: 1_000, signal: leaving.signal }),
      runner.getRequired({ advance: 2, waitMs: 1_000 }),
    ]);
    expect(here.clock.pending).toBe(before + 3);
    leaving.abort();
    tap.give(1);
    runner.abort();
    await reads;
    expect(here.clock.pending).toBeLessThanOrEqual(before);
  });

  it('answer at an abort: the one that collects with its items, the others with none', async () => {
    const { runner } = feed(2);
    const reads = [runner.getRequired({ advance: 5 }), runner.getRequired({ advance: 5 })];
    await settle();
    runner.abort();
    expect(await reads[0]).toMatchObject({ result: [0, 1], position: 2, status: 'aborted' });
    expect(await reads[1]).toMatchObject({ result: [], position: 2, status: 'aborted' });
  });
});

describe('4. A read that is cancelled', () => {
  it('rejects with the reason of its signal', async () => {
    const { runner } = feed(2);
    const leaving = new AbortController();
    const read = rejection(runner.getRequired({ advance: 5, signal: leaving.signal }));
    const reason = new Error('The client has gone');
    leaving.abort(reason);
    expect(await read).toBe(reason);
  });

  it('hands out nothing and loses nothing: the next one starts at the same position', async () => {
    const { runner, tap } = feed(3);
    const leaving = new AbortController();
    const cancelled = rejection(runner.getRequired({ advance: 5, signal: leaving.signal }));
    const next = runner.getRequired({ advance: 5 });
    await settle();
    leaving.abort();
    await cancelled;
    expect(runner.position).toBe(0);
    tap.give(3, 4);
    expect(await next).toMatchObject({ result: [0, 1, 2, 3, 4], from: 0 });
  });

  it('makes way at once for one that needs less', async () => {
    const { runner } = feed(3);
    const leaving = new AbortController();
    const cancelled = rejection(runner.getRequired({ advance: 5, signal: leaving.signal }));
    const next = runner.getRequired({ advance: 2 });
    expect(await isPending(next)).toBe(true);
    leaving.abort();
    await cancelled;
    expect(await next).toMatchObject({ result: [0, 1] });
  });

  it('leaves what it had collected to smaller reads, of which only the last one is told the end', async () => {
    const { runner, tap } = feed(5);
    const leaving = new AbortController();
    const cancelled = rejection(runner.getRequired({ advance: 9, signal: leaving.signal }));
    await settle();
    leaving.abort();
    await cancelled;
    tap.finish();
    await settle();
    expect(runner.isBackgroundCompleted).toBe(true);
    expect(await runner.getRequired({ advance: 2 })).toMatchObject({ result: [0, 1], status: 'progressed' });
    expect(runner.getAvailable({ advance: 1 })).toMatchObject({ result: [2], status: 'progressed' });
    expect(await runner.getRequired({ advance: 9 })).toMatchObject({ result: [3, 4], status: 'completed' });
  });

  it('leaves nothing unread where it had collected nothing', async () => {
    const { runner } = await readUpTo(2);
    const leaving = new AbortController();
    const cancelled = rejection(runner.getRequired({ advance: 5, signal: leaving.signal }));
    await settle();
    leaving.abort();
    await cancelled;
    expect([runner.status, runner.position]).toEqual([RunnerStatus.Stalled, 2]);
  });

  it('disturbs nobody while it waits for its turn', async () => {
    const { runner, tap } = feed(1);
    const leaving = new AbortController();
    const first = runner.getRequired({ advance: 2 });
    const cancelled = rejection(runner.getRequired({ advance: 2, signal: leaving.signal }));
    const last = runner.getRequired({ advance: 2 });
    leaving.abort();
    await cancelled;
    tap.give(1, 2, 3);
    expect(await first).toMatchObject({ result: [0, 1] });
    expect(await last).toMatchObject({ result: [2, 3] });
  });

  it('is refused from the start with a signal that has aborted before', async () => {
    const { runner } = feed(3);
    const reason = new Error('gone before');
    expect(await rejection(runner.getRequired({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(runner.status).toBe(RunnerStatus.NotStarted);
  });

  it('does not stop the source', async () => {
    const { runner, tap } = feed(1);
    const leaving = new AbortController();
    const cancelled = rejection(runner.getRequired({ advance: 5, signal: leaving.signal }));
    await settle();
    leaving.abort();
    await cancelled;
    tap.give(1, 2);
    await settle();
    expect(tap.returns).toBe(0);
    expect(runner.getAvailable().result).toEqual([0, 1, 2]);
  });
});

describe('5. What a read acknowledges is forgotten', () => {
  const isKept = async (runner: SequenceRunner<number>, startPosition: number): Promise<boolean> => {
    const read = runner.getRequired({ startPosition, advance: 1 });
    return read.then(
      () => true,
      (error: unknown) => !(error instanceof PositionGoneError),
    );
  };
  /** The oldest position that can be read again. */
  const oldest = async (runner: SequenceRunner<number>): Promise<number> => {
    for (let position = 0; position < runner.position; position++) if (await isKept(runner, position)) return position;
    return runner.position;
  };

  it('with `from`: everything before it', async () => {
    const { runner } = await readUpTo(3, { unread: 9 });
    expect(await oldest(runner)).toBe(0);
    await runner.getRequired({ startPosition: 3, advance: 3 });
    expect(await oldest(runner)).toBe(3);
    await runner.getRequired({ startPosition: 6, advance: 3 });
    expect(await oldest(runner)).toBe(6);
  });

  it('when its turn starts, not when it is answered', async () => {
    const { runner } = await readUpTo(3);
    const waiting = runner.getRequired({ startPosition: 3, advance: 3 });
    expect(await oldest(runner)).toBe(3);
    expect(await isPending(waiting)).toBe(true);
  });

  it('not before its turn', async () => {
    const { runner, tap } = feed(0);
    const first = runner.getRequired({ startPosition: 0, advance: 2 });
    const second = runner.getRequired({ startPosition: 2, advance: 2 });
    tap.give(0);
    await settle();
    expect(runner.position).toBe(0);
    tap.give(1);
    await first;
    await settle();
    expect(await oldest(runner)).toBe(2);
    tap.give(2, 3);
    await second;
    expect(await oldest(runner)).toBe(2);
  });

  it('without `from`: what had been handed out when it came', async () => {
    const { runner } = await readUpTo(3, { unread: 3 });
    await runner.getRequired({ advance: 3 });
    expect(await oldest(runner)).toBe(3);
  });

  it('without `from`: nothing that was handed out after it came, as it cannot have seen that', async () => {
    const { runner, tap } = feed(0);
    const reads = [runner.getRequired({ advance: 3 }), runner.getRequired({ advance: 3 })];
    tap.give(...numbers(0, 6));
    await Promise.all(reads);
    expect(runner.position).toBe(6);
    expect(await oldest(runner)).toBe(0);
  });

  it('not by a re-read', async () => {
    const { runner } = await readUpTo(6, { unread: 1 });
    await runner.getRequired({ startPosition: 4, advance: 2 });
    runner.getAvailable({ startPosition: 5 });
    expect(await oldest(runner)).toBe(0);
  });

  it('not by a read that is refused', async () => {
    const { runner } = await readUpTo(3);
    await rejection(runner.getRequired({ startPosition: 4 }));
    await rejection(runner.getRequired({ signal: AbortSignal.abort() }));
    expect(await oldest(runner)).toBe(0);
  });

  it('by a read that is cancelled in its turn: its cursor was true', async () => {
    const { runner } = await readUpTo(3);
    const leaving = new AbortController();
    const read = rejection(runner.getRequired({ startPosition: 3, signal: leaving.signal }));
    leaving.abort();
    await read;
    expect(await oldest(runner)).toBe(3);
    expect(runner.position).toBe(3);
  });

  it('except the last n items before the reader, with replay: n', async () => {
    const { runner } = await readUpTo(5, { unread: 5, replay: 2 });
    expect(await oldest(runner)).toBe(0);
    await runner.getRequired({ startPosition: 5, advance: 1 });
    expect(await oldest(runner)).toBe(3);
    await runner.getRequired({ startPosition: 6, advance: 3 });
    expect(await oldest(runner)).toBe(4);
  });

  it("except everything, with replay: 'all'", async () => {
    const { runner } = await readUpTo(5, { unread: 5, replay: 'all' });
    await runner.getRequired({ startPosition: 5, advance: 5 });
    runner.getAvailable({ startPosition: 10 });
    expect(await oldest(runner)).toBe(0);
  });

  it('also with replay: 0, though never what no read has acknowledged', async () => {
    const { runner } = await readUpTo(5, { unread: 3, replay: 0 });
    expect(await oldest(runner)).toBe(0);
    await runner.getRequired({ startPosition: 5, advance: 3 });
    expect(await oldest(runner)).toBe(5);
  });

  it('so that a long sequence does not pile up, and stays readable', async () => {
    const runner = here.session.createSequenceRunner(numbers(0, 10_000));
    let cursor = 0;
    for (;;) {
      const { result, position, status } = await runner.getRequired({ startPosition: cursor, advance: 700 });
      expect(result).toEqual(numbers(cursor, Math.min(cursor + 700, 10_000)));
      expect(await runner.getRequired({ startPosition: cursor, advance: 700 })).toMatchObject({ result });
      cursor = position;
      if (status === RunnerStatus.Completed) break;
    }
    expect(cursor).toBe(10_000);
    expect(await rejection(runner.getRequired({ startPosition: 9_000 }))).toMatchObject({ oldest: 9_800 });
  });
});

describe('6. A look at what is there', () => {
  it('takes it, as a read does', async () => {
    const { runner } = await readUpTo(1, { unread: 4 });
    expect(runner.getAvailable({ advance: 3 })).toEqual({
      result: [1, 2, 3],
      from: 1,
      position: 4,
      status: RunnerStatus.Progressed,
    });
    expect(runner.getAvailable({ startPosition: 4 })).toMatchObject({ result: [4], from: 4, status: 'stalled' });
    expect(runner.getAvailable()).toMatchObject({ result: [], position: 5, status: 'stalled' });
  });

  it('acknowledges, as a read does', async () => {
    const { runner } = await readUpTo(2, { unread: 4 });
    runner.getAvailable({ startPosition: 2, advance: 2 });
    expect(() => runner.getAvailable({ startPosition: 1 })).toThrow(PositionGoneError);
    runner.getAvailable();
    expect(() => runner.getAvailable({ startPosition: 2 })).toThrow(PositionGoneError);
    expect(runner.getAvailable({ startPosition: 4 })).toMatchObject({ result: [4, 5] });
  });

  it.each([undefined, 2])('takes and acknowledges nothing while a read collects (from %s)', async (startPosition) => {
    const { runner, tap } = await readUpTo(2);
    const reading = runner.getRequired({ advance: 3 });
    expect(runner.getAvailable({ startPosition })).toEqual({
      result: [],
      from: 2,
      position: 2,
      status: RunnerStatus.Stalled,
    });
    tap.give(2);
    await settle();
    expect(runner.getAvailable({ startPosition })).toMatchObject({ result: [], position: 2, status: 'progressed' });
    tap.give(3, 4);
    expect(await reading).toMatchObject({ result: [2, 3, 4] });
  });

  it('does not start a runner', async () => {
    const { runner, tap } = feed(3);
    expect(runner.getAvailable()).toEqual({ result: [], from: 0, position: 0, status: RunnerStatus.NotStarted });
    await settle();
    expect(tap.pulls).toBe(0);
  });
});

describe('7. The status of a page', () => {
  it.each([
    ['progressed, where it is not the last one handed out', { startPosition: 0, advance: 2 }, 'progressed'],
    ['completed, where it is', { startPosition: 0, advance: 4 }, 'completed'],
  ])('is %s', async (_what, options, status) => {
    const { runner, tap } = await readUpTo(4);
    tap.finish();
    await settle();
    expect(await runner.getRequired(options)).toMatchObject({ status });
  });

  it('is progressed while there are unread items, though the source has ended or failed', async () => {
    for (const end of ['finish', 'fail'] as const) {
      const { runner, tap } = feed(4);
      tap[end](new Error('too late to matter'));
      const page = await runner.getRequired({ advance: 2 });
      expect(page).toEqual({ result: [0, 1], from: 0, position: 2, status: RunnerStatus.Progressed });
      await settle();
      expect(runner.isBackgroundCompleted).toBe(true);
      expect(runner.status).toBe(RunnerStatus.Progressed);
    }
  });

  it('is failed with the last items before the failure, and tells the error', async () => {
    const { runner, tap } = feed(4);
    tap.fail(new RangeError('no more'));
    await runner.getRequired({ startPosition: 0, advance: 2 });
    const last = await runner.getRequired({ startPosition: 2, advance: 5 });
    expect(last).toEqual({
      result: [2, 3],
      from: 2,
      position: 4,
      status: 'failed',
      error: { name: expect.any(String) },
    });
    expect(await runner.getRequired({ startPosition: 2, advance: 5 })).toEqual(last);
    expect(await runner.getRequired({ startPosition: 4 })).toMatchObject({ result: [], status: 'failed' });
  });

  it('is aborted from the abort on: what was unread is gone, what was handed out stays', async () => {
    const { runner } = await readUpTo(4, { unread: 4 });
    runner.abort();
    expect(await runner.getRequired({ startPosition: 2 })).toEqual({
      result: [2, 3],
      from: 2,
      position: 4,
      status: RunnerStatus.Aborted,
    });
    expect(await runner.getRequired({ startPosition: 1, advance: 1 })).toMatchObject({
      result: [1],
      status: 'progressed',
    });
    expect(await runner.getRequired({ startPosition: 4 })).toMatchObject({
      result: [],
      position: 4,
      status: 'aborted',
    });
    expect(runner.progress.reached).toBe(4);
  });

  it('is aborted, not completed, where the source had ended but was not read to its end', async () => {
    const { runner, tap } = await readUpTo(2, { unread: 2 });
    tap.fail(new Error('hidden by the abort'));
    await settle();
    runner.abort();
    expect(await runner.getRequired({ startPosition: 2 })).toEqual({
      result: [],
      from: 2,
      position: 2,
      status: 'aborted',
    });
  });

  it('is aborted also far on in a long sequence: the last page stays', async () => {
    const runner = here.session.createSequenceRunner(numbers(0, 10_000));
    for (let cursor = 0; cursor < 4_900; cursor += 700)
      await runner.getRequired({ startPosition: cursor, advance: 700 });
    await settle();
    runner.abort();
    expect(runner.progress.reached).toBe(4_900);
    expect(await runner.getRequired({ startPosition: 4_200, advance: Infinity })).toEqual({
      result: numbers(4_200, 4_900),
      from: 4_200,
      position: 4_900,
      status: RunnerStatus.Aborted,
    });
  });

  it('does not change any more once it was final', async () => {
    const { runner, tap } = await readUpTo(2, { replay: 'all' });
    tap.finish();
    await runner.getRequired();
    expect(runner.abort()).toBe(RunnerStatus.Completed);
    expect(await runner.getRequired({ startPosition: 0 })).toMatchObject({ result: [0, 1], status: 'completed' });
  });
});

describe('8. A runner that has ended', () => {
  const kept = useSession({ runnerIdleTimeoutMs: 10_000 });
  const MINUTE_MS = 60_000;

  it.each(['completed', 'failed', 'aborted'])(
    'stays readable until its idle time-out, and not after (%s)',
    async (end) => {
      const tap = new Tap().give(0, 1);
      const runner = kept.session.createSequenceRunner(tap);
      if (end === 'completed') tap.finish();
      if (end === 'failed') tap.fail(new Error('broken'));
      await runner.getRequired({ advance: 2 });
      if (end === 'aborted') runner.abort();
      await settle();
      expect(runner.status).toBe(end);

      await kept.clock.advance(9_000);
      expect(kept.session.getRunner(runner.key)).toBe(runner);
      await kept.clock.advance(MINUTE_MS);
      expect(kept.session.getRunner(runner.key)).toBeUndefined();
    },
  );

  it.each(['a re-read', 'a read at the end', 'a look', 'a re-read that is gone'])(
    'is kept longer by %s',
    async (what) => {
      const runner = kept.session.createSequenceRunner(numbers(0, 4));
      await runner.getRequired({ startPosition: 0, advance: 2 });
      await runner.getRequired({ startPosition: 2, advance: 2 });
      const read = (): unknown => {
        if (what === 'a re-read') return runner.getRequired({ startPosition: 2, advance: 1 });
        if (what === 'a read at the end') return runner.getRequired({ startPosition: 4 });
        if (what === 'a look') return runner.getAvailable();
        return rejection(runner.getRequired({ startPosition: 1 }));
      };
      for (let round = 0; round < 4; round++) {
        await kept.clock.advance(8_000);
        await read();
      }
      expect(kept.session.getRunner(runner.key)).toBe(runner);
      await kept.clock.advance(MINUTE_MS);
      expect(kept.session.getRunner(runner.key)).toBeUndefined();
    },
  );
});

describe('9. Two readers of one runner', () => {
  it.each(['all' as const, 10])('each get everything, in whatever order they read (replay: %s)', async (replay) => {
    const runner = here.session.createSequenceRunner(numbers(0, 30), { replay });
    const rows: [number[], number[]] = [[], []];
    const turns = [0, 0, 1, 0, 1, 1, 1, 0, 1, 0, 0, 1, 1, 0] as const;
    for (const reader of turns) {
      const mine = rows[reader];
      const { result, from } = await runner.getRequired({ startPosition: mine.length, advance: 5, waitMs: 0 });
      expect(from).toBe(mine.length);
      mine.push(...result);
    }
    expect(rows).toEqual([numbers(0, 30), numbers(0, 30)]);
  });

  it('share the items between them without `startPosition`: that is for one reader', async () => {
    const runner = here.session.createSequenceRunner(numbers(0, 6));
    const [first, second] = await Promise.all([runner.getRequired({ advance: 3 }), runner.getRequired({ advance: 3 })]);
    expect([first.result, second.result]).toEqual([numbers(0, 3), numbers(3, 6)]);
  });
});
