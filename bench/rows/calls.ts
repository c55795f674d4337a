import { compare } from '../harness/compare.js';
import { interleave } from '../harness/interleave.js';
import type { Row } from '../harness/row.js';

/** A method call on a scoped service from a singleton. */
export const calls: Row = {
  name: 'calls',
  async measure(effort) {
    const variant = (task: string) => ({ file: 'calls.ts', task });
    const samples = await interleave(
      { ours: variant('client'), direct: variant('direct'), cls: variant('cls') },
      { effort, blockMs: 10, blocks: 5 },
    );
    const what = 'A method call on a session-scoped service that a singleton has';
    return {
      lines: [
        compare(samples.ours, samples.direct, { what, peer: 'the direct call' }),
        compare(samples.ours, samples.cls, { what, peer: 'nestjs-cls, proxy provider' }),
      ],
    };
  },
};
