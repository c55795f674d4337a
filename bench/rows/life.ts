import { compare } from '../harness/compare.js';
import { interleave } from '../harness/interleave.js';
import type { Row } from '../harness/row.js';

/** A session from its creation to its end. */
export const life: Row = {
  name: 'life',
  async measure(effort) {
    const variant = (task: string) => ({ file: 'life.ts', task });
    const samples = await interleave(
      { ours: variant('session'), durable: variant('durable'), limit: variant('limit') },
      { effort, blockMs: 10, blocks: 10, warmUpBlocks: 60 },
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
    };
  },
};
