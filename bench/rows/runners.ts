import { inDigits } from '../harness/format.js';
import { Worker } from '../harness/process.js';
import type { Row } from '../harness/row.js';
import { median } from '../harness/statistics.js';

const RUNNERS = 10_000;
const GOAL_MS = 20;
/** Runs of one process; the first ones, before V8 has optimised anything, do not count. */
const RUNS = 7;
const WARM_UP_RUNS = 2;

interface Delays {
  readonly p99: number;
}

/** How long the event loop waits while many runners are at work. */
export const runners: Row = {
  name: 'runners',
  async measure({ shrink, growth }) {
    const worker = await Worker.start('runners.ts');
    const p99 = async (task: string, count: number): Promise<number> => {
      const all: number[] = [];
      for (let run = 0; run < RUNS; run++) {
        const { result } = await worker.run(task, count);
        if (run >= WARM_UP_RUNS) all.push((result as Delays).p99);
      }
      return median(all);
    };
    try {
      const count = RUNNERS / shrink;
      const ours = await p99('delays', count);
      const bare = await p99('bareDelays', count);
      const { result } = await worker.run('idleTurns', count);
      const { activeMs } = result as { activeMs: number };
      const points: [number, number][] = [];
      for (const size of growth ? [100, 1_000, 10_000] : []) points.push([size, await p99('delays', size)]);
      const chart = {
        name: 'delay-by-runners',
        title: 'Event-loop delay, p99, while all runners wait for a 10 ms timer',
        x: 'runners',
        y: 'ms',
        series: [{ name: 'runners', points }],
      };
      return {
        lines: [
          {
            what: `Event-loop delay p99, ${inDigits(count)} runners that each wait for a 10 ms timer`,
            ours: `${inDigits(ours)} ms`,
            peer: `as many async generators: ${inDigits(bare)} ms`,
            goal: `below ${GOAL_MS} ms`,
            isMet: ours < GOAL_MS,
          },
          {
            what: `Processor time in 200 ms while ${inDigits(count)} runners wait for what does not come`,
            ours: `${inDigits(activeMs)} ms`,
            goal: 'no polling: below 1 % of it',
            isMet: activeMs < 2,
          },
        ],
        charts: growth ? [chart] : [],
      };
    } finally {
      await worker.stop();
    }
  },
};
