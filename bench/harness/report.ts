import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { inColumns } from './format.js';
import type { Chart, Line } from './row.js';

const HEAD = ['What', 'Ours', 'Peer', 'Ratio (95 %)', 'Goal', 'Met'];
const PACKAGES = ['@nestjs/core', 'express', 'express-session', 'rxjs', 'nestjs-cls', 'bullmq'];

function cellsOf({ what, ours, peer = '', ratio = '', goal = '', isMet, note }: Line): string[] {
  const met = isMet === undefined ? '' : isMet ? 'yes' : 'no';
  return [note === undefined ? what : `${what} (${note})`, ours, peer, ratio, goal, met];
}

export function toText(lines: readonly Line[]): string {
  return inColumns([HEAD, ...lines.map(cellsOf)]);
}

export function toMarkdown(lines: readonly Line[], charts: readonly Chart[], minutes: number): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const table = [row(HEAD), row(HEAD.map(() => '---')), ...lines.map((line) => row(cellsOf(line)))];
  const images = charts.map(({ name, title, x }) => `![${title}, by ${x}](images/${name}.svg)`);
  return `# Benchmarks

Made by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)} in ${minutes.toFixed(0)} minutes: ${machine()}.

Variants are measured in turn, each in a process of its own, at least 40 pairs of each, and each pair has the fastest of
several short blocks, since whatever else the machine does only adds. A ratio is the median of the pairs with its
bootstrap interval of 95 %; a goal is met where the interval's worse end meets it. Why things cost what they cost, and
where a goal is beyond what Node can do, is in [performance.md](performance.md).

${table.join('\n')}

## Growth

${images.join('\n\n')}
`;
}

function machine(): string {
  const all = cpus();
  const versions = PACKAGES.map((name) => `${name} ${versionOf(name)}`);
  return `${all.length} cores of ${all[0]?.model.trim() ?? 'an unknown processor'}, Node ${process.versions.node}, ${versions.join(', ')}`;
}

function versionOf(name: string): string {
  const require = createRequire(import.meta.url);
  const folder = require.resolve.paths(name)?.map((path) => `${path}/${name}/package.json`) ?? [];
  for (const path of folder)
    try {
      return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  return 'missing';
}
