// Runs the library's tests with other versions of Nest and Node than the installed ones, and as tsc compiles them, each
// in a temporary folder, and checks that docs/compatibility.md says what comes out.
//
//   npm run test:matrix                                 each two of a Nest, a compiler and a Node at least once
//   npm run test:matrix -- --all                        all combinations
//   npm run test:matrix -- --only=nest11,tsc,node22     those of these
//   npm run test:matrix -- --write                      writes the results into docs/compatibility.md
import { parseArgs } from 'node:util';
import { choose, nameOf } from './matrix/combinations.mjs';
import { faultsOfDocument, write } from './matrix/document.mjs';
import { stopSignal } from './matrix/processes.mjs';
import { Workspace } from './matrix/workspace.mjs';

const MAX_DETAILED = 20;
const MAX_LINES = 20;

const { values: options } = parseArgs({
  options: { all: { type: 'boolean' }, only: { type: 'string' }, write: { type: 'boolean' } },
});

try {
  await main();
} catch (error) {
  if (!stopSignal.aborted) throw error;
  console.error(stopSignal.reason.message);
}

async function main() {
  if (options.write && options.only !== undefined) throw new Error('--write needs all results: leave --only away');
  const results = [];
  const workspace = new Workspace();
  try {
    for (const combination of choose(options)) results.push(await test(workspace, combination));
  } finally {
    workspace.remove();
  }
  if (options.write) await write(results);
  const faults = faultsOfDocument(results);
  if (faults.length > 0) console.error(`docs/compatibility.md is out of date (--write):\n  ${faults.join('\n  ')}`);
  printTable(results);
  process.exitCode = faults.length === 0 && results.every(({ isGood }) => isGood) ? 0 : 1;
}

async function test(workspace, combination) {
  console.log(`== ${nameOf(combination)}`);
  const start = performance.now();
  const result = { combination, versions: {}, passed: 0, failed: 1 };
  try {
    const { versions, ...outcome } = await workspace.test(combination);
    Object.assign(result, { versions, ...countsOf(outcome) });
  } catch (error) {
    stopSignal.throwIfAborted();
    console.error(error.message);
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(`${result.passed} passed, ${result.failed} failed, ${seconds} s`);
  return { ...result, seconds, isGood: result.failed === 0 };
}

/** Prints what has failed. A run that says nothing, or skips a test, has failed as well. */
function countsOf({ report, output, problem }) {
  if (report === undefined || report.numTotalTests === 0) throw new Error(`no test has run: ${problem}\n${output}`);
  const faults = report.testResults.flatMap(({ name, message, assertionResults }) => {
    const file = name.slice(name.indexOf('/test/') + 1);
    if (assertionResults.length === 0) return [`${file}\n${message}`];
    return assertionResults
      .filter(({ status }) => status !== 'passed')
      .map(
        ({ status, fullName, failureMessages }) => `${file} › ${fullName}: ${status}\n${failureMessages.join('\n')}`,
      );
  });
  if (faults.length === 0 && problem) faults.push(`Jest ${problem}\n${output}`);
  faults.forEach((fault, index) => {
    const lines = fault.trimEnd().split('\n');
    // Of many only the names: they mostly have one cause.
    console.error(`FAILED  ${lines.slice(0, index < MAX_DETAILED ? MAX_LINES : 1).join('\n        ')}`);
  });
  return { passed: report.numPassedTests, failed: faults.length };
}

function printTable(results) {
  const rows = results.map(({ combination, passed, failed, seconds }) => [
    nameOf(combination),
    `${passed} passed`,
    `${failed} failed`,
    `${seconds} s`,
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column].length)));
  console.log();
  for (const row of rows)
    console.log(row.map((cell, at) => (at ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))).join('  '));
}
