import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { folderStatistics } from '../../sample-app/statistics/folder-statistics.js';
import { FolderTotals, type TotalsSummary } from '../../sample-app/statistics/folder-totals.js';
import { makeTempTree, removeTempTree } from './temp-tree.js';

interface Seen {
  totals: TotalsSummary;
  estimatedEnd: number | undefined;
}

describe('folderStatistics', () => {
  const roots: string[] = [];
  const never = new AbortController().signal;

  async function tree(content: Record<string, string>): Promise<string> {
    const root = await makeTempTree(content);
    roots.push(root);
    return root;
  }

  async function reportsOf(root: string, pace?: Parameters<typeof folderStatistics>[1]): Promise<Seen[]> {
    const seen: Seen[] = [];
    await folderStatistics(root, pace)(
      (totals, estimatedEnd) => seen.push({ totals: totals.summary(), estimatedEnd }),
      never,
    );
    return seen;
  }

  afterEach(async () => {
    await Promise.all(roots.splice(0).map(removeTempTree));
  });

  it('sums up files and bytes by extension, in lower case, the greatest first', async () => {
    const root = await tree({ 'a.txt': '12345', 'b/B.TXT': '123', 'b/c/x.md': '1', 'b/c/plain': '12', '.hidden': '' });
    expect((await reportsOf(root)).at(-1)?.totals).toEqual({
      folders: 3,
      files: 5,
      bytes: 11,
      extensions: [
        { extension: '.txt', files: 2, bytes: 8 },
        { extension: '', files: 2, bytes: 2 },
        { extension: '.md', files: 1, bytes: 1 },
      ],
      others: { extensions: 0, files: 0, bytes: 0 },
    });
  });

  it('reports after each folder, and knows from the first one where it ends: the end is a report, too', async () => {
    const root = await tree({ a: '1', 'b/a': '1', 'b/c/a': '1', 'd/a': '1' });
    const seen = await reportsOf(root);
    expect(seen.map(({ totals }) => [totals.folders, totals.files])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
    expect(seen.map(({ estimatedEnd }) => estimatedEnd)).toEqual([5, 5, 5, 5]);
  });

  it('lets the estimated end grow where there was no time to count', async () => {
    const root = await tree({ 'a/b/c/file': '1' });
    expect((await reportsOf(root, { maxCountMs: 0 })).map(({ estimatedEnd }) => estimatedEnd)).toEqual([3, 4, 5, 5]);
  });

  it('follows no symbolic link, and goes on behind what cannot be read', async () => {
    const outside = await tree({ secret: '12345' });
    const root = await tree({ 'a/x': '1' });
    await symlink(outside, join(root, 'folder-link'));
    await symlink(join(outside, 'secret'), join(root, 'file-link'));
    await symlink(root, join(root, 'a', 'circle'));
    expect((await reportsOf(root)).at(-1)?.totals).toMatchObject({ folders: 2, files: 1, bytes: 1 });
    expect((await reportsOf(join(root, 'gone'))).at(-1)?.totals).toMatchObject({ folders: 1, files: 0, bytes: 0 });
  });

  it('is no faster than it may be, and stops while it waits', async () => {
    const root = await tree({ 'a/x': '1', 'b/x': '1' });
    const startedAt = performance.now();
    expect(await reportsOf(root, { maxFoldersPerSecond: 100 })).toHaveLength(3);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(20);
    const stop = new AbortController();
    const work = folderStatistics(root, { maxFoldersPerSecond: 0.1 })(() => stop.abort(), stop.signal);
    await expect(work).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('counts an empty folder', async () => {
    const root = await tree({});
    await mkdir(join(root, 'empty'));
    expect((await reportsOf(root)).at(-1)?.totals).toMatchObject({ folders: 2, files: 0, extensions: [] });
  });

  it('ends with its signal, in the middle of the work', async () => {
    const root = await tree({ 'a/x': '1', 'b/x': '1' });
    const stop = new AbortController();
    const reason = new Error('stopped');
    const reports: number[] = [];
    const work = folderStatistics(root)((totals) => {
      reports.push(totals.summary().folders);
      stop.abort(reason);
    }, stop.signal);
    await expect(work).rejects.toBe(reason);
    expect(reports).toEqual([1]);
  });
});

describe('FolderTotals', () => {
  it('tells of the greatest extensions, and sums up the others', () => {
    const totals = new FolderTotals();
    totals.addFolder(Array.from({ length: 15 }, (_, i) => ({ name: `file.x${i}`, bytes: i })));
    const { extensions, others, bytes } = totals.summary();
    expect(extensions).toHaveLength(12);
    expect(extensions[0]).toEqual({ extension: '.x14', files: 1, bytes: 14 });
    expect(others).toEqual({ extensions: 3, files: 3, bytes: 0 + 1 + 2 });
    expect(bytes).toBe((14 * 15) / 2);
  });

  it.each([
    ['name.', ''],
    ['.profile', ''],
    ['archive.tar.GZ', '.gz'],
    ['chunk.3f2a9c81d4e5b607', ''],
    ['x.12345678901', '.12345678901'],
  ])('takes the extension of %j as %j', (name, extension) => {
    const totals = new FolderTotals();
    totals.addFolder([{ name, bytes: 1 }]);
    expect(totals.summary().extensions).toEqual([{ extension, files: 1, bytes: 1 }]);
  });
});
