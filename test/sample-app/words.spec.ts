import { afterEach, describe, expect, it } from '@jest/globals';
import { createMatcher } from '../../sample-app/files/matcher.js';
import { MAX_ROW_CHARS } from '../../sample-app/files/search-files.js';
import { collectWords, matchingWords } from '../../sample-app/files/words.js';
import { makeTempTree, removeTempTree } from './temp-tree.js';

const never = new AbortController().signal;

describe('Words', () => {
  const roots: string[] = [];

  async function words(content: Record<string, string>, { folder = '', max = 1_000, signal = never } = {}) {
    const root = await makeTempTree(content);
    roots.push(root);
    return collectWords(root, folder, max, signal);
  }

  afterEach(async () => {
    await Promise.all(roots.splice(0).map(removeTempTree));
  });

  it('are collected once each, sorted, in lower case, with the place where they stand first', async () => {
    expect(await words({ a: 'Pear, apple\n', b: 'APPLE\nfig-tree éclair\r\npear' })).toEqual([
      { file: 'a', line: 1, text: 'apple' },
      { file: 'b', line: 2, text: 'fig' },
      { file: 'a', line: 1, text: 'pear' },
      { file: 'b', line: 2, text: 'tree' },
      { file: 'b', line: 2, text: 'éclair' },
    ]);
  });

  it('have three letters at least', async () => {
    expect((await words({ a: 'a bc def g1h2i3 jk_lmn' })).map(({ text }) => text)).toEqual(['def', 'lmn']);
  });

  it('are cut where they are very long', async () => {
    const [word, ...others] = await words({ a: 'x'.repeat(MAX_ROW_CHARS + 1), b: 'x'.repeat(MAX_ROW_CHARS + 2) });
    expect(word).toEqual({ file: 'a', line: 1, text: 'x'.repeat(MAX_ROW_CHARS) });
    expect(others).toEqual([]);
  });

  it('are of one folder', async () => {
    expect(await words({ 'a/b': 'inside', c: 'outside' }, { folder: 'a' })).toMatchObject([{ file: 'a/b' }]);
  });

  it('are refused where there are too many of them', async () => {
    const content = { a: 'one two', b: 'one two three' };
    expect(await words(content, { max: 3 })).toHaveLength(3);
    await expect(words(content, { max: 2 })).rejects.toThrow('more than 2 different words');
  });

  it('are not collected any longer when the signal says so', async () => {
    await expect(words({ a: 'one' }, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });

  it('are looked through by a plain generator', async () => {
    const found = matchingWords(await words({ a: 'needle noodle hay' }), createMatcher('dle', false));
    expect(found.next()).toEqual({ done: false, value: { file: 'a', line: 1, text: 'needle' } });
    expect([...found].map(({ text }) => text)).toEqual(['noodle']);
  });
});
