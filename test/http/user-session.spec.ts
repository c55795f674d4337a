import { describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import session, { type SessionOptions } from 'express-session';
import {
  getActiveSession,
  type ActiveSession,
  type ActiveSessionModuleOptions,
  type UserSessionOptions,
} from 'nestjs-active-session';
import { Gate } from '../support/gate.js';
import type { Handlers } from '../support/handlers.js';
import { RawClient } from '../support/raw-client.js';
import { RecordingStore } from '../support/recording-store.js';
import { useSessionApps, type SessionApp, type SessionAppOptions } from '../support/session-app.js';
import { SECRET } from '../support/test-app.js';

const { start, faults, notes } = useSessionApps();

interface Scene extends SessionApp {
  store: RecordingStore;
}

type StartScene = (more?: SessionAppOptions, userSession?: Partial<UserSessionOptions>) => Promise<Scene>;

const mountedByModule: StartScene = async ({ options, ...more } = {}, userSession) => {
  const store = new RecordingStore();
  const app = await start({ ...more, options: { userSession: { secret: SECRET, store, ...userSession }, ...options } });
  return { ...app, store };
};

const mountedByApplication: StartScene = async ({ options, configure, ...more } = {}, userSession) => {
  const store = new RecordingStore();
  const settings = { secret: SECRET, store, resave: false, saveUninitialized: false, ...userSession } as SessionOptions;
  const app = await start({
    ...more,
    options: { userSession: undefined, ...options },
    configure: (nest) => {
      nest.use(session(settings));
      configure?.(nest);
    },
  });
  return { ...app, store };
};

/** An application that has no user sessions, but for what `middleware` makes. */
function startWithout(
  middleware: (req: Request) => void = () => {},
  options: ActiveSessionModuleOptions = {},
  handlers: Handlers = {},
): Promise<SessionApp> {
  return start({
    options: { userSession: undefined, ...options },
    handlers,
    configure: (nest) =>
      void nest.use((req: Request, _res: Response, next: NextFunction) => {
        middleware(req);
        next();
      }),
  });
}

describe.each([
  ['mounted by the module', mountedByModule],
  ['mounted by the application', mountedByApplication],
])('express-session, %s', (_how, startScene) => {
  it('gives each user a session that is found again', async () => {
    const app = await startScene();
    const { browser, session: found } = await app.user();
    expect(await app.enter(browser)).toBe(found);
    expect([...browser.cookies.keys()]).toEqual(['connect.sid']);
  });

  it('sets no cookie and stores nothing for who does not use the session', async () => {
    const app = await startScene({
      handlers: { pass: () => 'by', look: (req) => getActiveSession(req).isAvailable },
    });
    const browser = app.browser();
    await browser.get('/pass');
    await browser.get('/nowhere');
    expect([browser.cookies.size, app.store.blobs.size, app.registry.stats().created]).toEqual([0, 0, 0]);
  });

  it('stores a new user session once, with nothing but the number of the generation', async () => {
    const app = await startScene();
    const browser = app.browser();
    await app.enter(browser);
    expect(browser.cookies.size).toBe(1);
    expect(app.store.count('set')).toBe(1);
    expect(app.store.only).toEqual({ cookie: expect.anything(), activeSession: { n: 1 } });
  });

  it('is not written by who uses a session that is there', async () => {
    const app = await startScene();
    const { browser, session: found } = await app.user();
    for (let request = 0; request < 3; request++) await browser.post('/runners');
    await found.terminate();
    await app.clock.advance(24 * 60 * 60_000);
    expect([app.store.count('set'), app.store.only.activeSession]).toEqual([1, { n: 1 }]);
  });

  it("is not written by another user's request that works in, or ends, its session", async () => {
    const of: { alice?: ActiveSession } = {};
    const app = await startScene({
      handlers: {
        end: (req) => {
          getActiveSession(req).touch();
          of.alice?.createSequenceRunner([1]);
          return of.alice?.terminate();
        },
      },
    });
    const [alice, bob] = [await app.user(), await app.user()];
    of.alice = alice.session;
    const before = [[...app.store.blobs], app.store.count('set')];
    await bob.browser.get('/end');
    await app.requestsOver();
    expect([[...app.store.blobs], app.store.count('set')]).toEqual(before);
    expect([(await app.enter(alice.browser)).generation, await app.enter(bob.browser)]).toEqual([2, bob.session]);
  });

  it('keeps the session of a first request that fails', async () => {
    const app = await startScene({
      handlers: {
        fail: (req) => {
          getActiveSession(req).properties.set('kept', true);
          throw new Error('broken');
        },
      },
    });
    const browser = app.browser();
    expect((await browser.get('/fail')).status).toBe(500);
    expect(faults()).toEqual(['Error: broken']);
    expect((await app.enter(browser)).properties.get('kept')).toBe(true);
  });

  it('is written again for the next generation, with what the application has changed', async () => {
    const app = await startScene({
      handlers: {
        note: (req) => {
          (req.session as unknown as { note: string }).note = 'kept';
          return getActiveSession(req).generation;
        },
      },
    });
    const { browser, session: found } = await app.user();
    await found.terminate();
    expect((await browser.get('/note')).body).toBe(2);
    expect([app.store.count('set'), app.store.only]).toEqual([
      2,
      { cookie: expect.anything(), activeSession: { n: 2 }, note: 'kept' },
    ]);
  });

  it('never has its number made smaller', async () => {
    const app = await startScene();
    const { browser, session: found } = await app.user();
    const [[sid, blob] = ['', '']] = app.store.blobs;
    app.store.blobs.set(sid, JSON.stringify({ ...(JSON.parse(blob) as object), activeSession: { n: 50 } }));
    await app.enter(browser, 'tab');
    await found.terminate();
    expect((await app.enter(browser)).generation).toBe(2);
    expect(app.store.only.activeSession).toEqual({ n: 50 });
  });

  it('is found by others while the first response is on its way', async () => {
    const gate = new Gate();
    const app = await startScene({
      handlers: {
        stream: async (req, res) => {
          res.write(`stream of ${getActiveSession(req).id}.`);
          await gate.opened;
          res.end('over');
        },
        mine: (req) => [getActiveSession(req).id, getActiveSession(req).generation],
      },
    });
    const stream = new RawClient(app.url);
    stream.send({ path: '/stream' });
    await stream.until('.');
    await stream.until('stream of');
    const browser = app.browser();
    const [name = '', value = ''] = stream.cookie?.split('=') ?? [];
    browser.cookies.set(name, value);
    const id = /stream of (\S+)\./.exec(stream.received)?.[1];
    const answer = await browser.get('/mine');
    expect(answer.body).toEqual([id, 1]);
    expect(answer.headers).not.toHaveProperty('set-cookie');
    gate.open();
    await stream.until('over');
    await stream.vanish();
    expect(app.registry.all()).toHaveLength(1);
    expect(app.store.count('set')).toBe(1);
  });

  it('cannot be made when the headers have gone out: the message tells what to do', async () => {
    const app = await startScene({
      handlers: {
        late: (req, res) => {
          res.write('headers first, ');
          try {
            res.end(getActiveSession(req).id);
          } catch (error) {
            const { code, message } = error as { code: string; message: string };
            res.end(`${code}: ${message}`);
          }
        },
      },
    });
    const browser = app.browser();
    const { text } = await browser.get('/late');
    expect(text).toMatch(/^headers first, SESSION_UNAVAILABLE: .*before the first byte.*preload: true/);
    expect([app.registry.stats().created, browser.cookies.size]).toEqual([0, 0]);
    expect(faults()).toEqual([expect.stringMatching(/before the first byte.*preload: true/)]);
  });

  it('serves a next generation also when the headers have gone out', async () => {
    const app = await startScene({
      handlers: {
        late: (req, res) => {
          res.write('headers first, ');
          res.end(String(getActiveSession(req).generation));
        },
      },
    });
    const { browser, session: found } = await app.user();
    await found.terminate();
    expect((await browser.get('/late')).text).toBe('headers first, 2');
    expect((await app.enter(browser)).generation).toBe(2);
    expect(app.store.only.activeSession).toEqual({ n: 2 });
  });

  it('has its session before the handler with `preload: true`', async () => {
    const seen: unknown[] = [];
    const app = await startScene({
      options: { preload: true },
      handlers: {
        first: (req, res) => {
          seen.push(app.registry.all().length, app.store.blobs.size);
          res.write('headers first, ');
          res.end(getActiveSession(req).id);
        },
      },
    });
    const browser = app.browser();
    const { text } = await browser.get('/first');
    expect(seen).toEqual([1, 1]);
    expect(text).toBe(`headers first, ${app.registry.all()[0]?.id}`);
    expect((await browser.get('/use')).status).toBe(200);
    expect([app.registry.stats().created, app.store.count('set')]).toEqual([1, 1]);
  });

  it('refuses before the handler where `preload: true` meets a limit, or a suffix that is none', async () => {
    const handled: string[] = [];
    const app = await startScene({
      options: { preload: true, limits: { sessions: 1 } },
      handlers: { first: (req) => void handled.push(req.url) },
    });
    await app.user();
    const refused = await app.browser().get('/first');
    expect([refused.status, refused.body.code]).toEqual([503, 'LIMIT_REACHED']);
    expect((await app.browser().get('/first?tab=%7E')).status).toBe(400);
    expect(handled).toEqual([]);
  });

  it('works with saveUninitialized and rolling, too', async () => {
    const app = await startScene({ handlers: { pass: () => 'by' } }, { saveUninitialized: true, rolling: true });
    const browser = app.browser();
    await browser.get('/pass');
    expect([browser.cookies.size, app.registry.stats().created]).toEqual([1, 0]);
    const found = await app.enter(browser);
    expect(await app.enter(browser)).toBe(found);
    expect(app.store.only.activeSession).toEqual({ n: 1 });
  });

  it('lets requests through where the store cannot save, and tells the log', async () => {
    const app = await startScene();
    app.store.failures.set = new Error('the disk is full');
    expect((await app.browser().get('/use')).status).toBe(200);
    expect(faults()).toEqual([expect.stringMatching(/user session of \S{22} could not be saved.*the disk is full/)]);
  });

  it('does not wait for ever with `preload: true` where the store cannot save', async () => {
    const app = await startScene({ options: { preload: true } });
    app.store.failures.set = new Error('the disk is full');
    expect((await app.browser().get('/use')).status).toBe(200);
    expect(faults()).toHaveLength(1);
  });

  it('fails requests while the store cannot read, and has the sessions again afterwards', async () => {
    const app = await startScene();
    const { browser, session: found } = await app.user();
    app.store.failures.get = new Error('no connection');
    const answer = await browser.get('/use');
    // What the application mounts, fails as the application lets it.
    const isOurs = startScene === mountedByModule;
    expect([answer.status, answer.headers['retry-after']]).toEqual(isOurs ? [503, '1'] : [500, undefined]);
    expect(faults()).toEqual([
      isOurs ? 'The store of user sessions has failed: no connection' : 'Error: no connection',
    ]);
    delete app.store.failures.get;
    expect(await app.enter(browser)).toBe(found);
  });

  it('leaves requests without a session while the store is disconnected, and has them again afterwards', async () => {
    const app = await startScene();
    const { browser, session: found } = await app.user();
    app.store.emit('disconnect');
    expect((await browser.get('/use')).status).toBe(503);
    app.store.emit('connect');
    expect(await app.enter(browser)).toBe(found);
    expect(faults()).toHaveLength(1);
  });
});

describe('The module', () => {
  it('mounts express-session with safe defaults', async () => {
    const app = await mountedByModule();
    const { headers } = await app.browser().get('/use');
    expect(headers['set-cookie']?.[0]).toMatch(/^connect\.sid=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  it('hands options on, beside its defaults', async () => {
    const app = await mountedByModule({}, { name: 'shop', cookie: { path: '/', maxAge: 60_000, sameSite: 'strict' } });
    const { headers } = await app.browser().get('/use');
    expect(headers['set-cookie']?.[0]).toMatch(/^shop=[^;]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/);
  });

  it('mounts it before what the application mounts', async () => {
    const seen: unknown[] = [];
    const configure = (nest: INestApplication): void => {
      nest.use((req: Request, _res: Response, next: NextFunction) => {
        seen.push(typeof req.session, getActiveSession(req).isAvailable);
        next();
      });
    };
    const app = await mountedByModule({ configure });
    expect((await app.browser().get('/use')).status).toBe(200);
    expect(seen).toEqual(['object', false]);
  });
});

describe('An application without express-session', () => {
  it('is told both ways to have it, once, in the log', async () => {
    const app = await startWithout();
    for (let request = 0; request < 3; request++) {
      const { status, body } = await app.browser().get('/use');
      expect([status, body.code]).toEqual([503, 'SESSION_UNAVAILABLE']);
    }
    const [line, ...others] = faults();
    expect(others).toEqual([]);
    expect(line).toContain('forRoot({ userSession: { secret } })');
    expect(line).toContain('app.use(session({ secret');
    expect(line).toContain('"identify"');
  });

  it('is told what to do where it has cookie-session, or the like', async () => {
    const app = await startWithout((req) => Object.assign(req, { session: { user: 7 } }));
    for (let request = 0; request < 3; request++) expect((await app.browser().get('/use')).status).toBe(503);
    expect(faults()).toEqual([expect.stringMatching(/req\.sessionID is no string.*cookie-session.*"identify"/)]);
  });
});

describe('The option `identify`', () => {
  const byHeader: ActiveSessionModuleOptions = {
    identify: ({ headers }) => headers.authorization,
  };
  const as = (user: string) => ({ headers: { authorization: user } });

  it('names the user session, without cookies and without a store', async () => {
    const app = await startWithout(undefined, byHeader);
    const ids = [];
    for (const user of ['alice', 'alice', 'bob']) {
      const { body, headers } = await app.browser().get('/use', as(user));
      expect(headers).not.toHaveProperty('set-cookie');
      ids.push(body.id);
    }
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(app.groups.all()).toHaveLength(2);
  });

  it('leaves who it does not name without a session, which is no fault', async () => {
    const app = await startWithout(undefined, byHeader, { look: (req) => getActiveSession(req).isAvailable });
    for (let request = 0; request < 3; request++) expect((await app.browser().get('/use')).status).toBe(503);
    expect((await app.browser().get('/look')).body).toBe(false);
    expect((await app.browser().get('/look', as('alice'))).body).toBe(true);
    const lines = notes().filter((line) => line.includes('There is no active session'));
    expect(lines).toEqual([expect.stringContaining('"identify" named no user session')]);
  });

  it.each<[string, unknown]>([
    ['a promise', Promise.resolve('alice')],
    ['a number', 7],
    ['an empty text', ''],
    ['null', null],
  ])('names nobody by %s', async (_what, name) => {
    const app = await startWithout(undefined, { identify: () => name as string });
    expect((await app.browser().get('/use')).status).toBe(503);
    expect(app.registry.stats().created).toBe(0);
  });

  it('fails its request when it throws', async () => {
    const app = await startWithout(undefined, {
      identify: () => {
        throw new Error('a bad token');
      },
    });
    const { status, text } = await app.browser().get('/use');
    expect([status, text.includes('token')]).toEqual([500, false]);
    expect(faults()).toEqual(['Error: a bad token']);
  });

  it('keeps express-session out of it, where that is there, too', async () => {
    const app = await mountedByModule({ options: byHeader });
    const browser = app.browser();
    await browser.get('/use', as('alice'));
    const again = await app.browser().get('/use', as('alice'));
    expect([browser.cookies.size, app.store.calls, app.registry.stats().created]).toEqual([0, [], 1]);
    expect(again.status).toBe(200);
  });

  it('lets a session be used first after the headers', async () => {
    const app = await startWithout(undefined, byHeader, {
      late: (req, res) => {
        res.write('headers first, ');
        res.end(String(getActiveSession(req).generation));
      },
    });
    expect((await app.browser().get('/late', as('alice'))).text).toBe('headers first, 1');
  });
});
