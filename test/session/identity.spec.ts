import { describe, expect, it } from '@jest/globals';
import { refreshActiveSession, getActiveSession, type ActiveSession } from 'nestjs-active-session';
import type { Browser } from '../support/browser.js';
import { done } from '../support/done.js';
import { Gate } from '../support/gate.js';
import { RawClient } from '../support/raw-client.js';
import { RecordingStore } from '../support/recording-store.js';
import { useSessionApps, type SessionApp } from '../support/session-app.js';
import { SECRET } from '../support/test-app.js';

const IDLE_MS = 20 * 60_000;
const LIFETIME_MS = 24 * 60 * 60_000;

const { start } = useSessionApps();

const stored = (store: RecordingStore) => ({ userSession: { secret: SECRET, store } });

describe('The id of a session', () => {
  it('is 22 URL-safe characters, the same for each generation and for the group', async () => {
    const app = await start();
    const { browser, session } = await app.user();
    expect(session.id).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect([session.baseId, session.group.id]).toEqual([session.id, session.id]);

    await session.terminate();
    expect((await app.enter(browser)).id).toBe(session.id);
  });

  it('ends with the suffix', async () => {
    const app = await start();
    const { browser, session } = await app.user();
    const tab = await app.enter(browser, 'left_2-b');
    expect(tab.id).toBe(`${session.id}-left_2-b`);
    expect([tab.baseId, tab.suffix, session.suffix]).toEqual([session.id, 'left_2-b', '']);
    expect(tab.group).toBe(session.group);
  });

  it('is the same with the empty suffix and without one', async () => {
    const app = await start();
    const { browser, session } = await app.user();
    expect(await app.enter(browser, '')).toBe(session);
    expect(app.registry.all()).toEqual([session]);
  });

  it('differs from user to user, and does not show the id in the cookie', async () => {
    const app = await start();
    const [alice, bob] = [await app.user(), await app.user()];
    expect(alice.session.id).not.toBe(bob.session.id);
    const [cookie = ''] = alice.browser.cookies.values();
    const userSessionId = decodeURIComponent(cookie).slice(2).split('.')[0];
    expect(userSessionId).toHaveLength(32);
    expect(JSON.stringify([alice.session.id, (await alice.browser.post('/runners')).body])).not.toContain(
      userSessionId,
    );
  });

  it('is the same after a restart', async () => {
    const store = new RecordingStore();
    const before = await start({ options: stored(store) });
    const { browser, session } = await before.user();
    await before.app.close();
    const after = await start({ options: stored(store) });
    expect((await after.enter(browser.clone(after.url))).id).toBe(session.id);
  });

  it('depends on `idSecret`, for user-session ids that could be guessed', async () => {
    const idOf = async (idSecret?: string): Promise<string> => {
      const app = await start({ options: { identify: () => 'user 7', idSecret } });
      return (await app.enter(app.browser())).id;
    };
    const [plain, one, again, other] = [await idOf(), await idOf('one'), await idOf('one'), await idOf('other')];
    expect(one).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(one).toBe(again);
    expect(new Set([plain, one, other]).size).toBe(3);
  });
});

describe('Requests', () => {
  it('of one user session meet in one session, also when they come at once', async () => {
    const app = await start();
    const { browser, session } = await app.user();
    await session.terminate();
    const answers = await Promise.all([1, 2, 3, 4].map(() => browser.post('/runners')));
    expect(answers.map(({ body }) => body.generation)).toEqual([2, 2, 2, 2]);
    expect(app.registry.all()).toHaveLength(1);
    expect(app.registry.all()[0]?.runners.size).toBe(4);
  });

  it('of two users never meet, whatever their suffix', async () => {
    const app = await start();
    const [alice, bob] = [app.browser(), app.browser()];
    const [a, b] = [await app.enter(alice, 'same'), await app.enter(bob, 'same')];
    expect(a).not.toBe(b);
    expect(a.group).not.toBe(b.group);
  });

  it('without a cookie each get a user session of their own', async () => {
    const app = await start();
    await Promise.all([app.browser().get('/use'), app.browser().get('/use')]);
    expect(app.groups.all()).toHaveLength(2);
  });
});

