import { inDigits } from '../harness/format.js';
import { Worker } from '../harness/process.js';
import type { Line, Row } from '../harness/row.js';
import type { Load } from '../workers/fairness.js';

const GOAL_MS = 50;
const SECONDS = 10;

/** How long others wait while one session has a source that never waits for anything. */
export const fairness: Row = {
  name: 'fairness',
  async measure({ shrink }) {
    const lines: Line[] = [];
    const worker = await Worker.start('fairness.ts');
    const seconds = Math.max(1, SECONDS / shrink);
    try {
      for (const [task, title] of [
        ['sync', 'a generator of 10 million items'],
        ['async', 'an async generator with 1 ms of work for each item'],
      ] as const) {
        const { result } = await worker.run(task, seconds);
        const { delayMs, requestMs, itemsPerSecond } = result as Load;
        lines.push({
          what: `Event-loop delay p99 while one session reads ${title} as fast as it can`,
          ours: `${inDigits(delayMs)} ms`,
          goal: `below ${GOAL_MS} ms`,
          isMet: delayMs < GOAL_MS,
          note: `requests of another session: p99 ${inDigits(requestMs)} ms; ${inDigits(itemsPerSecond)} items a second`,
        });
      }
    } finally {
      await worker.stop();
    }
    return { lines };
  },
};
