/**
 * The performance goals, measured side by side.
 *
 *   npm run bench                 all rows, in about a quarter of an hour; writes docs/benchmarks.md and docs/images
 *   npm run bench -- items life   these rows
 *   npm run bench -- --quick      fewer pairs and smaller sizes: what is far off shows
 *   npm run bench -- --check      whether everything runs
 *
 * It fails where a goal is not met, or a row could not be measured.
 */
import { parseArgs } from 'node:util';
import { mkdirSync, writeFileSync } from 'node:fs';
import { draw } from './harness/chart.js';
import { toMarkdown, toText } from './harness/report.js';
import { EFFORTS, failed, type Outcome } from './harness/row.js';
import { calls } from './rows/calls.js';
import { expiry } from './rows/expiry.js';
import { fairness } from './rows/fairness.js';
import { firstResult } from './rows/first-result.js';
import { http } from './rows/http.js';
import { items } from './rows/items.js';
import { life } from './rows/life.js';
import { endedHeap, idleHeap } from './rows/memory.js';
import { request } from './rows/request.js';
import { runners } from './rows/runners.js';

const ROWS = [http, request, life, idleHeap, endedHeap, expiry, items, runners, fairness, firstResult, calls];
const DOCS = new URL('../docs/', import.meta.url);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, check: { type: 'boolean' } },
});
const effort = values.check === true ? EFFORTS.check : values.quick === true ? EFFORTS.quick : EFFORTS.full;
const unknown = positionals.filter((name) => ROWS.every((row) => row.name !== name));
if (unknown.length > 0)
  throw new Error(`There is no row ${unknown.join(', ')}: ${ROWS.map(({ name }) => name).join(', ')}`);

const startedMs = performance.now();
const outcomes: Outcome[] = [];
for (const row of ROWS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  const rowStartedMs = performance.now();
  // One that fails does not take what others have measured with it.
  outcomes.push(await row.measure(effort).catch((error: unknown) => failed(row.name, error)));
  console.error(`${row.name}: ${((performance.now() - rowStartedMs) / 1_000).toFixed(0)} s`);
}
// Goals are for the sizes, and the certainty, of the whole run.
const lines = outcomes
  .flatMap((outcome) => outcome.lines)
  .map((line) => (effort === EFFORTS.full ? line : { ...line, isMet: undefined }));
const charts = outcomes.flatMap((outcome) => outcome.charts ?? []);
const minutes = (performance.now() - startedMs) / 60_000;
console.log(effort === EFFORTS.check ? `${lines.length} figures` : toText(lines));

if (effort === EFFORTS.full) {
  mkdirSync(new URL('images/', DOCS), { recursive: true });
  for (const chart of charts) writeFileSync(new URL(`images/${chart.name}.svg`, DOCS), draw(chart));
  if (positionals.length === 0) writeFileSync(new URL('benchmarks.md', DOCS), toMarkdown(lines, charts, minutes));
}
const isWrong = outcomes.some(({ hasFailed }) => hasFailed === true) || lines.some(({ isMet }) => isMet === false);
process.exitCode = isWrong ? 1 : 0;
