import { describe, expect, it, jest } from '@jest/globals';
import { BadArgumentError, type ClockTimer, type TimePoint, type TimeSeriesOptions } from 'nestjs-active-session';
import { FakeClock, settle } from '../support/fake-clock.js';
import { Gate } from '../support/gate.js';
import { useSession } from './one-session.js';
import { isPending } from './pending.js';
import { numbers } from './tap.js';

const here = useSession();

/** Counts: 0, 1, 2 ... */
function counter(): () => number {
  let count = 0;
  return () => count++;
}

/** How many ms after the first one each was measured. */
function offsets<T>(points: TimePoint<T>[]): number[] {
  return points.map(({ at }) => at.getTime() - points[0]!.at.getTime());
}

async function pass(ms: number, step = ms): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    await here.clock.advance(step);
    await settle(2);
  }
}

describe('A time series runner', () => {
  it('measures at once, and then in equal intervals, as often as it is to', async () => {
    const runner = here.session.createTimeSeriesRunner(counter(), { intervalMs: 1_000, count: 4, name: 'load' });
    await settle();
    expect([runner.kind, runner.name, runner.status]).toEqual(['time-series', 'load', 'not-started']);
    const read = runner.getRequired();
    await pass(3_000, 1_000);
    const { result, status, position } = await read;
    expect([status, position, result.map(({ value }) => value)]).toEqual(['completed', 4, [0, 1, 2, 3]]);
    expect(offsets(result)).toEqual([0, 1_000, 2_000, 3_000]);
    expect(result[0]!.at).toBeInstanceOf(Date);
    expect(Math.abs(result[0]!.at.getTime() - Date.now())).toBeLessThan(60_000);
    expect(here.session.getRunner(runner.key, { kind: 'time-series' })).toBe(runner);
    expect(here.session.getRunner(runner.key, { kind: 'sequence' })).toBeUndefined();
  });

  it('goes on without an end, until it is aborted in the middle of its wait', async () => {
    const runner = here.session.createTimeSeriesRunner(counter(), { intervalMs: 10, startNow: true });
    await pass(25, 5);
    expect(runner.getAvailable()).toMatchObject({ position: 3, status: 'stalled' });
    const read = runner.getRequired({ advance: 5 });
    runner.abort();
    expect(await read).toMatchObject({ result: [], status: 'aborted' });
    await settle();
    expect(runner.isBackgroundCompleted).toBe(true);
    await pass(100, 10);
    expect(runner.progress.reached).toBe(3);
  });

  it('does not drift over 10,000 measurements, however late its timers are', async () => {
    const options = { intervalMs: 7, count: 10_000, queueLimit: Infinity, startNow: true } as const;
    const runner = here.session.createTimeSeriesRunner(counter(), options);
    await settle();
    // Each timer fires up to 3 ms late.
    for (let tick = 1; tick < 10_000; tick++) {
      await here.clock.advance(tick % 2 === 0 ? 4 : 10);
      if (tick % 500 === 0) await settle(1);
    }
    await pass(70, 7);
    const { result, status } = await runner.getRequired({ advance: 10_000 });
    expect(status).toBe('completed');
    const late = offsets(result).map((offset, tick) => offset - tick * 7);
    expect([Math.min(...late) >= 0, Math.max(...late) <= 3]).toEqual([true, true]);
  });

  it.each([3_600_000, -3_600_000])('keeps its time when the time of day is changed (by %s ms)', async (change) => {
    const now = jest.spyOn(Date, 'now').mockReturnValue(1_000_000_000);
    const runner = here.session.createTimeSeriesRunner(counter(), { intervalMs: 1_000, count: 4, startNow: true });
    await pass(1_000);
    now.mockReturnValue(1_000_000_000 + change);
    await pass(2_000, 1_000);
    const { result, status } = await runner.getRequired({ advance: 4 });
    expect([status, result.map(({ at }) => at.getTime() - 1_000_000_000)]).toEqual([
      'completed',
      [0, 1_000, 2_000, 3_000],
    ]);
  });

  it.each<[NonNullable<TimeSeriesOptions['missed']>, number[], number]>([
    ['skip', [0, 100, 400, 500], 4],
    ['catch-up', [0, 100, 350, 350, 400], 5],
  ])('where it was held up does as `missed` says: %s', async (missed, expected, count) => {
    const gate = new Gate();
    const gauge = jest.fn(async () => (gauge.mock.calls.length === 2 ? gate.opened : undefined));
    const runner = here.session.createTimeSeriesRunner(gauge, { intervalMs: 100, count, missed, startNow: true });
    await settle();
    await pass(350, 50);
    gate.open();
    await settle();
    await pass(200, 50);
    const { result, status } = await runner.getRequired({ advance: count });
    expect([offsets(result), status]).toEqual([expected, 'completed']);
  });

  it('is held up when nobody reads, and goes on with the present when somebody does', async () => {
    const gauge = jest.fn(counter());
    const runner = here.session.createTimeSeriesRunner(gauge, { intervalMs: 10, queueLimit: 3, startNow: true });
    await settle();
    await pass(100, 10);
    expect(gauge).toHaveBeenCalledTimes(3);
    const first = runner.getAvailable().result;
    await settle();
    await pass(20, 10);
    const { result } = runner.getAvailable();
    expect([...first, ...result].map(({ value }) => value)).toEqual(numbers(0, 5 + 1));
    expect(offsets([...first, ...result])).toEqual([0, 10, 20, 100, 110, 120]);
    runner.abort();
  });

  it('takes a gauge that is slower than its interval: one measurement at a time', async () => {
    let running = 0;
    const gauge = async (): Promise<number> => {
      expect(++running).toBe(1);
      await new Promise<void>((resolve) => void here.clock.setTimeout(resolve, 25));
      return running--;
    };
    const runner = here.session.createTimeSeriesRunner(gauge, { intervalMs: 10, count: 3, startNow: true });
    await settle();
    await pass(150, 5);
    const { result } = await runner.getRequired({ advance: 3 });
    expect(offsets(result)).toEqual([0, 30, 60]);
  });

  it.each(['throws', 'rejects'])('fails with what its gauge %s, after what was measured before', async (how) => {
    const error = new Error('the gauge is broken');
    const count = counter();
    const gauge = (): number | Promise<number> => {
      const value = count();
      if (value < 2) return value;
      if (how === 'throws') throw error;
      return Promise.reject(error);
    };
    const runner = here.session.createTimeSeriesRunner(gauge, { intervalMs: 10, startNow: true });
    await settle();
    await pass(50, 10);
    const { result, status } = await runner.getRequired({ advance: 5 });
    expect([result.map(({ value }) => value), status, runner.error]).toEqual([[0, 1], 'failed', error]);
  });

  it('gives its gauge a signal, and the session', async () => {
    let signal: AbortSignal | undefined;
    const gauge = (given: AbortSignal): Promise<never> => {
      signal = given;
      expect(here.current()).toBe(here.session);
      return new Promise((_resolve, reject) => given.addEventListener('abort', () => reject(given.reason as Error)));
    };
    const runner = here.session.createTimeSeriesRunner(gauge, { intervalMs: 10 });
    const read = runner.getRequired();
    expect(await isPending(read)).toBe(true);
    expect((await here.session.terminate()).leftBehind).toEqual([]);
    expect([signal?.aborted, (await read).status]).toEqual([true, 'aborted']);
  });

  it.each<[string, unknown, object]>([
    ['gauge', undefined, { intervalMs: 1 }],
    ['"intervalMs"', counter(), {}],
    ['"intervalMs"', counter(), { intervalMs: 0 }],
    ['"intervalMs"', counter(), { intervalMs: NaN }],
    ['"intervalMs"', counter(), { intervalMs: Infinity }],
    ['"count"', counter(), { intervalMs: 1, count: 0 }],
    ['"count"', counter(), { intervalMs: 1, count: 1.5 }],
    ['"missed"', counter(), { intervalMs: 1, missed: 'never' }],
    ['"interval"', counter(), { interval: 1 }],
    ['options of a runner to be an object', counter(), undefined as never],
  ])('refuses a wrong %s: %p %p', (what, gauge, options) => {
    const create = (): unknown =>
      here.session.createTimeSeriesRunner(gauge as () => number, options as TimeSeriesOptions);
    expect(create).toThrow(BadArgumentError);
    expect(create).toThrow(what);
    expect(here.session.runners.size).toBe(0);
  });

  it('is the same for the same dedupeKey', () => {
    const options = { intervalMs: 1, dedupeKey: 'one' };
    const runner = here.session.createTimeSeriesRunner(counter(), options);
    expect(here.session.createTimeSeriesRunner(counter(), options)).toBe(runner);
  });
});

describe('With timers that cannot be as long as its interval', () => {
  class ShortTimers extends FakeClock {
    override setTimeout(fn: () => void, delayMs: number): ClockTimer {
      return super.setTimeout(fn, Math.min(delayMs, 1_000));
    }
  }
  const patient = useSession({ clock: new ShortTimers() });

  it('a time series runner still measures when it is time', async () => {
    const runner = patient.session.createTimeSeriesRunner(counter(), { intervalMs: 4_500, count: 2, startNow: true });
    await settle();
    for (let passed = 0; passed < 4_000; passed += 500) {
      await patient.clock.advance(500);
      await settle(2);
    }
    expect(runner.progress.reached).toBe(1);
    await patient.clock.advance(500);
    const { result } = await runner.getRequired({ advance: 2 });
    expect(offsets(result)).toEqual([0, 4_500]);
  });
});