describe('The generation', () => {
  it.each<[string, (session: ActiveSession, app: SessionApp) => Promise<unknown>]>([
    ['terminate()', (session) => session.terminate()],
    ['idle expiry', (_session, app) => app.clock.advance(IDLE_MS + 1_000)],
    ['the end of its lifetime', (_session, app) => app.clock.advance(LIFETIME_MS + 1_000)],
    ['the end of its group', (session) => session.group.terminate()],
  ])('counts 1, 2, 3 by %s', async (_how, end) => {
    const app = await start({ options: { idleTimeoutMs: IDLE_MS, maxLifetimeMs: LIFETIME_MS } });
    const { browser, session } = await app.user();
    const seen = [session];
    for (let round = 0; round < 2; round++) {
      await end(seen.at(-1)!, app);
      seen.push(await app.enter(browser));
    }
    expect(seen.map(({ generation }) => generation)).toEqual([1, 2, 3]);
    expect(seen.map(({ isAvailable }) => isAvailable)).toEqual([false, false, true]);
  });

  it('counts for each suffix by itself', async () => {
    const app = await start();
    const { browser, session } = await app.user();
    const left = await app.enter(browser, 'left');
    await left.terminate();
    const leftAgain = await app.enter(browser, 'left');
    const right = await app.enter(browser, 'right');
    expect([session, left, leftAgain, right].map(({ generation }) => generation)).toEqual([1, 1, 2, 1]);
  });

  it('is never used again while the group lives, also for more suffixes than it remembers', async () => {
    const app = await start();
    const { browser } = await app.user();
    const open = async (tab: string): Promise<number> => {
      const session = await app.enter(browser, tab);
      await session.terminate();
      return session.generation;
    };
    expect([await open('first'), await open('first'), await open('first')]).toEqual([1, 2, 3]);
    for (let tab = 0; tab < 70; tab++) await open(`tab-${tab}`);
    expect(await open('first')).toBeGreaterThan(3);
    expect(await open('tab-0')).toBeGreaterThan(1);
  });

  it('is remembered for suffixes in use, however many others come and go', async () => {
    const app = await start();
    const { browser } = await app.user();
    await (await app.enter(browser, 'kept')).terminate();
    const kept = await app.enter(browser, 'kept');
    for (let round = 0; round < 5; round++) await (await app.enter(browser, 'busy')).terminate();
    for (let tab = 0; tab < 70; tab++) await (await app.enter(browser, `tab-${tab}`)).terminate();
    await kept.terminate();
    expect([kept.generation, (await app.enter(browser, 'kept')).generation]).toEqual([2, 3]);
  });

  it('goes on after a restart where the store is kept', async () => {
    const store = new RecordingStore();
    const before = await start({ options: stored(store) });
    const { browser, session } = await before.user();
    await session.terminate();
    expect((await before.enter(browser)).generation).toBe(2);
    await before.app.close();
    const after = await start({ options: stored(store) });
    expect((await after.enter(browser.clone(after.url))).generation).toBe(3);
  });

  it('starts from 1 where the user session holds nonsense', async () => {
    const store = new RecordingStore();
    const app = await start({ options: stored(store) });
    const { browser, session } = await app.user();
    for (const nonsense of [{ n: -3 }, { n: 1.5 }, { n: '7' }, { n: 1e300 }, { n: 2 ** 52 }, {}, 'x', 7, null]) {
      await app.registry.get(session.id)?.group.terminate();
      const [[sid, blob] = ['', '']] = store.blobs;
      store.blobs.set(sid, JSON.stringify({ ...(JSON.parse(blob) as object), activeSession: nonsense }));
      expect((await app.enter(browser)).generation).toBe(1);
    }
  });
});

