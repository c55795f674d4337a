/** One measurement in a process of its own, which tells the result to the process that has started it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { endSessions, hooksDone, SessionApplication } from './session-application.js';

export interface EndedResult {
  readonly firstHeapBytes: number;
  readonly lastHeapBytes: number;
  readonly durationMs: number;
}

export interface IdleResult {
  readonly bytesPerSession: number;
}

const AT_ONCE = 100;
const WARM_UP_SESSIONS = 5000;

/** The heap in use after the first tenth of the sessions have ended, and after all have. */
async function measureEnded(sessionCount: number): Promise<EndedResult> {
  const application = await SessionApplication.start();
  const { registry } = application;
  // In an application that is in use, there is always somebody: nothing is tidied up just because all have gone.
  await application.visit('/services', 1);
  const [stayer] = registry.all();

  const startedMs = performance.now();
  let firstHeapBytes = 0;
  for (let count = AT_ONCE; count <= sessionCount; count += AT_ONCE) {
    await application.visit('/services', AT_ONCE);
    await endSessions(registry.all().filter((session) => session !== stayer));
    if (count === sessionCount / 10) firstHeapBytes = await heapUsedBytes();
  }
  const lastHeapBytes = await heapUsedBytes();
  const durationMs = performance.now() - startedMs;

  const { created, sessions, ended } = registry.stats();
  expectEqual('sessions created', created, sessionCount + 1);
  expectEqual('sessions ended', ended.terminated, sessionCount);
  expectEqual('sessions left', sessions, 1);
  expectEqual('end hooks of two instances for each session', hooksDone, 2 * sessionCount);
  return { firstHeapBytes, lastHeapBytes, durationMs };
}

/** What a session takes, with its group and what else is made by one request for `path`. */
async function measureIdle(path: string, sessionCount: number): Promise<IdleResult> {
  const application = await SessionApplication.start();
  const { registry } = application;
  const visit = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += AT_ONCE) await application.visit(path, AT_ONCE);
  };
  await visit(WARM_UP_SESSIONS);
  await endSessions(registry.all());

  const beforeBytes = await heapUsedBytes();
  await visit(sessionCount);
  const afterBytes = await heapUsedBytes();
  const { sessions, pinned } = registry.stats();
  expectEqual('sessions', sessions, sessionCount);
  expectEqual('sessions in use', pinned, 0);
  return { bytesPerSession: (afterBytes - beforeBytes) / sessionCount };
}

async function heapUsedBytes(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('Start it with --expose-gc');
  // What a finalizer lets go of, the next collection finds.
  for (let round = 0; round < 5; round++) {
    await nextTurn();
    globalThis.gc();
  }
  return process.memoryUsage().heapUsed;
}

function expectEqual(what: string, actual: number, expected: number): void {
  if (actual !== expected) throw new Error(`Expected ${expected} ${what}, got ${actual}`);
}

// Nobody waits for the result any more.
process.once('disconnect', () => process.exit());

const [, , what = '', sessionCount] = process.argv;
process.send?.(await (what === 'ended' ? measureEnded(Number(sessionCount)) : measureIdle(what, Number(sessionCount))));
