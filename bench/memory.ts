/**
 * What sessions leave behind in the heap when they have ended, and what they take while they are idle.
 *
 *   npm run bench:memory                       five to ten minutes on two cores
 *   npm run bench:memory -- --sessions=100000  with fewer sessions
 *
 * It fails where the heap grows by as much as the goal from the first tenth of the sessions to the last one.
 */
import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import type { EndedResult, IdleResult } from './memory-worker.js';

const RUNS = 3;
const GOAL_BYTES = 2_000_000;
const IDLE_SESSIONS = 100_000;
const LIMIT_MS = 15 * 60_000;

const { values } = parseArgs({ options: { sessions: { type: 'string', default: '1000000' } } });
const sessionCount = Number(values.sessions);
if (!Number.isInteger(sessionCount / 1000) || sessionCount < 1000)
  throw new Error('Expected --sessions to be a multiple of 1000');

const stop = new AbortController();
const timeout = setTimeout(() => stop.abort(new Error(`It took longer than ${LIMIT_MS / 60_000} min`)), LIMIT_MS);
try {
  const isMet = await reportEnded();
  await reportIdle(Math.min(IDLE_SESSIONS, sessionCount));
  process.exitCode = isMet ? 0 : 1;
} catch (error) {
  console.error(`Goal not met: ${String(stop.signal.aborted ? stop.signal.reason : error)}`);
  stop.abort();
  process.exitCode = 1;
} finally {
  clearTimeout(timeout);
}

/** @returns whether the goal is met */
async function reportEnded(): Promise<boolean> {
  console.log(`Heap in use when sessions have ended, each with one session-scoped and one group-scoped instance:\n`);
  const startedMs = performance.now();
  // At once, as one run takes little more than one core.
  const results = await Promise.all(Array.from({ length: RUNS }, () => measure<EndedResult>('ended', sessionCount)));
  const rows = results.map(({ firstHeapBytes, lastHeapBytes, durationMs }) => ({
    [`after ${inWords(sessionCount / 10)}`]: inMegabytes(firstHeapBytes),
    [`after ${inWords(sessionCount)}`]: inMegabytes(lastHeapBytes),
    difference: inMegabytes(lastHeapBytes - firstHeapBytes),
    time: `${(durationMs / 1000).toFixed(0)} s`,
  }));
  console.table(rows);
  const isMet = results.every(({ firstHeapBytes, lastHeapBytes }) => lastHeapBytes - firstHeapBytes < GOAL_BYTES);
  const wallTime = `${((performance.now() - startedMs) / 1000).toFixed(0)} s`;
  console.log(
    `Goal, a difference below ${inMegabytes(GOAL_BYTES)} in each run: ${isMet ? 'met' : 'not met'}, in ${wallTime}`,
  );
  return isMet;
}

async function reportIdle(idleCount: number): Promise<void> {
  const measurements = {
    'no service': '/session',
    'a session-scoped one': '/service',
    'a session-scoped one that has a group-scoped one': '/services',
  };
  console.log(
    `\nHeap that an idle session with its group takes, at ${inWords(idleCount)} sessions, by what it uses:\n`,
  );
  const rows = await Promise.all(
    Object.entries(measurements).map(async ([uses, path]) => {
      const { bytesPerSession } = await measure<IdleResult>(path, idleCount);
      return { uses, bytes: Math.round(bytesPerSession) };
    }),
  );
  console.table(rows);
}

/** Measures in a process of its own, which gets the options of this one. */
function measure<T>(what: string, count: number): Promise<T> {
  const worker = fork(new URL('./memory-worker.ts', import.meta.url), [what, String(count)], { signal: stop.signal });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`The process has ended with code ${code} and without a result`)));
    worker.once('message', (result) => {
      worker.disconnect();
      resolve(result as T);
    });
  });
}

function inWords(count: number): string {
  return count.toLocaleString('en');
}

function inMegabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(2)} MB`;
}
