import { describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { getActiveSession, refreshActiveSession, requestSignal } from 'nestjs-active-session';
import type { Server } from 'node:http';
import { promisify } from 'node:util';
import { settle } from '../support/fake-clock.js';
import { Gate, until } from '../support/gate.js';
import type { Handlers } from '../support/handlers.js';
import { RawClient } from '../support/raw-client.js';
import { RecordingStore } from '../support/recording-store.js';
import { useSessionApps, type SessionApp, type SessionAppOptions } from '../support/session-app.js';
import { SECRET } from '../support/test-app.js';

const SECOND = 1_000;
const IDLE_MS = 60 * SECOND;

const { start, faults } = useSessionApps();

interface Scene extends SessionApp {
  /** Handlers of `/hold` wait for it. */
  gate: Gate;
  /** How many handlers of `/hold` have begun. */
  held: { count: number };
}

async function startScene({ handlers, options, ...more }: SessionAppOptions = {}): Promise<Scene> {
  const gate = new Gate();
  const held = { count: 0 };
  const hold: Handlers[string] = async (req) => {
    getActiveSession(req).properties.set('used', true);
    held.count++;
    await gate.opened;
  };
  const app = await start({
    ...more,
    options: { idleTimeoutMs: IDLE_MS, ...options },
    handlers: { hold, ...handlers },
  });
  return { ...app, gate, held };
}

/** Resolves when the server, too, knows that the clients have gone. */
async function connectionsClosed({ app }: SessionApp): Promise<void> {
  const server = app.getHttpServer() as Server;
  const count = promisify(server.getConnections.bind(server));
  while ((await count()) > 0) await settle(1);
  await settle();
}

/** Checks that nothing keeps any session. */
async function expectIdleEnd({ clock, registry, groups }: SessionApp): Promise<void> {
  expect(registry.stats().pinned).toBe(0);
  const sessions = registry.all();
  expect(sessions.length).toBeGreaterThan(0);
  const all = groups.all();
  await clock.advance(IDLE_MS + SECOND);
  expect(sessions.map(({ endReason }) => endReason)).toEqual(sessions.map(() => 'idle'));
  expect(all.map(({ endReason }) => endReason)).toEqual(all.map(() => 'idle'));
}

describe('A request', () => {
  it('keeps its session, however long it takes, and the idle time counts from its end', async () => {
    const app = await startScene();
    const { browser, session } = await app.user();
    const answer = browser.get('/hold');
    await until(() => app.held.count === 1);
    await app.clock.advance(10 * IDLE_MS);
    expect([session.isAvailable, app.registry.stats().pinned]).toEqual([true, 1]);
    app.gate.open();
    await answer;
    await app.requestsOver();
    await app.clock.advance(IDLE_MS - 1);
    expect(session.isAvailable).toBe(true);
    await expectIdleEnd(app);
  });

  it('keeps it from its start on, also where nothing has used the session yet', async () => {
    const entered = new Gate();
    const app = await startScene({
      handlers: {
        late: async (req) => {
          entered.open();
          await app.gate.opened;
          return getActiveSession(req).generation;
        },
      },
    });
    const { browser, session } = await app.user();
    const answer = browser.get('/late');
    await entered.opened;
    await app.clock.advance(10 * IDLE_MS);
    expect(session.isAvailable).toBe(true);
    app.gate.open();
    expect((await answer).body).toBe(1);
  });

  it('shares the session with others, and the last one lets go of it', async () => {
    const second = new Gate();
    const app = await startScene({ handlers: { second: () => second.opened } });
    const { browser } = await app.user();
    const answers = [browser.get('/hold'), browser.get('/second')];
    await until(() => app.held.count === 1);
    app.gate.open();
    await answers[0];
    await app.clock.advance(10 * IDLE_MS);
    expect(app.registry.stats().pinned).toBe(1);
    second.open();
    await Promise.all(answers);
    await app.requestsOver();
    await expectIdleEnd(app);
  });

  it('lets go of its session when it fails', async () => {
    const app = await startScene({
      handlers: {
        fail: (req) => {
          getActiveSession(req).touch();
          throw new Error('a broken handler');
        },
      },
    });
    const { browser } = await app.user();
    expect((await browser.get('/fail')).status).toBe(500);
    await app.requestsOver();
    await expectIdleEnd(app);
    expect(faults()).toEqual(['Error: a broken handler']);
  });

  it('lets go of its session when it is answered, not when its connection closes', async () => {
    const app = await startScene();
    const { browser } = await app.user();
    const client = new RawClient(app.url);
    client.send({ path: '/use', cookie: browser.cookie });
    await client.until('"id"');
    await app.requestsOver();
    await expectIdleEnd(app);
    await client.vanish();
  });

  it('pins each of its sessions when it goes on with the next one', async () => {
    const entered = new Gate();
    const app = await startScene({
      handlers: {
        next: async (req) => {
          await getActiveSession(req).terminate();
          refreshActiveSession(req);
          entered.open();
          await app.gate.opened;
        },
      },
    });
    const { browser } = await app.user();
    const answer = browser.get('/next');
    await entered.opened;
    await app.clock.advance(10 * IDLE_MS);
    expect(app.registry.all().map(({ generation }) => generation)).toEqual([2]);
    app.gate.open();
    await answer;
    await app.requestsOver();
    await expectIdleEnd(app);
  });
});

describe('A client that goes away', () => {
  it('in the middle of a request leaves nothing pinned', async () => {
    const app = await startScene();
    const { browser, session } = await app.user();
    const client = new RawClient(app.url);
    client.send({ path: '/hold', cookie: browser.cookie });
    await until(() => app.held.count === 1);
    expect(app.registry.stats().pinned).toBe(1);
    await client.vanish();
    await app.requestsOver();
    await expectIdleEnd(app);
    app.gate.open();
    expect(session.endReason).toBe('idle');
  });

  it('with several requests on its way leaves nothing pinned', async () => {
    const app = await startScene();
    const { browser } = await app.user();
    const client = new RawClient(app.url);
    const cookie = browser.cookie;
    client.send({ path: '/hold', cookie }, { path: '/hold?tab=two', cookie }, { path: '/hold', cookie });
    await until(() => app.held.count === 3);
    expect(app.registry.stats().pinned).toBe(2);
    await client.vanish();
    await app.requestsOver();
    await expectIdleEnd(app);
    app.gate.open();
  });

  it('while its user session is being read leaves nothing pinned, also behind other requests', async () => {
    const store = new RecordingStore();
    const app = await startScene({ options: { userSession: { secret: SECRET, store } } });
    const { browser } = await app.user();
    const cookie = browser.cookie;
    const read = new Gate();
    store.beforeGet = read.opened;
    const before = store.count('get');
    const client = new RawClient(app.url);
    client.send({ path: '/hold', cookie }, { path: '/hold?tab=two', cookie }, { path: '/hold?tab=three', cookie });
    await until(() => store.count('get') === before + 3);
    await client.vanish();
    await connectionsClosed(app);
    read.open();
    await until(() => app.held.count === 3);
    expect(app.registry.all().map(({ suffix }) => suffix)).toEqual(['', 'two', 'three']);
    await expectIdleEnd(app);
    app.gate.open();
  });

  it('before the session is found leaves nothing pinned', async () => {
    const vanish = (nest: INestApplication): void => {
      nest.use((req: Request, res: Response, next: NextFunction) => {
        if (req.path === '/hold') res.destroy();
        next();
      });
    };
    const app = await startScene({ configure: vanish });
    const { browser } = await app.user();
    await expect(browser.get('/hold?tab=two')).rejects.toThrow();
    await until(() => app.held.count === 1);
    expect(app.registry.all()).toHaveLength(2);
    await expectIdleEnd(app);
    app.gate.open();
  });

  it('leaves a group that ends with its sessions', async () => {
    const app = await startScene();
    const { browser, session } = await app.user();
    const client = new RawClient(app.url);
    const cookie = browser.cookie;
    client.send({ path: '/hold', cookie }, { path: '/hold', cookie });
    await until(() => app.held.count === 2);
    await session.terminate();
    expect(session.group.isAvailable).toBe(true);
    await client.vanish();
    await until(() => !session.group.isAvailable);
    expect(app.groups.all()).toEqual([]);
    app.gate.open();
  });

  it('comes back to the same session', async () => {
    const app = await startScene();
    const { browser, session } = await app.user();
    const client = new RawClient(app.url);
    client.send({ path: '/hold', cookie: browser.cookie });
    await until(() => app.held.count === 1);
    await client.vanish();
    expect(await app.enter(browser)).toBe(session);
    app.gate.open();
  });
});

describe('requestSignal()', () => {
  async function startSignals() {
    const signals: AbortSignal[] = [];
    const app = await startScene({
      handlers: {
        signal: async (req) => {
          signals.push(requestSignal(req));
          expect(requestSignal(req)).toBe(signals.at(-1));
          await app.gate.opened;
        },
      },
    });
    return { app, signals };
  }

  it('aborts when the client goes, of all its requests', async () => {
    const { app, signals } = await startSignals();
    const client = new RawClient(app.url);
    client.send({ path: '/signal' }, { path: '/signal' });
    await until(() => signals.length === 2);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
    await client.vanish();
    await until(() => signals.every(({ aborted }) => aborted));
    expect(signals[0]?.reason).toMatchObject({ code: 'CLIENT_GONE' });
    app.gate.open();
  });

  it('leaves nothing on a connection that is kept', async () => {
    const listeners: number[] = [];
    const app = await startScene({
      handlers: {
        signal: (req) => {
          requestSignal(req);
          listeners.push(req.socket.listenerCount('close'));
        },
      },
    });
    const client = new RawClient(app.url);
    for (let request = 1; request <= 3; request++) {
      client.send({ path: '/signal' });
      await until(() => client.received.split('null').length > request);
    }
    await client.vanish();
    expect(new Set(listeners).size).toBe(1);
  });

  it('does not abort when the answer is out, not even when the connection closes', async () => {
    const { app, signals } = await startSignals();
    const client = new RawClient(app.url);
    client.send({ path: '/signal' });
    await until(() => signals.length === 1);
    app.gate.open();
    await client.until('null');
    await client.vanish();
    await app.browser().get('/signal');
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  });
});
