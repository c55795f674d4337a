import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from '../support/browser.js';
import { Sample } from './sample.js';

const FILES = 100;
const LINES_PER_FILE = 100;
const SEARCHES = '/api/searches';

/** 100 files with 100 lines each; each line has a word of its own, and one that all lines have. */
function content(): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: FILES }, (_, file) => [
      `${file % 2 === 0 ? 'even' : 'odd'}/${file}.txt`,
      Array.from({ length: LINES_PER_FILE }, (_line, line) => `Common ${wordOf(file * LINES_PER_FILE + line)}`).join(
        '\n',
      ),
    ]),
  );
}

/** A word of four letters for each number. */
function wordOf(number: number): string {
  return number
    .toString()
    .padStart(4, '0')
    .replace(/\d/g, (digit) => 'abcdefghij'.charAt(Number(digit)));
}

const ALL_WORDS = Array.from({ length: FILES * LINES_PER_FILE }, (_, number) => wordOf(number)).sort();

describe('The sources and figures of a search', () => {
  let sample: Sample;

  beforeAll(async () => {
    sample = await Sample.over(content());
  });

  afterAll(() => sample.close());

  const user = (): Promise<Browser> => sample.user('/search');

  /** All texts of a search; each answer is lost once before the one that counts. */
  const readToEnd = async (browser: Browser, key: string) => {
    const texts: string[] = [];
    for (;;) {
      const path = `${SEARCHES}/${key}?from=${texts.length}&max=700&wait=5`;
      await browser.get(path);
      const { status, body } = await browser.get(path);
      expect(status).toBe(200);
      expect(body.from).toBe(texts.length);
      texts.push(...body.rows.map(({ text }: { text: string }) => text));
      if (['completed', 'failed', 'aborted'].includes(body.status)) return { ...body, texts };
    }
  };

  it('gives the different words of the folder, sorted, to two readers at once', async () => {
    const browser = await user();
    const { status, body } = await browser.post(SEARCHES, { text: 'a', source: 'synchronous' });
    expect(status).toBe(201);
    const readers = [browser, browser.clone()];
    for (const { texts, status: end } of await Promise.all(readers.map((reader) => readToEnd(reader, body.key)))) {
      expect(end).toBe('completed');
      expect(texts).toEqual(ALL_WORDS.filter((word) => word.includes('a')));
    }
  });

  it('looks for a regular expression among the words of one folder', async () => {
    const browser = await user();
    const words = { text: '^common$|^aaa', regex: true, folder: 'even', source: 'synchronous' };
    const { body } = await browser.post(SEARCHES, words);
    const { rows } = (await browser.get(`${SEARCHES}/${body.key}?from=0&wait=5`)).body;
    expect(rows[0]).toEqual({ file: 'even/0.txt', line: 1, text: 'aaaa' });
    expect(rows.at(-1)).toEqual({ file: 'even/0.txt', line: 1, text: 'common' });
    expect(rows).toHaveLength(11);
  });

  it('runs several searches of both kinds at once', async () => {
    const browser = await user();
    const searches = ['synchronous', 'asynchronous', 'synchronous', 'asynchronous'].map((source, i) => ({
      source,
      text: `${wordOf(i).slice(-1)}a`,
    }));
    const started = await Promise.all(searches.map((search) => browser.post(SEARCHES, search)));
    const ends = await Promise.all(started.map(({ body }) => readToEnd(browser, body.key)));
    for (const [i, { source, text }] of searches.entries()) {
      const found = ALL_WORDS.filter((word) => word.includes(text));
      const isSorted = source === 'synchronous';
      expect(isSorted ? ends[i].texts : ends[i].texts.sort()).toEqual(
        isSorted ? found : found.map((word) => `Common ${word}`),
      );
    }
    const { history } = (await browser.get('/api/session')).body;
    expect(history.map(({ source }: { source: string }) => source).sort()).toEqual(
      searches.map(({ source }) => source).sort(),
    );
  });

  it('searches lines where the source is left out', async () => {
    const browser = await user();
    const { body } = await browser.post(SEARCHES, { text: 'Common aaaa' });
    expect((await readToEnd(browser, body.key)).texts).toEqual(['Common aaaa']);
    expect((await browser.get('/api/session')).body.history).toMatchObject([{ source: 'asynchronous' }]);
  });

  it('takes the same key with another source for another search', async () => {
    const browser = await user();
    const [lines, words, again] = await Promise.all(
      ['asynchronous', 'synchronous', 'synchronous'].map((source) =>
        browser.post(SEARCHES, { text: 'aaaa', source, dedupeKey: 'same' }),
      ),
    );
    expect(lines!.body.key).not.toBe(words!.body.key);
    expect(again!.body.key).toBe(words!.body.key);
  });

  it.each(['asynchronous', 'synchronous'])('counts the files that an %s search has read', async (source) => {
    const browser = await user();
    const { body } = await browser.post(SEARCHES, { text: 'aaa', source });
    const { files } = await readToEnd(browser, body.key);
    expect(files).toEqual({ read: FILES, known: FILES, isCounted: true, etaMs: 0 });
  });

  it('tells how many files there are, and how long it takes, while the search pauses for its reader', async () => {
    const browser = await user();
    const { body: search } = await browser.post(SEARCHES, { text: 'Common' });
    for (;;) {
      const { body } = await browser.get(`${SEARCHES}/${search.key}?from=0&max=1`);
      if (!body.files.isCounted) continue;
      expect(body.files.known).toBe(FILES);
      expect(body.files.read).toBeLessThan(FILES);
      if (body.files.read === 0) continue;
      expect(body.files.etaMs).toBeGreaterThan(0);
      expect(body.progress.ratePerSecond).toBeGreaterThan(0);
      break;
    }
  });

  it.each([['both'], [''], [null], [5], [['synchronous']]])('refuses %j as a source', async (source) => {
    const browser = await user();
    const answer = await browser.post(SEARCHES, { text: 'a', source });
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body.detail).toContain('source');
    expect((await browser.get('/api/session')).body).toMatchObject({ runners: [], history: [] });
  });
});
