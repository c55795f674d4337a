import { describe, expect, it } from '@jest/globals';
import { ExpressAdapter } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import express, { type NextFunction, type Request, type Response } from 'express';
import session from 'express-session';
import { ActiveSessionModule, getActiveSession, type ActiveSessionModuleOptions } from 'nestjs-active-session';
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHmac } from 'node:crypto';
import { Browser } from '../support/browser.js';
import { FakeClock } from '../support/fake-clock.js';
import { Gate, until } from '../support/gate.js';
import { RecordingStore } from '../support/recording-store.js';
import { useSessionApps, type SessionApp } from '../support/session-app.js';
import { makeApp, SECRET } from '../support/test-app.js';

const { start, faults } = useSessionApps();

interface Scene extends SessionApp {
  store: RecordingStore;
}

const handlers = {
  look: (req: Request) => ({ isAvailable: getActiveSession(req).isAvailable }),
};

async function startMounted(options: ActiveSessionModuleOptions = {}): Promise<Scene> {
  const store = new RecordingStore();
  const userSession = { secret: SECRET, store };
  return { ...(await start({ handlers, options: { userSession, userSessionTimeoutMs: 2000, ...options } })), store };
}

/** An application that mounts express-session itself, and goes on without it where it fails. */
async function startTolerant(): Promise<Scene> {
  const store = new RecordingStore();
  const app = await start({
    handlers,
    options: { userSession: undefined },
    configure: (nest) => {
      nest.use(session({ secret: SECRET, store, resave: false, saveUninitialized: false }));
      nest.use((_error: unknown, _req: Request, _res: Response, next: NextFunction) => next());
    },
  });
  return { ...app, store };
}

describe('A store that fails while the application goes on without it', () => {
  it('leaves requests without a session, whatever their cookie says, and ends no session', async () => {
    const app = await startTolerant();
    const { browser, session: active } = await app.user();
    app.store.failures.get = new Error('no connection');
    // express-session leaves the id of the cookie on the request, which nobody has confirmed.
    expect((await browser.get('/look')).body).toEqual({ isAvailable: false });
    expect((await browser.get('/use')).status).toBe(503);
    expect(faults()).toEqual([expect.stringMatching(/its store has failed or is disconnected/)]);
    expect(active.isAvailable).toBe(true);

    delete app.store.failures.get;
    expect(await app.enter(browser)).toBe(active);
  });

  it('is named in the log as what it is, also where it is only disconnected', async () => {
    const app = await startTolerant();
    const { browser, session: active } = await app.user();
    app.store.emit('disconnect');
    expect((await browser.get('/use')).status).toBe(503);
    expect(faults()).toEqual([expect.stringMatching(/although express-session is mounted.*disconnected/)]);
    app.store.emit('connect');
    expect(await app.enter(browser)).toBe(active);
  });
});

