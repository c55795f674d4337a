import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ActiveSession, ProcessRunner } from 'nestjs-active-session';
import { FolderTotals } from '../../sample-app/statistics/folder-totals.js';
import { STATISTICS, StatisticsService } from '../../sample-app/statistics/statistics.service.js';
import type { Answer, Browser } from '../support/browser.js';
import { Gate, until, untilAborted } from '../support/gate.js';
import { Sample } from './sample.js';

const FOLDERS = 30;

describe('Folder statistics over HTTP', () => {
  let sample: Sample;

  beforeAll(async () => {
    const files = Array.from({ length: FOLDERS }, (_, i) => [`${i}/deep/file.txt`, 'x'.repeat(i)]);
    sample = await Sample.over({ ...Object.fromEntries(files), 'top.md': '12345' });
  });

  afterAll(() => sample.close());

  async function readToEnd(browser: Browser, key: string): Promise<Answer> {
    for (let from = 0; ;) {
      const answer = await browser.get(`/api/statistics/${key}?from=${from}&wait=20`);
      expect(answer).toMatchObject({ status: 200, body: { from } });
      if (answer.body.status === 'completed') return answer;
      from = answer.body.position;
    }
  }

  it('counts the folder in the background, to the same end for two tabs and for a reload', async () => {
    const browser = await sample.user('/statistics');
    const started = await browser.post('/api/statistics', {});
    expect(started.status).toBe(201);
    expect(started.headers.location).toBe(`/api/statistics/${started.body.key}`);
    expect(started.headers['cache-control']).toBe('no-store');

    const ends = await Promise.all([browser, browser.clone()].map((tab) => readToEnd(tab, started.body.key)));
    const folders = 1 + 2 * FOLDERS;
    const bytes = (FOLDERS * (FOLDERS - 1)) / 2;
    for (const { body } of ends) {
      expect(body).toMatchObject({
        folder: '',
        position: folders + 1,
        progress: { reached: folders + 1, estimatedEnd: folders + 1 },
        totals: {
          folders,
          files: FOLDERS + 1,
          bytes: bytes + 5,
          extensions: [
            { extension: '.txt', files: FOLDERS, bytes },
            { extension: '.md', files: 1, bytes: 5 },
          ],
        },
      });
      expect(body.elapsedMs).toBeGreaterThanOrEqual(0);
    }
    const reloaded = await browser.get(`/api/statistics/${started.body.key}?from=0`);
    expect(reloaded.body.totals).toEqual(ends[0]?.body.totals);
  });

  it('counts one folder in it, and says which', async () => {
    const browser = await sample.user();
    const { body } = await browser.post('/api/statistics', { folder: './7//deep/' });
    expect((await readToEnd(browser, body.key)).body).toMatchObject({
      folder: '7/deep',
      totals: { folders: 1, files: 1, bytes: 7 },
    });
  });

  it('answers a request that was sent twice with the same runner, one for another folder with another', async () => {
    const browser = await sample.user();
    const body = { folder: '7', dedupeKey: 'double-click' };
    const [one, two] = await Promise.all([
      browser.post('/api/statistics', body),
      browser.post('/api/statistics', body),
    ]);
    expect(two.body.key).toBe(one.body.key);
    for (const other of [{ folder: '8' }, { maxFoldersPerSecond: 5 }])
      expect((await browser.post('/api/statistics', { ...body, ...other })).body.key).not.toBe(one.body.key);
  });

  it('is gone for others, and when its session has ended', async () => {
    const [alice, bob] = await Promise.all([sample.user(), sample.user()]);
    const { body } = await alice.post('/api/statistics', {});
    const path = `/api/statistics/${body.key}`;
    expect((await bob.get(`${path}?from=0`)).status).toBe(410);
    expect((await bob.delete(path)).status).toBe(410);
    await alice.delete('/api/session');
    expect((await alice.get(`${path}?from=0`)).status).toBe(410);
  });

  it('is not taken for a search, nor for a time series', async () => {
    const browser = await sample.user();
    const { body } = await browser.post('/api/statistics', {});
    expect((await browser.get(`/api/searches/${body.key}?from=0`)).status).toBe(410);
    expect((await browser.get(`/api/time-series/${body.key}?from=0`)).status).toBe(410);
  });

  it.each([
    ['a folder above the root', { folder: '..' }],
    ['an absolute folder', { folder: '/etc' }],
    ['a folder that is not there', { folder: 'nowhere' }],
    ['a file', { folder: 'top.md' }],
    ['a folder that is no string', { folder: 7 }],
    ['a folder that is null', { folder: null }],
    ['too long a folder', { folder: 'x'.repeat(1_001) }],
    ['a dedupe key that is no string', { dedupeKey: {} }],
    ['too long a dedupe key', { dedupeKey: 'k'.repeat(101) }],
    ['no folders per second', { maxFoldersPerSecond: 0 }],
    ['too many of them', { maxFoldersPerSecond: 10_001 }],
    ['a rate that is no number', { maxFoldersPerSecond: '5' }],
    ['a rate that is null', { maxFoldersPerSecond: null }],
    ['an unknown field', { depth: 2 }],
  ])('refuses %s with a clear 400, and starts nothing', async (_what, body) => {
    const browser = await sample.user();
    const answer = await browser.post('/api/statistics', body);
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body.detail).toMatch(/\w+ \w+/);
    expect((await browser.get('/api/session')).body.runners).toEqual([]);
  });

  it.each([
    ['a malformed key', 'nonsense?from=0'],
    ['no position', 'KEY'],
    ['a negative position', 'KEY?from=-1'],
    ['a position that is no number', 'KEY?from=1e3'],
    ['a position that is too great to wait from', `KEY?from=${Number.MAX_SAFE_INTEGER}`],
    ['no advance at all', 'KEY?from=0&advance=0'],
    ['a negative advance', 'KEY?from=0&advance=-5'],
    ['half an advance', 'KEY?from=0&advance=1.5'],
    ['an empty advance', 'KEY?from=0&advance='],
    ['too great an advance', 'KEY?from=0&advance=1000001'],
    ['two of it', 'KEY?from=0&advance=1&advance=2'],
    ['too long a wait', 'KEY?from=0&wait=31'],
    ['a negative wait', 'KEY?from=0&wait=-1'],
    ['an endless wait', 'KEY?from=0&wait=Infinity'],
    ['an unknown field', 'KEY?from=0&target=5'],
  ])('refuses to read with %s', async (_what, query) => {
    const browser = await sample.user();
    const { body } = await browser.post('/api/statistics', {});
    const answer = await browser.get(`/api/statistics/${query.replace('KEY', body.key)}`);
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body.detail).toMatch(/\w+ \w+/);
  });
});

