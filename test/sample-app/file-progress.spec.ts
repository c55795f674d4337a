import { setImmediate } from 'node:timers/promises';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { FileProgress } from '../../sample-app/files/file-progress.js';
import { textFiles } from '../../sample-app/files/text-files.js';
import { makeTempTree, removeTempTree } from './temp-tree.js';

const never = new AbortController().signal;

describe('The progress of reading files', () => {
  const roots: string[] = [];

  async function reading(content: Record<string, string | Buffer>, signal = never) {
    const root = await makeTempTree(content);
    roots.push(root);
    const progress = new FileProgress();
    return { root, progress, files: textFiles(root, '', signal, progress) };
  }

  async function whenCounted(progress: FileProgress): Promise<void> {
    while (!progress.toJSON().isCounted) await setImmediate();
  }

  afterEach(async () => {
    await Promise.all(roots.splice(0).map(removeTempTree));
  });

  it('knows no more than was seen, and no time to go, before all are counted', () => {
    const progress = new FileProgress();
    expect(progress.toJSON()).toEqual({ read: 0, known: 0, isCounted: false, etaMs: undefined });
    progress.addRead();
    expect(progress.toJSON()).toEqual({ read: 1, known: 1, isCounted: false, etaMs: undefined });
  });

  it('counts all files while the first one is being read', async () => {
    const { progress, files } = await reading({ a: 'x', 'b/c': 'x', 'b/d': 'x', e: 'x' });
    await files.next();
    await whenCounted(progress);
    expect(progress.toJSON()).toEqual({ read: 0, known: 4, isCounted: true, etaMs: undefined });
    await files.next();
    expect(progress.toJSON()).toEqual({ read: 1, known: 4, isCounted: true, etaMs: expect.any(Number) });
    expect(progress.toJSON().etaMs).toBeGreaterThan(0);
    await files.return();
  });

  it('counts a file that is left out as read, and one that has gone as not there', async () => {
    const { root, progress, files } = await reading({ a: 'x', b: Buffer.from('\0'), 'c/d': 'x', e: 'x' });
    await files.next();
    await whenCounted(progress);
    await rm(join(root, 'c'), { recursive: true });
    for await (const _file of files);
    expect(progress.toJSON()).toEqual({ read: 3, known: 3, isCounted: true, etaMs: 0 });
  });

  it('counts no longer than files are read', async () => {
    const stop = new AbortController();
    const { progress, files } = await reading({ a: 'x', b: 'x' }, stop.signal);
    stop.abort(new Error('enough'));
    await expect(files.next()).rejects.toThrow('enough');
    expect(progress.toJSON()).toMatchObject({ known: 0, isCounted: false });
  });
});
