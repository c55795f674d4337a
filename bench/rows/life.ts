import { compare } from '../harness/compare.js';
import { interleave, wallEach } from '../harness/interleave.js';
import type { Chart, Effort, Row } from '../harness/row.js';
import { median } from '../harness/statistics.js';

const BLOCKS = { blockMs: 10, blocks: 10, warmUpBlocks: 60 };

/** A session from its creation to its end. */
export const life: Row = {
  name: 'life',
  async measure(effort) {
    const variant = (task: string) => ({ file: 'life.ts', task });
    const samples = await interleave(
      { ours: variant('session'), durable: variant('durable'), limit: variant('limit') },
      { effort, ...BLOCKS },
    );
    const what = 'A session made and ended with its group and one service, its hook awaited, its report built';
    const peer = 'Nest, resolve() of a durable provider in a new context';
    return {
      lines: [
        compare(samples.ours, samples.durable, { what, peer, isSpeed: true, goal: { atLeast: 10 } }),
        compare(samples.limit, samples.durable, {
          what: 'The limit: three objects in two maps, one hook awaited in a context of its own',
          peer,
          isSpeed: true,
        }),
      ],
      charts: effort.growth ? [await growth({ ...effort, pairs: 4, rounds: 1 })] : [],
    };
  },
};

/** The same among many others. */
async function growth(effort: Effort): Promise<Chart> {
  const variant = (others: number) => ({ file: 'life.ts', args: { others }, task: 'session' });
  const sizes = [1_000, 10_000, 100_000] as const;
  const samples = await interleave(
    { few: variant(sizes[0]), more: variant(sizes[1]), many: variant(sizes[2]) },
    { effort, ...BLOCKS },
  );
  const points = [samples.few, samples.more, samples.many].map(
    (taken, at) => [sizes[at] ?? NaN, median(taken.map(wallEach)) / 1_000] as const,
  );
  return {
    name: 'life-by-sessions',
    title: 'A session made and ended among others',
    x: 'other sessions',
    y: 'µs',
    series: [{ name: 'session', points }],
  };
}
