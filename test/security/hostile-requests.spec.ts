import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import fc from 'fast-check';
import {
  ActiveSession,
  getActiveSession,
  InjectActiveSession,
  RequestSignal,
  RunnerParam,
  sessionPerTab,
  TimeSeriesRunner,
  type RunnerKey,
  type RunnerResult,
  type SequenceRunner,
} from 'nestjs-active-session';
import type { Answer } from '../support/browser.js';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '../support/gate.js';
import { RawClient } from '../support/raw-client.js';
import { RecordingStore } from '../support/recording-store.js';
import { SEED } from '../support/random.js';
import { useSessionApps, type SessionApp, type SessionAppOptions } from '../support/session-app.js';
import { SECRET } from '../support/test-app.js';

const { start } = useSessionApps();

@Controller('rows')
class RowsController {
  @Post()
  start(@InjectActiveSession() session: ActiveSession, @Body() options: { name: string; dedupeKey: string }): object {
    return { key: session.createSequenceRunner([1, 2, 3], { ...options, replay: 'all' }).key };
  }

  @Post('own')
  async own(@InjectActiveSession() session: ActiveSession, @Body() request: unknown): Promise<{ key: RunnerKey }> {
    const runner = await session.createRunner(
      (given, context) => new TimeSeriesRunner(context, () => given, { intervalMs: 1, count: 1 }),
      request,
      { extraData: request },
    );
    session.properties.set('request', request);
    runner.abort(request);
    return { key: runner.key };
  }

  @Get(':key')
  read(
    @RunnerParam('key', { kind: 'sequence' }) runner: SequenceRunner<number>,
    @Query() { from, advance, atLeast, wait }: Record<string, string>,
    @RequestSignal() signal: AbortSignal,
  ): Promise<RunnerResult<number[]>> {
    const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
    return runner.getRequired({
      startPosition: number(from),
      advance: number(advance),
      atLeast: number(atLeast),
      waitMs: number(wait),
      signal,
    });
  }
}

const startRows = ({ options, ...more }: SessionAppOptions = {}): Promise<SessionApp> =>
  start({
    ...more,
    metadata: { controllers: [RowsController] },
    options: { sessions: sessionPerTab({ header: 'x-tab', query: 'tab' }), ...options },
  });

const REFUSALS = [400, 404, 409, 410, 429];

/** Answered, or refused as Nest and the library refuse: never a 500, and never with what was sent. */
function expectGood({ status, headers, body, text }: Answer, sent: string): void {
  expect([200, ...REFUSALS]).toContain(status);
  if (headers['content-type']?.includes('problem+json') !== true) return;
  expect(body).toMatchObject({ type: 'about:blank', status, code: expect.any(String) });
  if (sent.length > 20) expect(text).not.toContain(sent);
}

