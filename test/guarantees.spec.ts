import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const root = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const rows = read('docs/guarantees.md')
  .split('\n')
  .filter((line) => /^\| (?!promise|-)/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, promise = '', shownBy = '']) => [promise, shownBy] as const);

describe('The guarantees', () => {
  it.each(rows)('%s', (_promise, shownBy) => {
    const names = [...shownBy.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    expect(names).not.toEqual([]);
    const { scripts } = JSON.parse(read('package.json'));
    for (const name of names) {
      const [, script] = /^npm run ([\w:]+)/.exec(name) ?? [];
      expect(script === undefined ? existsSync(new URL(name, root)) : script in scripts).toBe(true);
    }
  });
});
