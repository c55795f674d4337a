import { inDigits, inTime } from '../harness/format.js';
import { interleave, wallEach } from '../harness/interleave.js';
import { Worker } from '../harness/process.js';
import type { Chart, Row } from '../harness/row.js';
import { estimate, median } from '../harness/statistics.js';
import type { Sample } from '../harness/worker.js';
import type { Delays } from '../workers/runners.js';

const RUNNERS = 10_000;
const SIZES = [100, 1_000, RUNNERS];
const GOAL_MS = 20;

/** How long the event loop waits while many runners are at work: the time of such a sample is that delay. */
export const runners: Row = {
  name: 'runners',
  async measure(effort) {
    const run = async (worker: Worker, task: string, count: number): Promise<Sample> => {
      const sample = await worker.run(task, count);
      const { p99Ms } = sample.result as Delays;
      return { ...sample, count: 1, wallNs: p99Ms * 1e6, result: undefined };
    };
    const count = RUNNERS / effort.shrink;
    const variant = (task: string) => ({ file: 'runners.ts', task });
    const samples = await interleave(
      { ours: variant('delays'), limit: variant('bareDelays') },
      { effort, count, blocks: 3, run },
    );
    const ours = estimate(samples.ours.map(wallEach));
    const limit = estimate(samples.limit.map(wallEach));
    const worker = await Worker.start('runners.ts');
    try {
      const { activeMs } = (await worker.run('idleTurns', count)).result as { activeMs: number };
      const points: [number, number][] = [];
      for (const size of effort.growth ? SIZES : []) {
        const delays: number[] = [];
        for (let time = 0; time < 9; time++) delays.push(wallEach(await run(worker, 'delays', size)) / 1e6);
        points.push([size, median(delays)]);
      }
      const chart: Chart = {
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
            ours: `${inTime(ours.median)} (${inTime(ours.low)} to ${inTime(ours.high)})`,
            peer: `as many async generators: ${inTime(limit.median)} (${inTime(limit.low)} to ${inTime(limit.high)})`,
            goal: `below ${GOAL_MS} ms`,
            isMet: ours.high < GOAL_MS * 1e6,
          },
          {
            what: `Processor time in 200 ms while ${inDigits(count)} runners wait for what does not come`,
            ours: `${inDigits(activeMs)} ms`,
            goal: 'no polling: below 1 % of it',
            isMet: activeMs < 2,
          },
        ],
        charts: effort.growth ? [chart] : [],
      };
    } finally {
      await worker.stop();
    }
  },
};
