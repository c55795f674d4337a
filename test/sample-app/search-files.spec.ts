import { chmod, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createMatcher } from '../../sample-app/files/matcher.js';
import { type FoundLine, MAX_ROW_CHARS, searchFiles } from '../../sample-app/files/search-files.js';
import { BINARY_CHECK_BYTES, MAX_FILE_BYTES } from '../../sample-app/files/text-file.js';
import { makeTempTree, removeTempTree } from './temp-tree.js';

const IS_ROOT_USER = process.getuid?.() === 0;
const NOBODY = 65_534;
const never = new AbortController().signal;

describe('searchFiles', () => {
  const roots: string[] = [];

  async function tree(content: Record<string, string | Buffer>): Promise<string> {
    const root = await makeTempTree(content);
    roots.push(root);
    return root;
  }

  async function search(root: string, text: string, folder?: string): Promise<FoundLine[]> {
    const rows: FoundLine[] = [];
    for await (const row of searchFiles(root, createMatcher(text, false), never, folder)) rows.push(row);
    return rows;
  }

  async function filesWith(root: string, text: string, folder?: string): Promise<string[]> {
    return (await search(root, text, folder)).map((row) => row.file);
  }

  afterEach(async () => {
    await Promise.all(roots.splice(0).map(removeTempTree));
  });

  it('yields file, line and text of every match', async () => {
    const root = await tree({ 'a/b.txt': 'no\nhit one\r\n\nhit two', 'c.txt': 'hit\n' });
    expect(await search(root, 'hit')).toEqual([
      { file: 'a/b.txt', line: 2, text: 'hit one' },
      { file: 'a/b.txt', line: 4, text: 'hit two' },
      { file: 'c.txt', line: 1, text: 'hit' },
    ]);
  });

  it('goes through names in the order of their bytes, files and folders in one order, depth first', async () => {
    const paths = ['b', 'B', 'a/z', 'a/A/x', 'a.txt', 'a-b', 'ä', 'z', '\u{1f600}', '\uff21', '.hidden', '10', '9'];
    const root = await tree(Object.fromEntries(paths.map((path) => [path, 'hit'])));
    expect(await filesWith(root, 'hit')).toEqual([
      '.hidden',
      '10',
      '9',
      'B',
      'a/A/x',
      'a/z',
      'a-b',
      'a.txt',
      'b',
      'z',
      'ä',
      '\uff21',
      '\u{1f600}', // By UTF-16 units it would come before the one above.
    ]);
  });

  it('searches one folder, with paths that stay relative to the root', async () => {
    const root = await tree({ 'a/b/c': 'hit', 'a/bb': 'hit', d: 'hit' });
    expect(await filesWith(root, 'hit', 'a/b')).toEqual(['a/b/c']);
  });

  it('follows no symbolic link, to a file, to a folder or in a circle', async () => {
    const outside = await tree({ secret: 'hit' });
    const root = await tree({ 'a/x': 'hit' });
    await symlink(join(outside, 'secret'), join(root, 'file-link'));
    await symlink(outside, join(root, 'folder-link'));
    await symlink(root, join(root, 'a', 'circle'));
    await symlink('nowhere', join(root, 'dangling'));
    expect(await filesWith(root, 'hit')).toEqual(['a/x']);
  });

  it('leaves out binary files: a NUL in the first 8 KiB', async () => {
    const nulAt = (bytes: number) => Buffer.from(`hit\n${'x'.repeat(bytes - 4)}\0`);
    const root = await tree({ early: nulAt(4), last: nulAt(BINARY_CHECK_BYTES - 1), late: nulAt(BINARY_CHECK_BYTES) });
    expect(await filesWith(root, 'hit')).toEqual(['late']);
  });

  it('leaves out files over 1 MiB', async () => {
    const ofBytes = (bytes: number) => 'hit\n'.padEnd(bytes, 'x');
    const root = await tree({ large: ofBytes(MAX_FILE_BYTES + 1), limit: ofBytes(MAX_FILE_BYTES) });
    expect(await filesWith(root, 'hit')).toEqual(['limit']);
  });

  it('goes on behind what has disappeared since it was listed', async () => {
    const root = await tree({ a: 'hit', b: 'hit', 'c/d': 'hit', e: 'hit' });
    const found: string[] = [];
    for await (const { file } of searchFiles(root, createMatcher('hit', false), never)) {
      found.push(file);
      if (file === 'a') await Promise.all(['b', 'c'].map((name) => rm(join(root, name), { recursive: true })));
    }
    expect(found).toEqual(['a', 'e']);
  });

  it('goes on behind what it may not read', async () => {
    const root = await tree({ a: 'hit', 'b/c': 'hit', d: 'hit' });
    await Promise.all([chmod(root, 0o755), chmod(join(root, 'a'), 0), chmod(join(root, 'b'), 0)]);
    // The superuser may read everything: it is somebody else for so long.
    if (IS_ROOT_USER) process.seteuid?.(NOBODY);
    try {
      expect(await filesWith(root, 'hit')).toEqual(['d']);
    } finally {
      if (IS_ROOT_USER) process.seteuid?.(0);
      await chmod(join(root, 'b'), 0o700);
    }
  });

  it('finds nothing in a folder that is not there', async () => {
    const root = await tree({ a: 'hit' });
    expect(await search(root, 'hit', 'gone')).toEqual([]);
  });

  it('cuts the text of long lines, but finds what is behind the cut', async () => {
    const root = await tree({ a: `${'x'.repeat(5_000)}hit` });
    expect(await search(root, 'hit')).toEqual([{ file: 'a', line: 1, text: 'x'.repeat(MAX_ROW_CHARS) }]);
  });

  it('counts no line behind the last line end', async () => {
    const root = await tree({ a: 'one\n\n', b: '', c: '\r\n' });
    const rows: FoundLine[] = [];
    for await (const row of searchFiles(root, () => true, never)) rows.push(row);
    expect(rows).toEqual([
      { file: 'a', line: 1, text: 'one' },
      { file: 'a', line: 2, text: '' },
      { file: 'c', line: 1, text: '' },
    ]);
  });

  it('does not start when the signal has been given before', async () => {
    const root = await tree({ a: 'hit' });
    const rows = searchFiles(root, createMatcher('hit', false), AbortSignal.abort(new Error('too late')));
    await expect(rows.next()).rejects.toThrow('too late');
  });

  it('stops at the signal while it finds nothing, and lets others run meanwhile', async () => {
    const lineCount = MAX_FILE_BYTES / 2;
    const root = await tree({ a: 'x\n'.repeat(lineCount) });
    const stop = new AbortController();
    let linesSeen = 0;
    const slowMiss = () => {
      // Asked for in the middle of the file: it can only run if the search lets it.
      if (linesSeen === 0) setImmediate(() => stop.abort(new Error('enough')));
      linesSeen += 1;
      const end = performance.now() + 0.02; // The whole file would take many turns.
      while (performance.now() < end);
      return false;
    };
    await expect(searchFiles(root, slowMiss, stop.signal).next()).rejects.toThrow('enough');
    expect(linesSeen).toBeGreaterThan(0);
    expect(linesSeen).toBeLessThan(lineCount);
  });
});
