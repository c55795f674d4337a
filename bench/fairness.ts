/**
 * How long other sessions wait while one of them has a source that never waits for anything.
 *
 *   npm run bench:fairness     half a minute
 *
 * It fails where the event loop's delay reaches the goal.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Load } from './fairness-worker.js';

const GOAL_MS = 50;
const SECONDS = 10;
const LIMIT_MS = 120_000;

const server = fork(new URL('fairness-worker.ts', import.meta.url), { signal: AbortSignal.timeout(LIMIT_MS) });
const [port] = (await once(server, 'message')) as [number];
const url = `http://127.0.0.1:${port}`;

const cookie = (await fetch(`${url}/other`)).headers.get('set-cookie')?.split(';')[0] ?? '';
const idle = await latencies(new Promise((resolve) => setTimeout(resolve, 3_000)));
const rows: Record<string, object> = {
  'nothing beside it': { 'request p50': inMs(idle.p50), 'request p99': inMs(idle.p99) },
};
let isMet = true;
for (const [source, title] of [
  ['sync', 'a sync generator, 10 million items'],
  ['async', 'an async generator, 1 ms of work per item'],
] as const) {
  const work = fetch(`${url}/load/${source}/${SECONDS}`, { method: 'POST' }).then((response) => response.json());
  const { p50, p99 } = await latencies(work);
  const { items, seconds, delayMs } = (await work) as Load;
  isMet &&= delayMs.p99 < GOAL_MS;
  rows[title] = {
    'items per second': Math.round(items / seconds),
    'loop delay p50': inMs(delayMs.p50),
    'loop delay p99': inMs(delayMs.p99),
    'loop delay max': inMs(delayMs.max),
    'request p50': inMs(p50),
    'request p99': inMs(p99),
  };
}
console.table(rows);
console.log(`Goal, a loop delay p99 below ${GOAL_MS} ms: ${isMet ? 'met' : 'not met'}`);
process.exitCode = isMet ? 0 : 1;
server.disconnect();

/** Of the requests of another session, one after the other, while something goes on. */
async function latencies(work: Promise<unknown>): Promise<{ p50: number; p99: number }> {
  const isOver = work.then(() => true);
  const all: number[] = [];
  do {
    const startedMs = performance.now();
    await (await fetch(`${url}/other`, { headers: { cookie } })).text();
    all.push(performance.now() - startedMs);
  } while (!(await Promise.race([isOver, Promise.resolve(false)])));
  all.sort((one, other) => one - other);
  const at = (part: number): number => all[Math.min(all.length - 1, Math.floor(all.length * part))] ?? NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

function inMs(value: number): string {
  return `${value.toFixed(1)} ms`;
}
