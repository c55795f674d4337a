import { compare } from '../harness/compare.js';
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
    const variant = (others: number) => ({ file: 'expiry.ts', args: { others }, task: 'expire' });
    const options = { effort, count: EXPIRING, run, blocks: 3 };
    const samples = await interleave(
      { few: variant(0), more: variant(9_000), many: variant(100_000 / effort.shrink - EXPIRING) },
      options,
    );
    const what = `The end of ${EXPIRING} sessions by their idle time, each`;
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
          what: `${what}, of ${(100_000 / effort.shrink).toLocaleString('en')}`,
          peer: `of ${EXPIRING}`,
          goal: { atMost: 1.5 },
        }),
      ],
      charts: effort.growth ? [chart] : [],
    };
  },
};
