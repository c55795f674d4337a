import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, Browser } from '../support/browser.js';
import { Sample } from './sample.js';

interface Row {
  file: string;
  line: number;
  text: string;
}

const FOLDERS = 20;
const FILES_PER_FOLDER = 60;

/** Two lines of every third file have the word, the other files none. */
function linesOf(folder: number, file: number): string[] {
  const hit = (folder * FILES_PER_FOLDER + file) % 3 === 0;
  return ['first', hit ? `a needle of ${folder}/${file}` : 'hay', 'third', hit ? 'needle again' : 'more hay'];
}

const name = (n: number): string => String(n).padStart(3, '0');

/** What a plain loop over the folder finds. */
function expectedRows(): Row[] {
  const rows: Row[] = [];
  for (let folder = 0; folder < FOLDERS; folder++)
    for (let file = 0; file < FILES_PER_FOLDER; file++)
      linesOf(folder, file).forEach((text, i) => {
        if (text.includes('needle')) rows.push({ file: `${name(folder)}/${name(file)}.txt`, line: i + 1, text });
      });
  return rows;
}

/** Reads a search as the protocol says: one cursor, and an answer counts only where it begins at the cursor. */
class Reader {
  cursor = 0;
  status = '';
  readonly rows: Row[] = [];
  pages = 0;

  constructor(
    private readonly browser: Browser,
    readonly key: string,
  ) {}

  get isDone(): boolean {
    return this.status === 'completed';
  }

  ask(max: number, wait: number): Promise<Answer> {
    return this.browser.get(`/api/searches/${this.key}?from=${this.cursor}&max=${max}&wait=${wait}`);
  }

  apply({ status, body }: Answer): void {
    expect(status).toBe(200);
    if (body.from !== this.cursor) return;
    expect(body.position).toBe(Number(body.from) + Number(body.rows.length));
    this.rows.push(...body.rows);
    this.cursor = body.position;
    this.status = body.status;
    this.pages++;
  }
}

