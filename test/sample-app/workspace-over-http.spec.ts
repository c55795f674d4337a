import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Answer, Call } from '../support/browser.js';
import { Sample } from './sample.js';

const JOBS = '/api/workspace/jobs';
const FINAL = ['completed', 'failed', 'aborted'];
/** It does not end by itself while a test runs. */
const LONG = { steps: 100, delayMs: 5_000 };
const SHORT = { steps: 3, delayMs: 0 };

describe('The page for the exclusive service', () => {
  let sample: Sample;
  let keys = 0;

  beforeAll(async () => {
    sample = await Sample.over();
  });

  afterAll(() => sample.close());

  const user = (): Promise<Browser> => sample.user('/workspace');
  const start = (browser: Browser, job: object, call?: Call): Promise<Answer> =>
    browser.post(JOBS, { dedupeKey: `key ${keys++}`, ...job }, call);
  const stop = (browser: Browser, { body }: Answer): Promise<Answer> => browser.delete(`${JOBS}/${body.key}`);
  const turns = async (browser: Browser, call?: Call) => (await browser.get('/api/workspace', call)).body;

  /** Asks who has the workspace until it is as wanted. */
  const whenTurns = async (browser: Browser, isAsWanted: (turns: Answer['body']) => boolean) => {
    for (;;) {
      const now = await turns(browser);
      if (isAsWanted(now)) return now;
    }
  };
  const whenWaiting = (browser: Browser, count: number) => whenTurns(browser, (now) => now.waiting.length === count);

  /** All lines of a job, and its end. */
  const readToEnd = async (browser: Browser, { body: { key } }: Answer) => {
    const lines: { step: number; at: number }[] = [];
    for (;;) {
      const { status, body } = await browser.get(`${JOBS}/${key}?from=${lines.length}&wait=10`);
      expect(status).toBe(200);
      expect(body.from).toBe(lines.length);
      lines.push(...body.lines);
      expect(body.position).toBe(lines.length);
      if (FINAL.includes(body.status)) return { ...body, lines };
    }
  };

  it('gives the lines of a job by their position, and again to who has lost them', async () => {
    const browser = await user();
    const started = await start(browser, SHORT);
    expect(started.status).toBe(201);
    expect(started.headers.location).toBe(`${JOBS}/${started.body.key}`);
    const job = await readToEnd(browser, started);
    expect(job).toMatchObject({ ...SHORT, status: 'completed' });
    expect(job.lines.map(({ step }: { step: number }) => step)).toEqual([1, 2, 3]);
    expect(job.lines[0]).toEqual({ step: 1, at: expect.any(Number), heapUsedBytes: expect.any(Number) });
    expect((await readToEnd(browser.clone(), started)).lines).toEqual(job.lines);
    expect(await turns(browser)).toEqual({ waiting: [] });
  });

  it('lets the job of a second tab wait until the first one was stopped and has cleaned up', async () => {
    const tab = await user();
    const first = await start(tab, LONG);
    const second = start(tab.clone(), { ...SHORT, dedupeKey: 'second' });

    const { holder, waiting } = await whenWaiting(tab, 1);
    expect(holder).toEqual({ ...LONG, key: first.body.key, since: first.body.since, status: 'stalled', stepsDone: 0 });
    expect(waiting).toEqual([{ ...SHORT, dedupeKey: 'second', since: expect.any(Number) }]);

    expect((await stop(tab, first)).body).toEqual({ status: 'aborted' });
    const started = await second;
    expect(started.body.since).toBeGreaterThanOrEqual(waiting[0].since);
    expect(await readToEnd(tab, started)).toMatchObject({ status: 'completed', position: 3 });
  });

  it('lets it wait, too, until the first one has ended by itself, and never mixes lines', async () => {
    const tab = await user();
    const started = await Promise.all(Array.from({ length: 8 }, () => start(tab.clone(), { steps: 5, delayMs: 1 })));
    const jobs = await Promise.all(started.map((answer) => readToEnd(tab, answer)));
    for (const job of jobs) expect(job).toMatchObject({ status: 'completed', position: 5 });
    jobs.sort((a, b) => a.since - b.since);
    for (const [i, { since }] of jobs.slice(1).entries()) expect(since).toBeGreaterThanOrEqual(jobs[i].lines[4].at);
  });

  it('grants the workspace in the order in which it was asked for', async () => {
    const tab = await user();
    const first = await start(tab, LONG);
    const order: number[] = [];
    const rest: Promise<unknown>[] = [];
    for (let n = 1; n <= 3; n++) {
      rest.push(start(tab.clone(), SHORT).then(() => order.push(n)));
      await whenWaiting(tab, n);
    }
    await stop(tab, first);
    await Promise.all(rest);
    expect(order).toEqual([1, 2, 3]);
  });

  it('forgets who waits and goes away, and starts nothing for them', async () => {
    const tab = await user();
    const first = await start(tab, LONG);
    const cancel = new AbortController();
    const cancelled = start(tab.clone(), SHORT, { signal: cancel.signal });
    await whenWaiting(tab, 1);
    cancel.abort();
    await expect(cancelled).rejects.toThrow();
    expect((await whenWaiting(tab, 0)).holder.key).toBe(first.body.key);
    await stop(tab, first);
    await whenTurns(tab, ({ holder }) => holder === undefined);
    expect((await tab.get('/api/session')).body.runners).toHaveLength(1);
  });

  it('tells who waits that the session has ended', async () => {
    const tab = await user();
    const first = await start(tab, LONG);
    const waits = start(tab.clone(), SHORT);
    await whenWaiting(tab, 1);
    expect((await tab.delete('/api/session')).status).toBe(204);
    const answer = await waits;
    expect(answer.status).toBe(410);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body.code).toBe('SESSION_ENDED');
    expect(await turns(tab)).toEqual({ waiting: [] });
    expect((await tab.get(`${JOBS}/${first.body.key}?from=0`)).status).toBe(410);
    expect((await start(tab, SHORT)).status).toBe(201);
  });

  it('answers a request that was sent twice with the same job, at work or waited for', async () => {
    const tab = await user();
    const first = await start(tab, { ...LONG, dedupeKey: 'once' });
    const again = await start(tab, { ...LONG, dedupeKey: 'once' });
    expect(again.body.key).toBe(first.body.key);

    const twice = [1, 2].map(() => start(tab.clone(), { ...SHORT, dedupeKey: 'twice' }));
    await whenWaiting(tab, 2);
    await stop(tab, first);
    const [one, two] = await Promise.all(twice);
    expect(two!.body.key).toBe(one!.body.key);
    expect((await tab.get('/api/session')).body.runners).toHaveLength(2);
  });

  it('takes another job with a key that was used for another one as another job', async () => {
    const tab = await user();
    const one = await start(tab, { ...SHORT, dedupeKey: 'used' });
    const two = await start(tab, { ...SHORT, steps: 2, dedupeKey: 'used' });
    expect(two.body.key).not.toBe(one.body.key);
    expect((await readToEnd(tab, two)).lines).toHaveLength(2);
  });

  it('has a workspace for each session and each user', async () => {
    const tab = await user();
    await start(tab, LONG);
    const asB = { headers: { 'X-Session': 'b' } };
    expect((await start(tab, SHORT, asB)).status).toBe(201);
    expect((await start(await user(), SHORT)).status).toBe(201);
    expect((await turns(tab)).holder).toMatchObject(LONG);
  });

  it.each([
    ['nothing', undefined, 'steps'],
    ['no steps', { delayMs: 0 }, 'steps'],
    ['zero steps', { steps: 0, delayMs: 0 }, 'steps'],
    ['too many steps', { steps: 101, delayMs: 0 }, 'steps'],
    ['half a step', { steps: 1.5, delayMs: 0 }, 'steps'],
    ['steps that are text', { steps: '5', delayMs: 0 }, 'steps'],
    ['steps that are null', { steps: null, delayMs: 0 }, 'steps'],
    ['no delay', { steps: 1 }, 'delayMs'],
    ['a negative delay', { steps: 1, delayMs: -1 }, 'delayMs'],
    ['too long a delay', { steps: 1, delayMs: 5_001 }, 'delayMs'],
    ['an empty key', { steps: 1, delayMs: 0, dedupeKey: '' }, 'dedupeKey'],
    ['too long a key', { steps: 1, delayMs: 0, dedupeKey: 'k'.repeat(101) }, 'dedupeKey'],
    ['a key that is no text', { steps: 1, delayMs: 0, dedupeKey: 5 }, 'dedupeKey'],
    ['an unknown field', { steps: 1, delayMs: 0, colour: 'red' }, 'colour'],
  ])('refuses to start with %s', async (_what, job, named) => {
    const browser = await user();
    const answer = await (job === undefined ? browser.post(JOBS) : start(browser, job));
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body.detail).toContain(named);
    expect((await browser.get('/api/session')).body.runners).toEqual([]);
    expect(await turns(browser)).toEqual({ waiting: [] });
  });

  it.each([
    ['a malformed key', `${JOBS}/nonsense?from=0`],
    ['no cursor', `${JOBS}/KEY`],
    ['a negative cursor', `${JOBS}/KEY?from=-1`],
    ['a cursor ahead of all that was read', `${JOBS}/KEY?from=1000`],
    ['too long a wait', `${JOBS}/KEY?from=0&wait=31`],
    ['an unknown parameter', `${JOBS}/KEY?from=0&max=5`],
  ])('refuses to read with %s', async (_what, path) => {
    const browser = await user();
    const { body } = await start(browser, SHORT);
    const answer = await browser.get(path.replace('KEY', body.key));
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  it('takes no runner of another kind, and no job of another user, for a job of this one', async () => {
    const browser = await user();
    const { body: search } = await browser.post('/api/searches', { text: 'x' });
    const { body: job } = await start(await user(), SHORT);
    for (const { key } of [search, job]) {
      expect((await browser.get(`${JOBS}/${key}?from=0`)).status).toBe(410);
      expect((await browser.delete(`${JOBS}/${key}`)).status).toBe(410);
    }
    expect((await browser.delete(`${JOBS}/nonsense`)).status).toBe(400);
  });
});
