/**
 * A server that is used for a while by thousands of users who do what they like, and know what must come of it.
 *
 *   npm run soak                       for 10 minutes
 *   npm run soak -- 0.5                for half a minute
 *   npm run soak -- 1 --seed 7         users who make the same choices again
 *   npm run soak -- 1 --svg soak.svg   memory and the event loop's delay as a chart
 *
 * It fails, with the seed and what the user had done, where an answer is wrong, or where something is left when all have gone.
 */
import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { draw } from '../../bench/harness/chart.js';
import { pseudoRandom } from '../../bench/harness/statistics.js';
import { Random } from '../support/random.js';
import { IDLE_MS, type Remains, type Sample } from './protocol.js';
import { SoakedServer } from './soaked-server.js';
import { User, type World } from './user.js';

const MINUTE_MS = 60_000;
const AT_ONCE = 64;
/** The part of the time after which the heap is what it is compared with: by then all code has run often. */
const WARM_UP = 0.25;
/** In which all users who are still there have gone, and their sessions, too. */
const LAST_MS = 10_000;
/** More than V8's own caches move, and less than a thousandth of what the users have used. */
const MAY_GROW_BYTES = 4e6;
const SHOWN = 60;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, svg: { type: 'string' } },
});
const durationMs = Number(positionals[0] ?? 10) * MINUTE_MS;
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
if (!(durationMs > 0) || !Number.isSafeInteger(seed))
  throw new Error('Usage: npm run soak -- [minutes] [--seed n] [--svg file]');
console.log(`Seed ${seed}`);

const server = await SoakedServer.start();
const startedMs = performance.now();
// Whatever hangs: it stops by itself.
const limit = globalThis.setTimeout(() => fail(new Error('It has not stopped in time')), 1.5 * durationMs + MINUTE_MS);
const world: World = { url: server.url, agent: new Agent({ keepAlive: true }), keys: [], done: {} };
let users = 0;

/** Users come and go until then; then those who are there go. */
async function soak(untilMs: number): Promise<void> {
  const oneAfterTheOther = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      const number = users++;
      const draws = pseudoRandom(seed + number * 7_919);
      const random = new Random((from, to) => from + Math.floor(draws() * (to - from + 1)));
      const user = new User(`user ${number}`, random, world);
      await user.live().catch((error: unknown) => fail(error, user));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, oneAfterTheOther));
}

/** What is left when all sessions have had the time to idle out. */
async function remains(): Promise<Remains> {
  await setTimeout(IDLE_MS + LAST_MS / 4);
  const left = await server.remains();
  const counts = Object.entries(left.counts).filter(([, count]) => count !== 0);
  if (counts.length > 0) fail(new Error(`All have gone, and there is still: ${JSON.stringify(counts)}`));
  if (left.faults.length > 0) fail(new Error(`The server has complained: ${left.faults.join('\n')}`));
  return left;
}

function fail(error: unknown, user?: User): never {
  console.error(`\nSeed ${seed}, ${user?.name ?? 'after all users'}: ${String(error)}`);
  if (user !== undefined) console.error(user.history.slice(-SHOWN).join('\n'));
  server.kill();
  process.exit(1);
}

function chartOf(samples: readonly Sample[]): string {
  const series = (name: string, of: (sample: Sample) => number) => ({
    name,
    points: samples.map((sample, second) => [second, Math.max(1, of(sample))] as const),
  });
  return draw({
    title: `${users} users in ${(durationMs / MINUTE_MS).toFixed(1)} minutes`,
    x: 'seconds',
    y: 'MB, ms, number',
    isOverTime: true,
    series: [
      series('heap, MB', ({ heapMb }) => heapMb),
      series('memory, MB', ({ rssMb }) => rssMb),
      series('delay p99, ms', ({ delayP99Ms }) => delayP99Ms),
      series('sessions', ({ sessions }) => sessions),
    ],
  });
}

await soak(startedMs + durationMs * WARM_UP);
const before = await remains();
const usersBefore = users;
await soak(Math.max(performance.now() + durationMs * WARM_UP, startedMs + durationMs - LAST_MS));
const after = await remains();

const grown = after.heapBytes - before.heapBytes;
const more = users - usersBefore;
console.log(`${users} users, ${JSON.stringify(world.done)}`);
console.log(`Ends: ${JSON.stringify(after.ended)}`);
console.log(`Event loop of the server, ms: ${JSON.stringify(after.delaysMs)}`);
console.log(
  `Heap after collections: ${(before.heapBytes / 1e6).toFixed(1)} MB after ${usersBefore} users, ` +
    `${(after.heapBytes / 1e6).toFixed(1)} MB after ${more} more: ${(grown / more).toFixed(0)} bytes for each`,
);
if (grown > MAY_GROW_BYTES) fail(new Error(`The heap has grown by ${grown} bytes, ${MAY_GROW_BYTES} are allowed`));
if (values.svg !== undefined) writeFileSync(values.svg, chartOf(server.samples));
world.agent.destroy();
clearTimeout(limit);
const endedBy = await server.stop();
if (endedBy !== 'SIGTERM') fail(new Error(`The server was not ended by SIGTERM but by ${String(endedBy)}`));
console.log(`Nothing is wrong, after ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
