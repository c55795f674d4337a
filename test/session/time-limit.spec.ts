import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { TimeLimit, type Limited } from '../../src/time-limit.js';
import { FakeClock } from '../support/fake-clock.js';

const LIMIT_MS = 1000;

class Work implements Limited {
  limit: Limited['limit'];
  timesUp = 0;
  whenTimeIsUp: (() => unknown) | undefined;

  onTimeUp(): void {
    this.timesUp++;
    this.whenTimeIsUp?.();
  }
}

function start() {
  const clock = new FakeClock();
  return { clock, limit: new TimeLimit(LIMIT_MS, clock, (fn) => fn()) };
}

describe('A time limit', () => {
  it('tells what is not over in time, once, and at its own time', async () => {
    const { clock, limit } = start();
    const [first, second] = [new Work(), new Work()];
    limit.start(first);
    await clock.advance(400);
    limit.start(second);
    await clock.advance(599);
    expect([first.timesUp, second.timesUp]).toEqual([0, 0]);
    await clock.advance(1);
    expect([first.timesUp, second.timesUp]).toEqual([1, 0]);
    await clock.advance(400);
    expect([first.timesUp, second.timesUp]).toEqual([1, 1]);
    await clock.advance(5000);
    expect([first.timesUp, second.timesUp]).toEqual([1, 1]);
    expect(clock.pending).toBe(0);
  });

  it('has one timer, however much is started and is over', () => {
    const { clock, limit } = start();
    for (let i = 0; i < 1000; i++) {
      const work = new Work();
      limit.start(work);
      if (i % 3 > 0) limit.stop(work);
    }
    expect(clock.pending).toBe(1);
  });

  it('starts no timer for each that is over in time', () => {
    const { clock, limit } = start();
    const setTimeout = jest.spyOn(clock, 'setTimeout');
    for (let i = 0; i < 1000; i++) {
      const work = new Work();
      limit.start(work);
      limit.stop(work);
    }
    expect(setTimeout).toHaveBeenCalledTimes(1);
  });

  it('counts anew for what is started again', async () => {
    const { clock, limit } = start();
    const work = new Work();
    limit.start(work);
    await clock.advance(900);
    limit.stop(work);
    limit.start(work);
    await clock.advance(999);
    expect(work.timesUp).toBe(0);
    await clock.advance(1);
    expect(work.timesUp).toBe(1);
  });

  it('lets one whose time is up end, and start, others', async () => {
    const { clock, limit } = start();
    const [first, ended, started] = [new Work(), new Work(), new Work()];
    first.whenTimeIsUp = () => {
      limit.stop(ended);
      limit.start(started);
    };
    limit.start(first);
    limit.start(ended);
    await clock.advance(LIMIT_MS);
    expect([first.timesUp, ended.timesUp, started.timesUp]).toEqual([1, 0, 0]);
    await clock.advance(LIMIT_MS);
    expect(started.timesUp).toBe(1);
  });

  it('leaves nothing waiting for ever where one throws', async () => {
    const { clock, limit } = start();
    const [first, second] = [new Work(), new Work()];
    first.whenTimeIsUp = () => {
      throw new Error('of the first');
    };
    limit.start(first);
    limit.start(second);
    await expect(clock.advance(LIMIT_MS)).rejects.toThrow('of the first');
    await clock.advance(1);
    expect(second.timesUp).toBe(1);
  });

  it('tells those that are due together in their order', async () => {
    const { clock, limit } = start();
    const told: number[] = [];
    const works = [0, 1, 2, 3].map((number) => {
      const work = new Work();
      work.whenTimeIsUp = () => told.push(number);
      limit.start(work);
      return work;
    });
    limit.stop(works[0] as Work);
    await clock.advance(LIMIT_MS);
    expect(told).toEqual([1, 2, 3]);
  });

  it('is not late for one because another was started when its time was up', async () => {
    const { clock, limit } = start();
    const [first, second, third] = [new Work(), new Work(), new Work()];
    first.whenTimeIsUp = () => limit.start(third);
    limit.start(first);
    await clock.advance(10);
    limit.start(second);
    await clock.advance(LIMIT_MS);
    expect([first.timesUp, second.timesUp, third.timesUp]).toEqual([1, 1, 0]);
  });

  it('gives one that is ended and started again its whole time', async () => {
    const { clock, limit } = start();
    const [first, second] = [new Work(), new Work()];
    first.whenTimeIsUp = () => {
      limit.stop(second);
      limit.start(second);
    };
    limit.start(first);
    limit.start(second);
    await clock.advance(LIMIT_MS);
    expect(second.timesUp).toBe(0);
    await clock.advance(LIMIT_MS);
    expect(second.timesUp).toBe(1);
  });

  it('that is closed keeps no timer without need', async () => {
    const { clock, limit } = start();
    const [before, after] = [new Work(), new Work()];
    limit.start(before);
    limit.close();
    expect(clock.pending).toBe(1);
    limit.stop(before);
    expect(clock.pending).toBe(0);
    limit.start(after);
    await clock.advance(LIMIT_MS);
    expect(after.timesUp).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('does whatever happens what a timer for each would do', async () => {
    const step = fc.oneof(
      fc.record({ type: fc.constant('start' as const), work: fc.nat(7) }),
      fc.record({ type: fc.constant('stop' as const), work: fc.nat(7) }),
      fc.record({ type: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 700 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { clock, limit } = start();
        const works = Array.from({ length: 8 }, () => new Work());
        const timers = works.map(() => ({ dueMs: Infinity, timesUp: 0 }));
        for (const each of steps) {
          if (each.type === 'advance') {
            await clock.advance(each.ms);
            for (const timer of timers)
              if (timer.dueMs <= clock.now()) Object.assign(timer, { dueMs: Infinity, timesUp: timer.timesUp + 1 });
          } else {
            const work = works[each.work] as Work;
            limit.stop(work);
            if (each.type === 'start') limit.start(work);
            (timers[each.work] as { dueMs: number }).dueMs = each.type === 'start' ? clock.now() + LIMIT_MS : Infinity;
          }
          expect(works.map(({ timesUp }) => timesUp)).toEqual(timers.map(({ timesUp }) => timesUp));
        }
      }),
      { numRuns: 200 },
    );
  });
});