describe('The sample application', () => {
  let sample: Sample;

  beforeAll(async () => {
    const content: Record<string, string> = {};
    for (let folder = 0; folder < FOLDERS; folder++)
      for (let file = 0; file < FILES_PER_FOLDER; file++)
        content[`${name(folder)}/${name(file)}.txt`] = linesOf(folder, file).join('\n');
    sample = await Sample.over(content);
  });

  afterAll(() => sample.close());

  const user = (): Promise<Browser> => sample.user();

  it('gives exactly the rows of a plain loop, in many pages, to two readers, though an answer to each page is lost', async () => {
    const browser = await user();
    const started = await browser.post('/api/searches', { text: 'needle' });
    expect(started.status).toBe(201);
    expect(started.headers.location).toBe(`/api/searches/${started.body.key}`);
    expect(started.headers['cache-control']).toBe('no-store');
    expect(started.body).toMatchObject({ from: 0, position: started.body.rows.length });

    const readers = [new Reader(browser, started.body.key), new Reader(browser.clone(), started.body.key)];
    const read = async (reader: Reader, offset: number): Promise<void> => {
      for (let page = 0; !reader.isDone; page++) {
        const max = [7, 20, 33, 11][(page + offset) % 4] as number;
        const wait = [0, 5, 0.5][page % 3] as number;
        const lost = await reader.ask(max, wait);
        const answer = await reader.ask(max, wait);
        // The answer that got through continues what came before, as the lost one did.
        expect(answer.body.rows.slice(0, lost.body.rows.length)).toEqual(lost.body.rows);
        reader.apply(answer);
      }
    };
    await Promise.all(readers.map(read));

    const expected = expectedRows();
    expect(expected).toHaveLength((FOLDERS * FILES_PER_FOLDER * 2) / 3);
    for (const reader of readers) {
      expect(reader.rows).toEqual(expected);
      expect(reader.pages).toBeGreaterThanOrEqual(20);
    }
  });

  it('keeps the rows, the history and the searches of two users apart', async () => {
    const [alice, bob] = await Promise.all([user(), user()]);
    const mine = await alice.post('/api/searches', { text: 'needle' });
    await bob.post('/api/searches', { text: 'hay' });

    const [hers, his] = await Promise.all([alice.get('/api/session'), bob.get('/api/session')]);
    expect(hers.body.history.map(({ text }: { text: string }) => text)).toEqual(['needle']);
    expect(his.body.history.map(({ text }: { text: string }) => text)).toEqual(['hay']);
    expect(hers.body.id).not.toBe(his.body.id);
    expect(hers.body.runners).toMatchObject([{ key: mine.body.key, number: 0, name: 'search' }]);

    const stolen = await bob.get(`/api/searches/${mine.body.key}?from=0`);
    const never = await bob.get(`/api/searches/${his.body.runners[0].key.replace(/^0-/, '99-')}?from=0`);
    expect(stolen.status).toBe(410);
    expect([stolen.status, stolen.body]).toEqual([never.status, never.body]);
    expect((await bob.delete(`/api/searches/${mine.body.key}`)).status).toBe(410);
    expect((await alice.get(`/api/searches/${mine.body.key}?from=0`)).status).toBe(200);
  });

  it('ends everything with the session, and counts the generation up', async () => {
    const browser = await user();
    const { body: search } = await browser.post('/api/searches', { text: 'needle' });
    expect((await browser.get('/api/session')).body).toMatchObject({ generation: 1 });
    expect((await browser.delete('/api/session')).status).toBe(204);
    expect((await browser.get('/api/session')).body).toMatchObject({ generation: 2, history: [], runners: [] });
    expect((await browser.get(`/api/searches/${search.key}?from=0`)).status).toBe(410);
  });

  it('stops a search, and gives what was read of it again', async () => {
    const browser = await user();
    const { body: search } = await browser.post('/api/searches', { text: 'needle' });
    expect((await browser.delete(`/api/searches/${search.key}`)).body).toEqual({ status: 'aborted' });
    const again = await browser.get(`/api/searches/${search.key}?from=0&max=1000`);
    expect(again.body).toMatchObject({ from: 0, rows: search.rows, status: 'aborted' });
  });

  it('answers a request that was sent twice with the same search and the same page', async () => {
    const browser = await user();
    const body = { text: 'needle', dedupeKey: 'double-click' };
    const [one, two] = await Promise.all([browser.post('/api/searches', body), browser.post('/api/searches', body)]);
    expect(two.body.key).toBe(one.body.key);
    const length = Math.min(one.body.rows.length, two.body.rows.length);
    expect(two.body.rows.slice(0, length)).toEqual(one.body.rows.slice(0, length));
    expect((await browser.get('/api/session')).body.history).toHaveLength(1);
  });

  it('shares the page size among all sessions of a user', async () => {
    const browser = await user();
    expect((await browser.send('/api/preferences', { method: 'PUT', json: { pageSize: 3 } })).status).toBe(200);
    const { body: search } = await browser.post('/api/searches', { text: 'needle' });
    expect(search.rows.length).toBeLessThanOrEqual(3);
    const page = await browser.get(`/api/searches/${search.key}?from=${search.position}&wait=5`);
    expect(page.body.rows.length).toBeLessThanOrEqual(3);
  });

  it.each([
    ['an empty text', { text: '' }],
    ['no text', {}],
    ['a text that is no string', { text: 5 }],
    ['an unknown field', { text: 'a', colour: 'red' }],
    ['a bad regular expression', { text: '(', regex: true }],
    ['a nested quantifier', { text: '(a+)+', regex: true }],
    ['a backreference', { text: String.raw`(a)\1`, regex: true }],
    ['a folder above the root', { text: 'a', folder: '../' }],
    ['an absolute folder', { text: 'a', folder: '/etc' }],
    ['a folder that is not there', { text: 'a', folder: 'nowhere' }],
  ])('refuses %s with a clear 400', async (_what, body) => {
    const browser = await user();
    const answer = await browser.post('/api/searches', body);
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body.detail).toMatch(/\w+ \w+/);
    expect((await browser.get('/api/session')).body.runners).toEqual([]);
  });

  it.each([
    ['a malformed key', '/api/searches/nonsense?from=0', 400],
    ['no cursor', '/api/searches/KEY', 400],
    ['a negative cursor', '/api/searches/KEY?from=-1', 400],
    ['a cursor ahead of all that was read', '/api/searches/KEY?from=1000000', 400],
    ['too long a wait', '/api/searches/KEY?from=0&wait=31', 400],
    ['no rows at all', '/api/searches/KEY?from=0&max=0', 400],
  ])('refuses to read with %s', async (_what, path, status) => {
    const browser = await user();
    const { body } = await browser.post('/api/searches', { text: 'needle' });
    const answer = await browser.get(path.replace('KEY', body.key));
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });
});
