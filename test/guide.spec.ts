import { afterEach, describe, expect, it } from '@jest/globals';
import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { ActiveSessionRegistry } from 'nestjs-active-session';
import * as customRunners from './fixtures/guide/custom-runners.js';
import * as ending from './fixtures/guide/ending.js';
import * as expiry from './fixtures/guide/expiry.js';
import * as groups from './fixtures/guide/groups.js';
import * as locks from './fixtures/guide/locks.js';
import * as logout from './fixtures/guide/logout.js';
import { readAll } from './fixtures/guide/reading.js';
import * as rules from './fixtures/guide/rules.js';
import * as processes from './fixtures/guide/processes.js';
import * as runners from './fixtures/guide/runners.js';
import * as scopes from './fixtures/guide/scopes.js';
import * as sequences from './fixtures/guide/sequences.js';
import * as sessions from './fixtures/guide/sessions.js';
import * as testing from './fixtures/guide/testing.js';
import * as timeSeries from './fixtures/guide/time-series.js';
import { Browser } from './support/browser.js';
import { FakeClock, settle } from './support/fake-clock.js';
import { RawClient } from './support/raw-client.js';

const PAGES = (await readdir('docs/guide')).filter((name) => name.endsWith('.md'));

describe('The guide', () => {
  it.each(PAGES)('shows nothing but code that is compiled, and run below: %s', async (page) => {
    const text = await readFile(`docs/guide/${page}`, 'utf8');
    const fixture = linesOf(await readFile(`test/fixtures/guide/${page.replace('.md', '.ts')}`, 'utf8'));
    const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, block = '']) => linesOf(block));
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(fixture).toContain(block);
  });

  it.each([
    ...PAGES.map((name) => `docs/guide/${name}`),
    'README.md',
    'docs/architecture.md',
    'docs/guarantees.md',
    'docs/compatibility.md',
    'docs/differences.md',
  ])('leads to pages that are there: %s', async (path) => {
    const text = await readFile(path, 'utf8');
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
    const links = [...text.matchAll(/\]\(([^)#]+)(?:#[\w-]*)?\)/g)].map(([, link = '']) => link);
    for (const link of links.filter((each) => !each.includes('://')))
      expect([link, existsSync(new URL(`../${folder}${link}`, import.meta.url))]).toEqual([link, true]);
  });
});

describe('The code of the guide does what it says:', () => {
  let app: INestApplication | undefined;
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  async function start(
    module: Type,
  ): Promise<{ app: INestApplication; browser: Browser; registry: ActiveSessionRegistry }> {
    app = await NestFactory.create(module, { logger: false, forceCloseConnections: true });
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return { app, browser: new Browser(`http://127.0.0.1:${port}`), registry: app.get(ActiveSessionRegistry) };
  }

  it('sessions', async () => {
    const { app, browser, registry } = await start(sessions.AppModule);
    expect((await browser.get('/status')).body).toEqual({ hasSession: true });
    expect(registry.all()).toEqual([]);
    await browser.get('/visit');
    expect((await browser.get('/visit')).body).toEqual({ visits: 2 });
    expect((await browser.get('/me')).body).toMatchObject({ generation: 1, visits: 2 });

    app.get(sessions.Reservations).reserveAll();
    const [session] = registry.all();
    expect(session?.services.get(sessions.Cart).isReserved).toBe(true);
    await session?.terminate();
    expect(app.get(sessions.SessionLog).lines).toEqual([expect.stringMatching(/^terminated after [\d.]+ ms$/)]);
  });

  it('groups', async () => {
    const { browser, registry } = await start(groups.AppModule);
    await browser.get('/sessions');
    await browser.post('/theme?theme=dark', undefined, { headers: { 'x-editor': 'left' } });
    expect((await browser.get('/sessions')).body).toEqual({
      theme: 'dark',
      sessions: [
        { suffix: '', runners: 0 },
        { suffix: 'left', runners: 0 },
      ],
    });
    expect((await browser.post('/leave-everywhere')).body).toEqual({ reason: 'terminated' });
    expect(registry.all()).toEqual([]);
  });

  it('rules', async () => {
    const { browser } = await start(rules.AppModule);
    const paths = ['/health', '/admin', '/admin/users', '/shop', '/t/acme/shop'];
    const bodies = [];
    for (const path of paths) bodies.push((await browser.get(path)).body.suffix);
    expect(bodies).toEqual([undefined, 'admin', 'admin', '', 'acme']);
  });

  it('rules for each tab', async () => {
    const { browser } = await start(rules.PerTabModule);
    const headers = { 'x-tab-id': 'one' };
    expect((await browser.get('/shop', { headers })).body).toEqual({ suffix: 'one' });
    expect((await browser.get('/shop?tab=two')).body).toEqual({ suffix: 'two' });
  });

  it('expiry', async () => {
    const clock = new FakeClock();
    const { app, browser, registry } = await start(expiry.appModule(clock));
    await browser.get('/');
    const { id } = (await browser.get('/')).body as { id: string };
    const { busy } = app.get(expiry.Uploads);
    busy.add(id);
    await clock.advance(45 * 60_000);
    expect(registry.get(id)?.isAvailable).toBe(true);
    busy.delete(id);
    await clock.advance(30 * 60_000);
    expect(registry.all()).toEqual([]);
  });

  it('ending', async () => {
    const { browser, registry } = await start(ending.AppModule);
    const { text: folder } = await browser.get('/folder');
    expect(existsSync(folder)).toBe(true);
    await browser.post('/own');
    const [session] = registry.all();
    const workspace = session?.services.get(ending.Workspace);
    expect((await browser.post('/renew')).body).toEqual({ disposed: 2, failed: 0, timedOut: [], generation: 2 });
    expect([existsSync(folder), workspace?.endedBy]).toEqual([false, 'terminated']);
  });

  it('logout', async () => {
    const { browser } = await start(logout.AppModule);
    await browser.post('/items', { item: 'shoes' });
    const planted = browser.clone();
    expect((await browser.post('/login', { user: 'alice', password: 'wrong' })).status).toBe(401);
    expect((await browser.post('/login', { user: 'alice', password: 'right' })).body).toEqual({
      user: 'alice',
      items: ['shoes'],
    });
    expect((await planted.get('/items')).body).toEqual({ items: [] });
    expect((await browser.post('/login', { user: 'bob', password: 'right' })).body).toEqual({ user: 'bob', items: [] });
    await browser.post('/logout');
    expect((await browser.get('/items')).body).toEqual({ items: [] });
  });

  it('locks', async () => {
    const { app, browser } = await start(locks.AppModule);
    const shop = app.get(locks.Shop);
    let open: (value?: unknown) => void = () => undefined;
    shop.ready = new Promise((resolve) => (open = resolve));
    await browser.post('/cart?item=apple');
    const orders = [browser.post('/cart/order'), browser.post('/cart/order')];
    await new Promise((resolve) => setImmediate(resolve));
    open();
    const totals = (await Promise.all(orders)).map(({ body }) => body as unknown);
    expect(totals).toEqual(expect.arrayContaining([{ total: 10 }, { total: 0 }]));
    expect(shop.orders).toEqual([['apple'], []]);
    shop.ready = new Promise((resolve) => (open = resolve));
    expect((await browser.post('/cart/export')).body).toMatchObject({ key: expect.any(String) });
    let isAnswered = false;
    const total = browser.get('/cart/total').finally(() => (isAnswered = true));
    await settle(50);
    expect(isAnswered).toBe(false);
    open();
    expect((await total).body).toEqual({ total: 0 });
  });

  it('testing', async () => {
    expect(testing.totalByItself()).toBe(3);
    expect(await testing.totalOfFake()).toBe(42);
    expect(await testing.totalInSession()).toBe(5);
  });

  it('scopes', async () => {
    const { app, browser, registry } = await start(scopes.AppModule);
    await browser.post('/cart?item=shoes');
    const client = new RawClient(await app.getUrl());
    client.send({ path: '/prices', cookie: browser.cookie });
    await client.until('200 OK');
    const bob = new Browser(await app.getUrl());
    await bob.post('/cart?item=hat');
    app.get(scopes.Bus).next(7);
    await client.until('data: 7 EUR');
    await client.vanish();
    expect((await bob.get('/find?word=apple')).body).toEqual(['apple 5 EUR']);
    expect((await bob.get('/find?word=apple')).body).toHaveLength(2);
    expect([(await bob.get('/public')).text, (await bob.get('/public')).text]).toEqual(['1', '1']);
    const indexes = registry.all().map((session) => session.services.get(scopes.SearchIndex));
    const prices = app.get(scopes.PriceList);
    await app.close();
    expect(indexes.map(({ isClosed }) => isClosed)).toEqual([true, true]);
    expect(prices.released.sort()).toEqual(['hat', 'shoes']);
  });

  it('runners, and reading without loss', async () => {
    const { browser } = await start(sequences.AppModule);
    const { body: first } = await browser.post('/searches', { text: 'session' });
    const rows: unknown[] = [];
    let request = 0;
    await readAll(
      first.key as string,
      async (key, from) => {
        const { body } = await browser.get(`/searches/${key}?from=${from}`);
        // Each third answer is lost.
        if (++request % 3 === 0) throw new Error('lost');
        return body;
      },
      (more) => rows.push(...more),
    );
    expect(rows.slice(0, first.result.length)).toEqual(first.result);
    expect(rows.length).toBeGreaterThan(50);
    expect((await browser.post('/quotes')).body).toMatchObject({ result: [0, 1, 2] });
  });

  it('runners', async () => {
    const { browser } = await start(runners.AppModule);
    const headers = { 'idempotency-key': 'one' };
    const [first, second] = [
      await browser.post('/jobs', {}, { headers }),
      await browser.post('/jobs', {}, { headers }),
    ];
    const { key } = first.body;
    const page = { key, result: ['step 1'], from: 0, position: 1 };
    // Its status is that of the moment: meanwhile there may be something unread.
    for (const { body } of [first, second]) expect(body).toMatchObject(page);
    const path = `/jobs/${key}`;
    expect((await browser.delete(path)).body).toEqual({ status: 'aborted' });
    expect((await browser.get(`${path}/changes`)).text).toMatch(
      /data: \{"status":"aborted","position":1,"progress":\{/,
    );
  });

  it('processes', async () => {
    const { browser } = await start(processes.AppModule);
    const { body } = await browser.post('/statistics');
    expect(body).toMatchObject({ status: 'completed', result: { files: expect.any(Number) } });
    const reports = (await browser.get(`/statistics/${body.key}/reports?since=0`)).body;
    expect(reports).toMatchObject({ from: body.position - 10, position: body.position, status: 'completed' });
    expect(reports.result).toHaveLength(10);
  });

  it('time series', async () => {
    const { browser } = await start(timeSeries.AppModule);
    const { body } = await browser.post('/load');
    expect(body.values).toEqual(Array.from({ length: 5 }, () => expect.any(Number)));
  });

  it('runners of your own', async () => {
    const { app, browser, registry } = await start(customRunners.AppModule);
    const { body } = await browser.post('/ballots', { choices: ['soup', 'salad'] });
    const path = `/ballots/${body.key}`;
    const [session] = registry.all();
    expect(app.get(customRunners.Audit).lines).toEqual([`ballot 0 of ${session!.id}`]);
    const news = browser.get(`${path}?from=0`);
    await browser.post(`${path}/votes`, { choice: 'soup' });
    expect((await news).body).toEqual({ result: { soup: 1 }, from: 0, position: 1, status: 'stalled' });
    expect((await browser.post(`${path}/votes`, { choice: 'pie' })).status).toBe(400);
    const end = browser.get(`${path}?from=1`);
    expect((await browser.post(`${path}/close`)).body).toMatchObject({ status: 'completed', position: 1 });
    expect((await end).body).toMatchObject({ result: { soup: 1 }, from: 1, status: 'completed' });
    const dice = await session!.createRunner((sides: number, context) => new customRunners.Dice(context, sides), 6);
    const { result } = await dice.getRequired({ advance: 100 });
    expect(result.every((thrown) => thrown >= 1 && thrown <= 6)).toBe(true);
    const aborted = dice.getRequired();
    await app.close();
    expect((await aborted).result).toHaveLength(20);
  });
});

/** Without indentation and empty lines. */
function linesOf(code: string): string {
  return code
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');
}