describe('A flood', () => {
  const FLOOD = 500;

  /** Sends many requests on a few connections. @returns the answers as they came */
  async function flood(app: SessionApp, paths: readonly string[], cookie?: string): Promise<string[]> {
    const clients = Array.from({ length: 5 }, () => new RawClient(app.url));
    paths.forEach((path, index) => clients[index % 5]?.send({ path, cookie }));
    const answers = (): string[] => clients.flatMap(({ received }) => received.split('HTTP/1.1 ').slice(1));
    await until(() => answers().length === paths.length);
    await Promise.all(clients.map((client) => client.vanish()));
    return answers();
  }

  const statuses = (heads: readonly string[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const head of heads) {
      const status = head.slice(0, 3);
      counts[status] = (counts[status] ?? 0) + 1;
    }
    return counts;
  };

  it('of visitors is refused with 503 where users have all places, and costs none of them theirs', async () => {
    const app = await startRows({ options: { limits: { sessions: 2, onLimit: { sessions: 'evict-idle' } } } });
    const users = [await app.user(), await app.user()];
    const heads = await flood(
      app,
      Array.from({ length: FLOOD }, () => '/use'),
    );
    expect(statuses(heads)).toEqual({ 503: FLOOD });
    for (const head of heads) {
      expect(head).toMatch(/^Retry-After: 30\r$/m);
      expect(head).toMatch(/^Content-Type: application\/problem\+json/m);
    }
    expect(app.registry.stats()).toMatchObject({ sessions: 2, groups: 2, created: 2, unconfirmed: 0 });
    for (const { browser, session } of users) expect(await app.enter(browser)).toBe(session);
  });

  it('of suffixes costs its own user, and nobody else', async () => {
    const app = await startRows({ options: { limits: { sessionsPerGroup: 4 } } });
    const [alice, mallory] = [await app.user(), await app.user()];
    const tabs = Array.from({ length: FLOOD }, (_, index) => `/use?tab=flood-${index}`);
    const counts = statuses(await flood(app, tabs, mallory.browser.cookie));
    expect((counts['200'] ?? 0) + (counts['429'] ?? 0)).toBe(FLOOD);
    await app.requestsOver();
    expect(mallory.session.group.sessions.size).toBe(4);
    expect(app.registry.stats()).toMatchObject({ sessions: 5, groups: 2, ending: 0 });
    expect(await app.enter(alice.browser)).toBe(alice.session);
  });

  it('of runners is refused with 429, and leaves those that are there as they are', async () => {
    const app = await startRows({
      options: { limits: { runnersPerSession: 8 } },
      handlers: { begin: (req) => getActiveSession(req).createSequenceRunner([1]).number },
    });
    const { browser, session } = await app.user();
    const heads = await flood(
      app,
      Array.from({ length: FLOOD }, () => '/begin'),
      browser.cookie,
    );
    expect(statuses(heads)).toEqual({ 200: 8, 429: FLOOD - 8 });
    for (const head of heads.filter((each) => each.startsWith('429'))) expect(head).toContain('Retry-After: 5\r');
    expect([...session.runners.keys()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect((await session.runners.get(0)?.getRequired())?.result).toEqual([1]);
  });
});

describe('Something huge', () => {
  const MEGABYTE = 2 ** 20;

  /** The application behind a server that lets in what Node otherwise refuses. */
  async function openToAll({ app }: SessionApp): Promise<{ server: Server; url: string }> {
    const server = createServer({ maxHeaderSize: 4 * MEGABYTE }, app.getHttpAdapter().getInstance() as RequestListener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  it.each<[string, (big: string) => { path: string; headers?: Record<string, string> }, status: number]>([
    ['a runner key', (big) => ({ path: `/rows/${big}` }), 400],
    ['a runner key of the right form', (big) => ({ path: `/rows/0-1-${big}~a` }), 400],
    ['a position', (big) => ({ path: `/rows/KEY?from=${big}` }), 400],
    ['a position of digits', (big) => ({ path: `/rows/KEY?from=${big.replaceAll('x', '9')}` }), 400],
    ['a suffix in the query', (big) => ({ path: `/use?tab=${big}` }), 400],
    ['a suffix in a header', (big) => ({ path: '/use', headers: { 'x-tab': big } }), 400],
    ['a suffix that is sent many times', (big) => ({ path: `/use?${big.replaceAll('x', 'tab=x&')}` }), 400],
    ['a cookie', (big) => ({ path: '/use', headers: { cookie: `connect.sid=s%3A${big}.${big.slice(0, 43)}` } }), 200],
    ['a header that nobody wants', (big) => ({ path: '/use', headers: { 'x-other': big } }), 200],
  ])('is refused, or passed by, and not echoed: %s', async (_what, requestOf, status) => {
    const app = await startRows();
    const { browser, session } = await app.user();
    const { key } = (await browser.post('/rows', {})).body;
    const { server, url } = await openToAll(app);
    const big = 'x'.repeat(MEGABYTE / 6);
    const { path, headers = {} } = requestOf(big);
    const answer = await browser.clone(url).get(path.replace('KEY', key as string), { headers });
    server.close();
    expect(answer.status).toBe(status);
    expectGood(answer, big);
    expect([session.isAvailable, (await browser.get(`/rows/${key}`)).body.result]).toEqual([true, [1, 2, 3]]);
  });

  it('in a body is a bad argument where it must be a text, and the application’s where it is data', async () => {
    const app = await startRows();
    const { browser, session } = await app.user();
    const long = Array.from({ length: 10_000 }, (_, index) => index);
    for (const options of [{ name: long }, { dedupeKey: long }, { name: { a: 1 } }]) {
      const answer = await browser.post('/rows', options);
      expect([answer.status, answer.body.code]).toEqual([400, 'BAD_ARGUMENT']);
    }
    const deep = `${'['.repeat(40_000)}${']'.repeat(40_000)}`;
    const answers = [
      await browser.post('/rows/own', long),
      await browser.send('/rows/own', { method: 'POST', text: deep }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(session.runners.size).toBe(2);
    expect(await session.terminate()).toMatchObject({ failed: [], timedOut: [], leftBehind: [] });
  });
});

describe('Names that are members of every object', () => {
  const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];

  it.each(NAMES)('are names like any other: %s', async (name) => {
    const before = Reflect.ownKeys(Object.prototype);
    const store = new RecordingStore();
    const app = await startRows({
      options: { userSession: { secret: SECRET, store }, sessions: sessionPerTab({ header: 'x-tab', query: name }) },
    });
    const { browser, session } = await app.user();

    const tab = await browser.get(`/use?${name}=${name}`);
    expect(tab.body).toEqual({ id: `${session.id}-${name}` });
    expect([...session.group.sessions.keys()]).toEqual(['', name]);
    expect(app.registry.get(tab.body.id as string)?.suffix).toBe(name);
    expect(app.registry.get(`${session.id}-toLocaleString`)).toBeUndefined();

    expect(session.properties.get(name)).toBeUndefined();
    session.properties.set(name, { isAdmin: true });
    expect([session.properties.get(name), session.properties.size]).toEqual([{ isAdmin: true }, 1]);

    const options = { name, dedupeKey: name };
    const first = session.createSequenceRunner([1], options);
    expect(session.createSequenceRunner([1], options)).toBe(first);
    expect(session.getRunner(first.key, { name })).toBe(first);
    expect([session.getRunner(0, { kind: name }), session.getRunner(name)]).toEqual([undefined, undefined]);
    expect((await browser.get(`/rows/${name}`)).status).toBe(400);

    // As somebody would have it who can write to the store.
    const [sid, blob] = [...store.blobs][0] ?? ['', '{}'];
    const text = `{${JSON.stringify(name)}:{"n":9,"activeSession":{"n":9}},"activeSession":{${JSON.stringify(name)}:{"n":9}},`;
    store.blobs.set(sid, blob.replace(/"activeSession":\{.*?\}/, '"a":0').replace('{', text));
    await session.group.terminate();
    expect((await app.enter(browser)).generation).toBe(1);

    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    expect(({} as { isAdmin?: boolean; n?: number }).isAdmin).toBeUndefined();
  });
});

describe('Random requests', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.constantFrom(
      '',
      '-0',
      '-1',
      '1.5',
      '1e3',
      '1e309',
      'NaN',
      'Infinity',
      '0x10',
      '9007199254740993',
      'null',
      '[]',
      '~',
      '..',
    ),
    fc.integer().map(String),
    fc.double().map(String),
  );
  const own = fc.constantFrom('from', 'advance', 'atLeast', 'wait', 'tab', 'tab[]', '__proto__');
  const query = fc.array(fc.tuple(own, text), { maxLength: 4 });
  const key = fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: text });

  it('are answered, or refused with a reason, and leave the session as it was', async () => {
    const app = await startRows();
    const { browser, session } = await app.user();
    const path = `/rows/${(await browser.post('/rows', {})).body.key}`;
    const inUrl = encodeURIComponent;

    const property = fc.asyncProperty(key, query, async (otherKey, parameters) => {
      const asked = parameters.map(([name, value]) => `${inUrl(name)}=${inUrl(value)}`).join('&');
      // Nothing is to be waited for: the source has ended.
      const target = otherKey === undefined ? path : `/rows/${inUrl(otherKey)}`;
      const answer = await browser.get(`${target}?${asked}`);
      expectGood(answer, otherKey ?? '');
      expect(app.registry.stats()).toMatchObject({ sessions: 1, groups: 1, ending: 0 });
      expect([session.runners.size, session.properties.size]).toEqual([1, 0]);
    });
    await fc.assert(property, { numRuns: 200, seed: SEED });
    await app.requestsOver();
    expect((await browser.get(`${path}?from=0`)).body).toMatchObject({ from: 0, result: [1, 2, 3] });
  });
});