describe('A store of the module that', () => {
  it('answers late is waited for', async () => {
    const app = await startMounted();
    const { browser, session: active } = await app.user();
    const answer = new Gate();
    app.store.beforeGet = answer.opened;
    const request = browser.get('/use');
    await until(() => app.store.count('get') === 2);
    await app.clock.advance(1900);
    answer.open();
    expect((await request).status).toBe(200);
    app.store.beforeGet = undefined;
    expect(await app.enter(browser)).toBe(active);
  });

  it('is silent costs each request a 503 after userSessionTimeoutMs, and no session', async () => {
    const app = await startMounted();
    const { browser, session: active } = await app.user();
    app.store.beforeGet = new Gate().opened;
    const requests = Array.from({ length: 20 }, () => browser.get('/use'));
    await until(() => app.store.count('get') === 21);
    await app.clock.advance(2000);
    const answers = await Promise.all(requests);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    expect(answers[0]?.headers).toMatchObject({
      'retry-after': '1',
      'content-type': expect.stringContaining('problem'),
    });
    expect(faults()).toHaveLength(20);
    expect(active.isAvailable).toBe(true);
    expect(app.registry.stats().pinned).toBe(0);
  });

  it('answers after the 503 changes nothing any more', async () => {
    const app = await startMounted();
    const { browser } = await app.user();
    const answer = new Gate();
    app.store.beforeGet = answer.opened;
    const request = browser.get('/use');
    await until(() => app.store.count('get') === 2);
    await app.clock.advance(2000);
    expect((await request).status).toBe(503);
    answer.open();
    await app.clock.advance(1);
    expect(app.registry.stats().pinned).toBe(0);
    expect(faults()).toHaveLength(1);
  });

  it('cannot write still lets the session work, for as long as its cookie is known', async () => {
    const app = await startMounted();
    app.store.failures.set = new Error('the disk is full');
    const browser = app.browser();
    expect((await browser.get('/use')).status).toBe(200);
    expect(faults()).toEqual([expect.stringMatching(/could not be saved: .*the disk is full/)]);
    // What was not stored is not found again: the browser gets another one, and the orphan ends as such.
    delete app.store.failures.set;
    const next = await app.enter(browser);
    await app.clock.advance(2 * 60_000 + 1000);
    expect(app.registry.all()).not.toContain(next);
    expect(app.registry.all()).toEqual([]);
  });
});

describe('A store that cannot write the number of the next generation', () => {
  it('costs nothing: that session works, and is found again', async () => {
    const app = await startMounted();
    const { browser, session: first } = await app.user();
    await first.terminate();
    app.store.failures.set = new Error('the disk is full');
    // express-session reports it, and has answered.
    const { id } = (await browser.get('/use')).body as { id: string };
    app.registry.get(id)?.properties.set('kept', true);
    delete app.store.failures.set;
    const found = await app.enter(browser);
    expect([found.generation, found.properties.get('kept')]).toEqual([2, true]);
    expect(app.registry.stats()).toMatchObject({ sessions: 1, groups: 1, created: 2 });
    faults();
  });
});

describe('The option `identify`', () => {
  it('needs no store: one that fails is none of its business', async () => {
    const app = await start({
      handlers,
      options: { userSession: undefined, identify: ({ headers }) => headers.authorization },
    });
    const alice = { headers: { authorization: 'alice' } };
    const first = (await app.browser().get('/use', alice)).body;
    expect((await app.browser().get('/use', alice)).body).toEqual(first);
    expect((await app.browser().get('/look')).body).toEqual({ isAvailable: false });
  });
});

describe('A request that is answered because its store is silent', () => {
  it('is in its own asynchronous context: error handlers and logs find the id of the request', async () => {
    const requestIds = new AsyncLocalStorage<string>();
    const server = express();
    // Before all that the module mounts.
    server.use((_req: Request, _res: Response, next: NextFunction) => requestIds.run('request 1', next));
    const store = new RecordingStore();
    const clock = new FakeClock();
    const builder = Test.createTestingModule({
      imports: [
        ActiveSessionModule.forRoot({ userSession: { secret: SECRET, store }, userSessionTimeoutMs: 100, clock }),
      ],
    });
    const app = await makeApp(builder, new ExpressAdapter(server));
    const seen: unknown[] = [];
    app.use((_error: unknown, _req: Request, res: Response, _next: NextFunction) => {
      seen.push(requestIds.getStore());
      res.sendStatus(503);
    });
    await app.listen(0, '127.0.0.1');
    store.beforeGet = new Gate().opened;
    const signature = createHmac('sha256', SECRET).update('one').digest('base64').replace(/=+$/, '');
    const cookie = `connect.sid=${encodeURIComponent(`s:one.${signature}`)}`;
    const answer = new Browser(await app.getUrl()).get('/', { headers: { cookie } });
    await until(() => store.count('get') === 1);
    await clock.advance(100);
    expect((await answer).status).toBe(503);
    await app.close();
    expect(seen).toEqual(['request 1']);
    faults();
  });
});
