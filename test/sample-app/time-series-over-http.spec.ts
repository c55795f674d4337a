import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Answer, Browser } from '../support/browser.js';
import { until } from '../support/gate.js';
import { Sample } from './sample.js';

/** More than a search runs ahead of its reader: it waits, and so it is running. */
const HITS = 10_000;
/** After the first measurement comes no other one. */
const RARELY = { intervalSeconds: 3_600 };

describe('Time series over HTTP', () => {
  let sample: Sample;

  beforeAll(async () => {
    sample = await Sample.over({ 'hits.txt': 'hit\n'.repeat(HITS) });
  });

  afterAll(() => sample.close());

  const read = (browser: Browser, key: string, from: number, wait = 20): Promise<Answer> =>
    browser.get(`/api/time-series/${key}?from=${from}&wait=${wait}`);

  async function readToEnd(browser: Browser, key: string): Promise<{ at: string }[]> {
    const points: { at: string }[] = [];
    for (;;) {
      const { status, body } = await read(browser, key, points.length);
      expect([status, body.from]).toEqual([200, points.length]);
      points.push(...body.points);
      expect(body.position).toBe(points.length);
      if (body.status === 'completed') return points;
    }
  }

  it('measures in the background, the same for two tabs and for a reload', async () => {
    const browser = await sample.user('/time-series');
    const plan = { intervalSeconds: 0.1, count: 4 };
    const started = await browser.post('/api/time-series', plan);
    expect(started.status).toBe(201);
    expect(started.headers.location).toBe(`/api/time-series/${started.body.key}`);
    expect(started.headers['cache-control']).toBe('no-store');
    expect(started.body).toMatchObject({ from: 0, plan, points: [expect.anything()] });

    const { key } = started.body;
    const [points, others] = await Promise.all([readToEnd(browser, key), readToEnd(browser.clone(), key)]);
    expect(points).toHaveLength(4);
    expect(others).toEqual(points);
    expect((await read(browser, key, 0)).body).toMatchObject({ points, plan, status: 'completed' });
    const times = points.map(({ at }) => Date.parse(at));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    for (const point of points) {
      expect(point).toEqual({
        at: expect.any(String),
        heapUsedBytes: expect.any(Number),
        eventLoopDelayMs: expect.any(Number),
        runningSearches: 0,
      });
      expect(point).toMatchObject({ at: new Date(point.at).toISOString() });
    }
  });

  it('counts the running searches of its own session', async () => {
    const browser = await sample.user();
    const latest = async () => (await browser.post('/api/time-series', RARELY)).body.points[0].runningSearches;
    const { body: search } = await browser.post('/api/searches', { text: 'hit' });
    await (await sample.user()).post('/api/searches', { text: 'hit' });
    expect(await latest()).toBe(1);
    const runner = sample.runner(search.key);
    await browser.delete(`/api/searches/${search.key}`);
    await until(() => runner.isBackgroundCompleted);
    expect(await latest()).toBe(0);
  });

  it('gives the same points again when the same is asked after a lost answer', async () => {
    const browser = await sample.user();
    const { body } = await browser.post('/api/time-series', { intervalSeconds: 0.1, count: 2 });
    const lost = await read(browser, body.key, 1);
    const again = await read(browser, body.key, 1);
    expect(lost.body.points).toHaveLength(1);
    expect(again.body.points).toEqual(lost.body.points);
  });

  it('is stopped, and gives what was read of it again', async () => {
    const browser = await sample.user();
    const { body: series } = await browser.post('/api/time-series', RARELY);
    const waiting = read(browser, series.key, 1);
    expect((await browser.delete(`/api/time-series/${series.key}`)).body).toEqual({ status: 'aborted' });
    expect((await waiting).body).toMatchObject({ points: [], status: 'aborted' });
    expect((await read(browser, series.key, 0)).body).toMatchObject({ points: series.points, status: 'aborted' });
  });

  it('answers a request that was sent twice with the same series', async () => {
    const browser = await sample.user();
    const body = { ...RARELY, dedupeKey: 'double-click' };
    const [one, two] = await Promise.all([
      browser.post('/api/time-series', body),
      browser.post('/api/time-series', body),
    ]);
    expect([two.body.key, two.body.points]).toEqual([one.body.key, one.body.points]);
    expect((await browser.get('/api/session')).body.runners).toMatchObject([{ name: 'series', number: 0 }]);
    const other = await browser.post('/api/time-series', { ...body, count: 5 });
    expect(other.body.key).not.toBe(one.body.key);
  });

  it('tells a reader that waits that its session has ended, and is gone then', async () => {
    const browser = await sample.user();
    const { body } = await browser.post('/api/time-series', RARELY);
    const reads = jest.spyOn(sample.runner(body.key), 'getRequired');
    const waiting = read(browser, body.key, 1);
    await until(() => reads.mock.calls.length === 1);
    await browser.delete('/api/session');
    expect((await waiting).body).toMatchObject({ points: [], status: 'aborted', ended: 'terminated' });
    expect((await read(browser, body.key, 1)).status).toBe(410);
    expect((await (await sample.user()).delete(`/api/time-series/${body.key}`)).status).toBe(410);
  });

  it.each([
    ['no interval', {}],
    ['an interval that is null', { intervalSeconds: null }],
    ['an interval that is no number', { intervalSeconds: '1' }],
    ['no interval at all', { intervalSeconds: 0 }],
    ['too short an interval', { intervalSeconds: 0.09 }],
    ['too long an interval', { intervalSeconds: 3_600.5 }],
    ['a negative interval', { intervalSeconds: -1 }],
    ['no measurements', { intervalSeconds: 1, count: 0 }],
    ['half a measurement', { intervalSeconds: 1, count: 1.5 }],
    ['too many measurements', { intervalSeconds: 1, count: 10_001 }],
    ['a count that is no number', { intervalSeconds: 1, count: '5' }],
    ['a dedupe key that is no string', { intervalSeconds: 1, dedupeKey: 5 }],
    ['an unknown field', { intervalSeconds: 1, gauge: 'heap' }],
  ])('refuses %s with a clear 400, and starts nothing', async (_what, body) => {
    const browser = await sample.user();
    const answer = await browser.post('/api/time-series', body);
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body.detail).toMatch(/\w+ \w+/);
    expect((await browser.get('/api/session')).body.runners).toEqual([]);
  });

  it.each([
    ['a malformed key', 'nonsense?from=0'],
    ['no cursor', 'KEY'],
    ['a negative cursor', 'KEY?from=-1'],
    ['a cursor ahead of all that was read', 'KEY?from=100'],
    ['too long a wait', 'KEY?from=0&wait=31'],
    ['an unknown field', 'KEY?from=0&advance=1'],
  ])('refuses to read with %s', async (_what, query) => {
    const browser = await sample.user();
    const { body } = await browser.post('/api/time-series', RARELY);
    const answer = await browser.get(`/api/time-series/${query.replace('KEY', body.key)}`);
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });
});
