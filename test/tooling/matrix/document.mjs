// The table in docs/compatibility.md. The text around it is written by hand.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { ALL, COVER, isThatOfNpmTest, nameOf } from './combinations.mjs';

const FILE = fileURLToPath(new URL('../../../docs/compatibility.md', import.meta.url));
const TABLE = /(?<=<!-- Made by `npm run test:matrix -- --write`\. -->\n)[\s\S]*?(?=<!-- end -->)/;
const HEAD = '\n| NestJS | compiler | Node.js | tests |\n| --- | --- | --- | --- |\n';

/** Puts what has run into the document, and the combination of `npm test`. */
export async function write(results) {
  const lines = ALL.flatMap((combination) => {
    const result = results.find((each) => each.combination === combination);
    if (result) return [lineOf(combination, result.versions, result.isGood ? 'passed' : 'failed')];
    return isThatOfNpmTest(combination) ? [lineOf(combination, {}, 'passed, by `npm test`')] : [];
  });
  const text = readFileSync(FILE, 'utf8').replace(TABLE, () => `${HEAD}${lines.join('\n')}\n\n`);
  writeFileSync(FILE, await format(text, { ...(await resolveConfig(FILE)), parser: 'markdown' }));
}

/** What the document says otherwise than the results. Versions in parentheses are those of the day on which it was written. */
export function faultsOfDocument(results) {
  const [table = ''] = TABLE.exec(readFileSync(FILE, 'utf8')) ?? [];
  const lines = new Map(
    [...table.matchAll(/^\| (\d[\d.]*).*? \| (\w+) +\| (\d+).*? \| (\w+).*\|$/gm)].map(
      ([, nest, compiler, node, outcome]) => [nameOf({ nest, compiler, node }), outcome],
    ),
  );
  const known = ALL.map(nameOf);
  const faults = [...lines.keys()]
    .filter((name) => !known.includes(name))
    .map((name) => `${name}: is not run any more`);
  for (const name of COVER.map(nameOf)) if (!lines.has(name)) faults.push(`${name}: is missing`);
  for (const { combination, isGood } of results) {
    const outcome = lines.get(nameOf(combination));
    const actual = isGood ? 'passed' : 'failed';
    if (outcome !== undefined && outcome !== actual)
      faults.push(`${nameOf(combination)}: says ${outcome}, has ${actual}`);
  }
  return faults;
}

function lineOf({ nest, compiler, node }, versions, outcome) {
  const cell = (range, version = range) => (version === range ? range : `${range} (${version})`);
  return `| ${cell(nest, versions.nest)} | ${compiler} | ${cell(node, versions.node)} | ${outcome} |`;
}
