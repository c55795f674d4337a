import { inDigits } from '../harness/format.js';
import { otherNodes, Worker } from '../harness/process.js';
import type { Line, Row } from '../harness/row.js';

const IDLE_GOAL_BYTES = 700;
const ENDED_GOAL_BYTES = 2_000_000;
const SESSIONS = 100_000;
const ENDED = 1_000_000;
const RUNS = 3;

async function once<T>(task: string, count: number, execPath?: string): Promise<{ value: T; version: string }> {
  const worker = await Worker.start('memory.ts', {}, { exposeGc: true, execPath });
  try {
    const { result } = await worker.run(task, count);
    const version = await worker.run('version', 1);
    return { value: result as T, version: String(version.result) };
  } finally {
    await worker.stop();
  }
}

/** The heap that idle sessions take. */
export const idleHeap: Row = {
  name: 'idle-heap',
  async measure({ shrink, growth }) {
    const count = SESSIONS / shrink;
    const lines: Line[] = [];
    for (const execPath of [undefined, ...otherNodes()]) {
      const { value, version } = await once<number>('idle', count, execPath);
      lines.push({
        what: `Heap of an idle session with its group, at ${inDigits(count)} sessions, Node ${version}`,
        ours: `${inDigits(value)} B`,
        goal: `at most ${IDLE_GOAL_BYTES} B`,
        isMet: value <= IDLE_GOAL_BYTES,
      });
    }
    for (const [task, what] of [
      ['idleWithService', 'The same, with one session-scoped service'],
      ['idleWithServices', 'The same, with one that has a group-scoped one'],
    ] as const)
      lines.push({ what, ours: `${inDigits((await once<number>(task, count)).value)} B` });
    if (!growth) return { lines };
    const points: [number, number][] = [];
    for (const size of [1_000, 10_000, 100_000]) points.push([size, (await once<number>('idle', size)).value]);
    const series = [{ name: 'idle session', points }];
    const chart = { name: 'heap-by-sessions', title: 'Heap of an idle session', x: 'sessions', y: 'B', series };
    return { lines, charts: [chart] };
  },
};

/** What ended sessions leave behind. */
export const endedHeap: Row = {
  name: 'ended-heap',
  async measure({ shrink }) {
    const count = ENDED / shrink;
    // At once, as one run takes little more than one core.
    const runs = await Promise.all(
      Array.from({ length: RUNS }, () => once<{ first: number; last: number }>('ended', count)),
    );
    const growths = runs.map(({ value: { first, last } }) => last - first);
    return {
      lines: [
        {
          what: `Heap after ${inDigits(count)} sessions have ended less that after a tenth of them, ${RUNS} runs`,
          ours: growths.map((bytes) => `${(bytes / 1e6).toFixed(2)} MB`).join(', '),
          goal: `below ${ENDED_GOAL_BYTES / 1e6} MB each`,
          isMet: growths.every((bytes) => bytes < ENDED_GOAL_BYTES),
        },
      ],
    };
  },
};
