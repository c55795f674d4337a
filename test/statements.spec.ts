import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';

/** How many statements each area has. */
const AREAS = { 1: 51, 2: 21, 3: 13, 4: 30, 5: 10, 6: 15, 7: 13, 8: 52, 9: 10, 10: 31, 11: 13, 12: 8, 13: 15, 14: 5 };
const OPTIONS = [
  'HostId',
  'Prefix',
  'RunnerIdleTimeout',
  'MaxLifetime',
  'UseOwnCache',
  'OwnCacheOptions',
  'ThrowOnRemoteRunner',
  'UseSessionServicesAsRequestServices',
  'PreloadActiveSession',
  'TrackStatistics',
  'ActiveSessionSize',
  'DefaultRunnerSize',
  'CleanupLoggingTimeoutMs',
  'PathRegexTimeout',
  'DefaultEnumerableAdvance',
  'DefaultEnumerableQueueSize',
  'IdleTimeout',
  'StoreDisposeTimeout',
  'PropertyMapWait',
  'LogCategories',
];
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
// W61 is about the sample application of the original, as is area 16.
const weaknesses = [...range(1, 60), 62, 63].map((number) => `W${number}`);
const statements = [
  ...Object.entries(AREAS).flatMap(([area, count]) => range(1, count).map((number) => `${area}.${number}`)),
  ...OPTIONS.map((name) => `15.${name}`),
  ...weaknesses,
];

const tested = [...(await readFile('test/statements.md', 'utf8')).matchAll(/^- (\S+) .* — (\S+) › (.+)$/gm)].map(
  ([, id = '', spec = '', title = '']) => ({ id, spec, title }),
);
const differences = [
  ...(await readFile('docs/differences.md', 'utf8')).matchAll(/^\| ((?:W|\d+\.).*?)\s*\|.*\| (.*?)\s*\|$/gm),
].map(([, ids = '', why = '']) => ({ ids: ids.split(', '), why }));

describe('The statements about the .NET library', () => {
  it('are each the matter of a test, or of an intended difference', () => {
    const accounted = [...tested.map(({ id }) => id), ...differences.flatMap(({ ids }) => ids)];
    expect(statements.filter((id) => !accounted.includes(id))).toEqual([]);
    expect(accounted.filter((id) => !statements.includes(id))).toEqual([]);
    expect(accounted.filter((id, index) => accounted.indexOf(id) !== index)).toEqual([]);
  });

  it('name tests that exist', async () => {
    const missing: string[] = [];
    for (const { id, spec, title } of tested) {
      const source = await readFile(`test/${spec}.spec.ts`, 'utf8');
      if (
        !["'", '"', '`'].some((quote) => source.includes(`(${quote}${title}${quote}`)) &&
        !source.includes(`'${title}',\n`)
      )
        missing.push(`${id}: ${title}`);
    }
    expect(missing).toEqual([]);
  });

  it('differ for a reason that is named', () => {
    for (const { ids, why } of differences) expect([ids, why]).toEqual([ids, expect.stringMatching(/\b(D \d|W\d)/)]);
    expect(differences.length).toBeGreaterThan(30);
  });
});