describe('A runner key', () => {
  it('is honoured by its own session only', async () => {
    const app = await start();
    const [alice, bob] = [await app.user(), await app.user()];
    const { key } = (await alice.browser.post('/runners')).body;
    await bob.browser.post('/runners');
    await alice.browser.post('/runners?tab=other');
    expect((await alice.browser.get(`/runners/${key}`)).body).toEqual({ number: 0 });
    expect((await alice.browser.get(`/runners/${key}?tab=other`)).status).toBe(410);
    expect((await bob.browser.get(`/runners/${key}`)).status).toBe(410);
    expect((await app.browser().get(`/runners/${key}`)).status).toBe(410);
  });

  it('is gone with its generation, also where the group lives on', async () => {
    const app = await start();
    const { browser, session } = await app.user();
    await app.enter(browser, 'other');
    const { key } = (await browser.post('/runners')).body;
    await session.terminate();
    expect((await browser.get(`/runners/${key}`)).status).toBe(410);
    const { key: next } = (await browser.post('/runners')).body;
    expect((await browser.get(`/runners/${key}`)).status).toBe(410);
    expect((await browser.get(`/runners/${next}`)).status).toBe(200);
  });

  it.each<[string, (session: ActiveSession, app: SessionApp, browser: Browser) => Promise<unknown>]>([
    ['terminate()', (session) => session.terminate()],
    ['terminate() and refreshActiveSession() in one handler', (_session, _app, browser) => browser.get('/renew')],
    ['idle time', (_session, app) => app.clock.advance(IDLE_MS + 1_000)],
    ['the maximum lifetime', (_session, app) => app.clock.advance(LIFETIME_MS + 1_000)],
    ['eviction', (_session, _app, browser) => browser.get('/use?tab=other')],
    ['the end of its group', (session) => session.group.terminate()],
    ['the end of its user session', (_session, _app, browser) => browser.get('/logout')],
  ])('is gone after the end of its session by %s, and the next one has its own', async (_how, end) => {
    const app = await start({
      options: { idleTimeoutMs: IDLE_MS, maxLifetimeMs: LIFETIME_MS, limits: { sessionsPerGroup: 1 } },
      handlers: {
        renew: async (req) => {
          await getActiveSession(req).terminate();
          return refreshActiveSession(req).generation;
        },
        logout: (req) => done((callback) => req.session.destroy(callback)),
      },
    });
    const { browser, session } = await app.user();
    const { key } = (await browser.post('/runners')).body;
    await end(session, app, browser);
    expect(session.isAvailable).toBe(false);
    expect((await browser.get(`/runners/${key}`)).status).toBe(410);
    const { key: next } = (await browser.post('/runners')).body;
    expect((await browser.get(`/runners/${key}`)).status).toBe(410);
    expect((await browser.get(`/runners/${next}`)).status).toBe(200);
  });

  it('is gone for new requests when the lifetime is over, while a request still uses the session', async () => {
    const gate = new Gate();
    const app = await start({
      options: { idleTimeoutMs: IDLE_MS, maxLifetimeMs: LIFETIME_MS },
      handlers: { hold: () => gate.opened },
    });
    const { browser, session } = await app.user();
    const { key } = (await browser.post('/runners')).body;
    const held = browser.get('/hold');
    await app.clock.advance(LIFETIME_MS + 1_000);
    expect(session.isAvailable).toBe(true);
    expect((await browser.get(`/runners/${key}`)).status).toBe(410);
    const again = (await browser.post('/runners')).body;
    expect(again.generation).toBe(2);
    expect((await browser.get(`/runners/${again.key}`)).status).toBe(200);
    gate.open();
    await held;
  });

  it('is gone although the number of its generation comes again, because a slow request saved old data', async () => {
    const gate = new Gate();
    const entered = new Gate();
    const app = await start({
      options: stored(new RecordingStore()),
      handlers: {
        slow: async (req) => {
          entered.open();
          await gate.opened;
          (req.session as unknown as { note: string }).note = 'changed';
        },
      },
    });
    const { browser, session } = await app.user();
    const slow = browser.get('/slow');
    await entered.opened;
    await session.terminate();
    const { key, generation } = (await browser.post('/runners')).body;
    gate.open();
    await slow;
    await app.requestsOver();
    await app.clock.advance(IDLE_MS + 1_000);
    expect(app.registry.all()).toEqual([]);

    const again = (await browser.post('/runners')).body;
    expect([generation, again.generation]).toEqual([2, 2]);
    expect((await browser.get(`/runners/${key}`)).status).toBe(410);
    expect((await browser.get(`/runners/${again.key}`)).status).toBe(200);
  });

  it('is gone although the number of its generation comes again, because the process died in mid-response', async () => {
    const store = new RecordingStore();
    const before = await start({
      options: stored(store),
      handlers: {
        stream: (req, res) => {
          void getActiveSession(req).terminate();
          const session = refreshActiveSession(req);
          res.write(`${session.generation} ${session.createSequenceRunner([1]).key.toString()} .`);
          return new Promise(() => {});
        },
      },
    });
    const { browser } = await before.user();
    const client = new RawClient(before.url);
    client.send({ path: '/stream', cookie: browser.cookie });
    await client.until(' .');
    const [, generation, key] = /^(\d+) (\S+) \.$/m.exec(client.received) ?? [];
    await before.app.close();

    const after = await start({ options: stored(store) });
    const back = browser.clone(after.url);
    const again = (await back.post('/runners')).body;
    expect([Number(generation), again.generation]).toEqual([2, 2]);
    expect((await back.get(`/runners/${key}`)).status).toBe(410);
    expect((await back.get(`/runners/${again.key}`)).status).toBe(200);
  });
});