/** Statistics that report when the test says so. */
class HeldStatistics {
  readonly end = new Gate();
  report: () => void = () => undefined;
  private readonly totals = new FolderTotals();

  start(session: ActiveSession): ProcessRunner<FolderTotals> {
    return session.createProcessRunner<FolderTotals>(
      async (report, signal) => {
        this.report = () => {
          this.totals.addFolder([]);
          report(this.totals, 10);
        };
        this.report();
        await Promise.race([this.end.opened, untilAborted(signal)]);
      },
      { name: STATISTICS, extraData: '' },
    );
  }
}

describe('Waits for statistics', () => {
  let sample: Sample;
  let held: HeldStatistics;
  let browser: Browser;
  let key = '';

  beforeEach(async () => {
    held = new HeldStatistics();
    sample = await Sample.over({}, (builder) => builder.overrideProvider(StatisticsService).useValue(held));
    browser = await sample.user();
    ({
      body: { key },
    } = await browser.post('/api/statistics', {}));
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await sample.close();
  });

  const wait = (advance: number, signal?: AbortSignal): Promise<Answer> =>
    browser.get(`/api/statistics/${key}?from=1&advance=${advance}&wait=30`, { signal });

  /** Requests that have come to the runner, and the reads that they wait for. */
  function watchReads() {
    return jest.spyOn(sample.runner(key) as ProcessRunner<FolderTotals>, 'getRequired');
  }

  it('answer each at the position that it was asked for, however many there are', async () => {
    const reads = watchReads();
    const waits = [3, 1, 2].map((advance) => wait(advance));
    await until(() => reads.mock.calls.length === waits.length);
    const answered: number[] = [];
    waits.forEach((answer) => void answer.then(({ body }) => answered.push(body.position)));
    for (let position = 2; position <= 4; position++) {
      held.report();
      await until(() => answered.length === position - 1);
    }
    expect(answered).toEqual([2, 3, 4]);
    expect((await waits[2])?.body).toMatchObject({ from: 1, position: 3, status: 'stalled', totals: { folders: 3 } });
  });

  it('have the same goal when the same is asked again after a lost answer', async () => {
    held.report();
    held.report();
    const answers = [await wait(2), await wait(2)];
    expect(answers.map(({ body }) => [body.from, body.position])).toEqual([
      [1, 3],
      [1, 3],
    ]);
  });

  it('answer at their time-out with what there is', async () => {
    const { status, body } = await browser.get(`/api/statistics/${key}?from=1&advance=5&wait=0.01`);
    expect([status, body.position, body.status]).toEqual([200, 1, 'stalled']);
  });

  it('are released at the server when the client has gone; others wait on', async () => {
    const reads = watchReads();
    const client = new AbortController();
    const aborted = wait(1, client.signal);
    const other = wait(1);
    await until(() => reads.mock.calls.length === 2);
    client.abort();
    await expect(aborted).rejects.toThrow();
    const [first, second] = reads.mock.results.map(({ value }) => value as Promise<unknown>);
    // Which of the two requests came first is not known.
    await expect(Promise.race([first, second])).rejects.toMatchObject({ code: 'CLIENT_GONE' });
    held.report();
    expect((await other).body.position).toBe(2);
  });

  it('answer when the work is over', async () => {
    const reads = watchReads();
    const over = wait(100);
    await until(() => reads.mock.calls.length === 1);
    held.end.open();
    expect((await over).body).toMatchObject({ position: 2, status: 'completed' });
  });

  it('answer when it is stopped', async () => {
    const reads = watchReads();
    const stopped = wait(100);
    await until(() => reads.mock.calls.length === 1);
    expect((await browser.delete(`/api/statistics/${key}`)).body).toEqual({ status: 'aborted' });
    expect((await stopped).body).toMatchObject({ position: 1, status: 'aborted' });
  });

  it('answer when the session ends, and say so', async () => {
    const reads = watchReads();
    const ended = wait(100);
    await until(() => reads.mock.calls.length === 1);
    await browser.delete('/api/session');
    expect((await ended).body).toMatchObject({ position: 1, status: 'aborted', ended: 'terminated' });
    expect((await wait(100)).status).toBe(410);
  });
});
