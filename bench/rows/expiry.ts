import { compare } from '../harness/compare.js';
import { inDigits } from '../harness/format.js';
import { interleave } from '../harness/interleave.js';
import type { Worker } from '../harness/process.js';
import type { Chart, Row } from '../harness/row.js';
import { median } from '../harness/statistics.js';
import type { Sample } from '../harness/worker.js';

const EXPIRING = 1_000;

const run = async (worker: Worker, _task: string, count: number): Promise<Sample> => {
  await worker.run('prepare', count);
  return worker.run('expire', count);
};

/** The end of sessions by their idle time, by how many others there are. */
export const expiry: Row = {
  name: 'expiry',
  async measure(effort) {
    const count = EXPIRING / effort.shrink;
    const variant = (groups: number) => ({ file: 'expiry.ts', args: { together: count, groups }, task: 'expire' });
    const samples = await interleave(
      { few: variant(1), more: variant(10), many: variant(100) },
      { effort, count, run, blocks: 3 },
    );
    const what = `The end of ${inDigits(count)} sessions by their idle time, each`;
    const chart: Chart = {
      name: 'expiry-by-sessions',
      title: 'The end of 1,000 sessions by their idle time',
      x: 'sessions',
      y: 'ms',
      series: [
        {
          name: 'session',
          points: [
            [1_000, median(samples.few.map(({ wallNs }) => wallNs / 1e6))],
            [10_000, median(samples.more.map(({ wallNs }) => wallNs / 1e6))],
            [100_000, median(samples.many.map(({ wallNs }) => wallNs / 1e6))],
          ],
        },
      ],
    };
    return {
      lines: [
        compare(samples.many, samples.few, {
          what: `${what}, of ${inDigits(100 * count)}`,
          peer: `of ${inDigits(count)}`,
          goal: { atMost: 1.5 },
        }),
      ],
      charts: effort.growth ? [chart] : [],
    };
  },
};
