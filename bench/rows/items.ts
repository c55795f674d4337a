import { compare } from '../harness/compare.js';
import { interleave } from '../harness/interleave.js';
import type { Line, Row } from '../harness/row.js';

const KINDS = [
  ['', 'an async generator'],
  ['Sync', 'a generator'],
] as const;

/** Items through a sequence runner. */
export const items: Row = {
  name: 'items',
  async measure(effort) {
    const lines: Line[] = [];
    for (const [suffix, source] of KINDS) {
      const variant = (task: string) => ({ file: 'items.ts', task: `${task}${suffix}` });
      const samples = await interleave(
        { ours: variant('runner'), bare: variant('bare'), stream: variant('stream'), rxjs: variant('observable') },
        { effort, blockMs: 20, blocks: 8, warmUpBlocks: 60 },
      );
      const what = `One item of ${source} through a sequence runner, read in pages of 20, in a session`;
      const line = (peer: string, samplesOfPeer: typeof samples.bare, goal?: number): Line =>
        compare(samples.ours, samplesOfPeer, {
          what,
          peer,
          isSpeed: true,
          ...(goal !== undefined && { goal: { atLeast: goal } }),
        });
      lines.push(
        line('bare for await', samples.bare, 0.5),
        line('Readable.from()', samples.stream, 2),
        line('RxJS, from() and bufferCount()', samples.rxjs),
      );
    }
    return { lines };
  },
};
