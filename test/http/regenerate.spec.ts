import { describe, expect, it } from '@jest/globals';
import type { NextFunction, Request, Response } from 'express';
import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import session from 'express-session';
import { getActiveSession, requestSignal, type OnRegenerate } from 'nestjs-active-session';
import { done } from '../support/done.js';
import { Gate, until, untilAborted } from '../support/gate.js';
import { RawClient } from '../support/raw-client.js';
import { ChangingStore, RecordingStore } from '../support/recording-store.js';
import { useSessionApps } from '../support/session-app.js';
import { SECRET } from '../support/test-app.js';
import { keepAtLogin, login, Shop, startLoginApp, visitor, type LoginApp, type LoginAppOptions } from './login-app.js';

const { start, faults } = useSessionApps();
const startScene = (options?: LoginAppOptions): Promise<LoginApp> => startLoginApp(start, options);

describe("Passport's login, where `onRegenerate` keeps what an anonymous visitor had", () => {
  it.each([false, true])(
    'takes session, services and runners over to the new id (keepSessionInfo: %s)',
    async (keepSessionInfo) => {
      const app = await startScene({ keepSessionInfo });
      const { browser, session } = await visitor(app);
      const { key } = (await browser.post('/runners')).body;
      const cookie = browser.cookies.get('connect.sid');

      const { body } = await login(browser, 'alice');
      expect(body).toEqual({ user: 'alice', id: session.id, generation: 1, items: ['shoes'] });
      expect(browser.cookies.get('connect.sid')).not.toBe(cookie);
      expect((await browser.get('/view')).body).toEqual(body);
      expect((await browser.get(`/runners/${key}`)).status).toBe(200);
      expect(app.registry.get(session.id)).toBe(session);
      expect(session.isAvailable).toBe(true);
      expect(app.groups.all()).toEqual([session.group]);
    },
  );

  it('takes over all sessions of the visitor', async () => {
    const app = await startScene();
    const { browser, session } = await visitor(app);
    const tab = await app.enter(browser, 'tab');
    await login(browser, 'alice');
    expect((await browser.get('/view?tab=tab')).body.id).toBe(tab.id);
    expect([session, tab].map(({ isAvailable }) => isAvailable)).toEqual([true, true]);
  });

  it('leaves nothing behind under the old cookie', async () => {
    const app = await startScene();
    const { browser, session } = await visitor(app);
    const { key } = (await browser.post('/runners')).body;
    const thief = browser.clone();
    await login(browser, 'alice');
    expect((await thief.get(`/runners/${key}`)).status).toBe(410);
    expect((await thief.get('/view')).body).toMatchObject({ items: [] });
    expect((await thief.get('/view')).body.id).not.toBe(session.id);
  });

  it.each([false, true])(
    'counts generations on, and keeps the id for the processes that follow (keepSessionInfo: %s)',
    async (keepSessionInfo) => {
      const store = new RecordingStore();
      const app = await startScene({ store, keepSessionInfo });
      const { browser, session } = await visitor(app);
      await session.terminate();
      expect((await browser.get('/view')).body.generation).toBe(2);
      await login(browser, 'alice');
      await app.app.close();

      for (const generation of [3, 4]) {
        const after = await startScene({ store });
        const back = browser.clone(after.url);
        expect((await back.get('/view')).body).toEqual({ user: 'alice', id: session.id, generation, items: [] });
        expect(after.registry.get(session.id)?.generation).toBe(generation);
        await after.app.close();
      }
    },
  );

  it('keeps the id also where nobody has asked for it before', async () => {
    let used = 0;
    const app = await startScene({ genid: () => (used++ === 0 ? 'the first' : 'the second') });
    const browser = app.browser();
    await browser.get('/add?item=shoes');
    await login(browser, 'alice');
    const [session] = app.registry.all();

    const twin = await start({ options: { userSession: undefined, identify: () => 'the first' } });
    expect(session?.id).toBe((await twin.enter(twin.browser())).id);
  });

  it.each<OnRegenerate>(['end', keepAtLogin])(
    'leaves nothing of the old user session in the store: %s',
    async (onRegenerate) => {
      const app = await startScene({ onRegenerate });
      const { browser } = await visitor(app);
      const [before] = app.store.blobs.keys();
      await login(browser, 'alice');
      expect([...app.store.blobs.keys()]).toEqual([expect.not.stringContaining(before ?? '')]);
    },
  );

  it('ends everything at the logout', async () => {
    const app = await startScene();
    const { browser, session } = await visitor(app);
    await login(browser, 'alice');
    const { body } = await browser.get('/logout');
    expect(body).toMatchObject({ items: [] });
    expect(body.id).not.toBe(session.id);
    expect(session.endReason).toBe('user-session-ended');
    await session.cleanupCompletion;
    expect(app.groups.all()).toHaveLength(1);
  });

  it('gives nobody the session of another user, who logs in over the one that is there', async () => {
    const app = await startScene();
    const { browser, session } = await visitor(app);
    await login(browser, 'alice');
    expect((await login(browser, 'bob')).body).toMatchObject({ user: 'bob', items: [] });
    expect(session.endReason).toBe('user-session-ended');
  });

  it('keeps the session of a visitor whose login fails', async () => {
    const app = await startScene();
    const { browser, session } = await visitor(app);
    expect((await login(browser, 'alice', 'wrong')).status).toBe(401);
    expect((await browser.get('/view')).body.items).toEqual(['shoes']);
    expect(session.isAvailable).toBe(true);
  });
});

describe('A request with a planted cookie that is in flight while the visitor logs in', () => {
  it.each(['/poll', '/nest/poll'])('is answered 410 at once, whatever its handler holds and says: %s', async (path) => {
    const app = await startScene();
    const { browser, session } = await visitor(app);
    const poll = browser.clone().get(path);
    await until(() => app.waiting() === 1);
    await login(browser, 'alice');
    const answer = await poll;
    expect(answer).toMatchObject({ status: 410, body: { code: 'SESSION_ENDED' } });
    expect(answer.headers['content-type']).toContain('application/problem+json');
    for (const name of ['set-cookie', 'etag']) expect(answer.headers).not.toHaveProperty(name);

    await browser.get('/add?item=secret');
    app.gate.open();
    await app.requestsOver();
    await until(() => app.over() === 1);
    expect(session.isAvailable).toBe(true);
    expect(faults()).toEqual([]);
  });

  it('finds the session no more: what was injected into its services says so', async () => {
    const seen: unknown[] = [];
    const app: LoginApp = await startScene({
      handlers: {
        wait: async () => {
          const { cart } = app.app.get(Shop);
          seen.push(cart.items.length);
          await app.gate.opened;
          try {
            seen.push(cart.items);
          } catch (error) {
            seen.push((error as { code: string }).code);
          }
        },
      },
    });
    const { browser } = await visitor(app);
    const wait = browser.clone().get('/wait');
    await until(() => seen.length === 1);
    await login(browser, 'alice');
    expect((await wait).status).toBe(410);
    app.gate.open();
    await until(() => seen.length === 2);
    expect(seen).toEqual([1, 'SESSION_ENDED']);
  });

  it('makes way for others: reads that wait answer, to nobody', async () => {
    const statuses: string[] = [];
    const app = await startScene({
      handlers: {
        wait: async (req) => {
          const runner = getActiveSession(req).createProcessRunner((_report, signal) => untilAborted(signal));
          statuses.push('waits');
          statuses.push((await runner.getRequired()).status);
        },
      },
    });
    const { browser } = await visitor(app);
    const wait = browser.clone().get('/wait');
    await until(() => statuses.length === 1);
    await login(browser, 'alice');
    expect((await wait).status).toBe(410);
    await until(() => statuses.length === 2);
    expect(statuses).toEqual(['waits', 'stalled']);
  });

  it('is cut off where it is a stream', async () => {
    const app = await startScene();
    const { browser } = await visitor(app);
    const client = new RawClient(app.url);
    client.send({ path: '/stream', cookie: browser.cookie });
    await client.until('stream: ');
    await login(browser, 'alice');
    await client.closed();
    await browser.get('/add?item=secret');
    app.gate.open();
    await app.requestsOver();
    expect(client.received).not.toContain('secret');
  });

  it('is cut off where it has begun to answer, also where middleware holds that back', async () => {
    const app = await startScene({
      configure: (nest) =>
        nest.use((_req: Request, res: Response, next: NextFunction) => {
          const end = res.end.bind(res) as (...args: unknown[]) => Response;
          const held: unknown[] = [];
          res.write = (chunk: unknown) => held.push(chunk) > 0;
          res.end = (...args: unknown[]) => end([...held, ...args].join(''));
          next();
        }),
    });
    const { browser } = await visitor(app);
    const client = new RawClient(app.url);
    client.send({ path: '/stream', cookie: browser.cookie });
    await until(() => app.waiting() === 1);
    await login(browser, 'alice');
    await client.closed();
    expect(client.received).toBe('');
    app.gate.open();
  });

  it('is answered also through middleware that puts the end of answers off, as compression does', async () => {
    const app = await startScene({
      configure: (nest) =>
        nest.use((_req: Request, res: Response, next: NextFunction) => {
          const end = res.end.bind(res) as (...args: unknown[]) => Response;
          res.end = (...args: unknown[]) => {
            setImmediate(() => end(...args));
            return res;
          };
          next();
        }),
    });
    const { browser } = await visitor(app);
    const poll = browser.clone().get('/poll');
    await until(() => app.waiting() === 1);
    await login(browser, 'alice');
    expect(await poll).toMatchObject({ status: 410, body: { code: 'SESSION_ENDED' } });
    app.gate.open();
  });

  it('has its answer where that is complete, and only waits for its store', async () => {
    const app = await startScene();
    const { browser } = await visitor(app);
    const touched = new Gate();
    app.store.beforeTouch = touched.opened;
    const touches = app.store.count('touch');
    const view = browser.clone().get('/view');
    // express-session holds the last byte back.
    await until(() => app.store.count('touch') > touches);
    app.store.beforeTouch = undefined;
    await login(browser, 'alice');
    touched.open();
    const { status, body } = await view;
    expect([status, body.user, body.items]).toEqual([200, undefined, ['shoes']]);
  });

  it('has its answer where that is complete, and waits for the user session to be saved', async () => {
    const app = await startScene({ handlers: { note: (req) => void Object.assign(req.session, { note: 'visited' }) } });
    const browser = app.browser();
    await browser.get('/note');
    const saved = new Gate();
    app.store.beforeSet = saved.opened;
    const first = browser.clone().get('/view');
    await until(() => app.viewed() === 1);
    app.store.beforeSet = undefined;
    expect((await login(browser, 'alice')).status).toBe(200);
    saved.open();
    const { status, headers, body } = await first;
    expect([status, body.user, body.items]).toEqual([200, undefined, []]);
    expect(headers['content-type']).toContain('application/json');
  });

  it('is not in the context of the login when its answer is taken away', async () => {
    const seen: unknown[] = [];
    const app: LoginApp = await startScene({
      handlers: {
        hold: async (req, res) => {
          getActiveSession(req);
          res.on('finish', () => {
            try {
              app.app.get(Shop).cart.items.push('by the thief');
            } catch (error) {
              seen.push((error as { code: string }).code);
            }
          });
          await app.gate.opened;
        },
      },
    });
    const { browser } = await visitor(app);
    const hold = browser.clone().get('/hold');
    await until(() => app.registry.stats().pinned === 1);
    await login(browser, 'alice');
    expect((await hold).status).toBe(410);
    expect(seen).toEqual(['SESSION_ENDED']);
    expect((await browser.get('/view')).body.items).toEqual(['shoes']);
    app.gate.open();
  });

  it('is as if its client had gone: its signal aborts, and what it waits for comes', async () => {
    const seen: unknown[] = [];
    const app: LoginApp = await startScene({
      handlers: {
        hold: async (req, res) => {
          getActiveSession(req);
          const signal = requestSignal(req);
          await app.gate.opened;
          seen.push(signal.aborted, requestSignal(req).aborted);
          seen.push(await new Promise((resolve) => res.write('data', resolve)));
          seen.push(await new Promise((resolve) => res.end('data', resolve as () => void)));
          seen.push(res.write('more'));
        },
      },
    });
    const { browser } = await visitor(app);
    const hold = browser.clone().get('/hold');
    await until(() => app.registry.stats().pinned === 1);
    await login(browser, 'alice');
    await hold;
    await app.requestsOver();
    app.gate.open();
    await until(() => seen.length === 5);
    expect(seen).toEqual([true, true, expect.any(Error), expect.any(Error), false]);
  });

  it('has no headers of its handler, but those of CORS', async () => {
    const app: LoginApp = await startScene({
      handlers: {
        hold: async (req, res) => {
          getActiveSession(req);
          res.setHeader('Access-Control-Allow-Origin', 'https://shop.example');
          for (const name of ['X-Accel-Redirect', 'Set-Cookie', 'Transfer-Encoding', 'X-Secret'])
            res.setHeader(name, 'chunked');
          res.statusMessage = 'Fine';
          await app.gate.opened;
        },
      },
    });
    const { browser } = await visitor(app);
    const client = new RawClient(app.url);
    client.send({ path: '/hold', cookie: browser.cookie });
    await until(() => app.registry.stats().pinned === 1);
    await login(browser, 'alice');
    await client.closed();
    expect(client.received).toMatch(/^HTTP\/1\.1 410 Gone\r\n/);
    expect(client.received).toContain('Access-Control-Allow-Origin: https://shop.example');
    expect(client.received).not.toMatch(/X-Accel|Set-Cookie|X-Secret|Fine/);
    expect(client.received).toMatch(/\r\n\r\n\{[^\r\n]*"code":"SESSION_ENDED"[^\r\n]*\}$/);
    app.gate.open();
  });

  it('is cut off where no answer can be sent, and the login goes on', async () => {
    const app: LoginApp = await startScene({
      handlers: {
        hold: async (req, res) => {
          getActiveSession(req);
          res.writeHead = () => {
            throw new Error('not now');
          };
          await app.gate.opened;
        },
      },
    });
    const { browser } = await visitor(app);
    const hold = browser.clone().get('/hold');
    await until(() => app.registry.stats().pinned === 1);
    const cut = expect(hold).rejects.toThrow('socket hang up');
    expect((await login(browser, 'alice')).body.items).toEqual(['shoes']);
    await cut;
    expect(faults()).toEqual([expect.stringMatching(/could not be withheld, and was cut off: not now/)]);
    app.gate.open();
  });

  it('keeps none of its pins: the session idles out when its owner has gone', async () => {
    const app = await startScene();
    const { browser, session } = await visitor(app);
    const poll = browser.clone().get('/poll');
    await until(() => app.waiting() === 1);
    await login(browser, 'alice');
    await poll;
    await app.requestsOver();
    await app.clock.advance(21 * 60_000);
    expect(session.endReason).toBe('idle');
    app.gate.open();
  });
});

describe('A request with the old cookie that comes while the login is still being answered', () => {
  it('gets no session, whose cookie would take the place of the new one', async () => {
    const answered = new Gate();
    const app = await startScene({
      handlers: {
        slow: async (req) => {
          await done((callback) => req.logIn({ name: 'alice' }, callback));
          await answered.opened;
          return null;
        },
      },
    });
    const { browser } = await visitor(app);
    const late = browser.clone();
    const slow = browser.get('/slow');
    await until(() => app.store.count('destroy') === 1 && app.store.blobs.size === 1);
    const answer = await late.get('/view');
    expect([answer.status, answer.headers['set-cookie']]).toEqual([410, undefined]);
    answered.open();
    await slow;
    expect((await browser.get('/view')).body).toMatchObject({ user: 'alice', items: ['shoes'] });
    // Whoever still has the old cookie later is a visitor like any other.
    expect((await late.get('/view')).body).toMatchObject({ items: [] });
  });
});

describe('A request with the old cookie', () => {
  it('that was being read while the login was answered gets no session', async () => {
    const app = await startScene();
    const { browser } = await visitor(app);
    const read = new Gate();
    app.store.beforeGet = read.opened;
    const gets = app.store.count('get');
    const late = browser.clone().get('/view');
    await until(() => app.store.count('get') > gets);
    app.store.beforeGet = undefined;
    await login(browser, 'alice');
    read.open();
    const answer = await late;
    expect([answer.status, answer.headers['set-cookie']]).toEqual([410, undefined]);
    expect((await browser.get('/view')).body).toMatchObject({ user: 'alice', items: ['shoes'] });
  });

  it('gets none while a request changes the id twice', async () => {
    const answered = new Gate();
    let changed = false;
    const app = await startScene({
      onRegenerate: () => 'keep',
      handlers: {
        twice: async (req) => {
          for (let time = 0; time < 2; time++) await done((callback) => req.session.regenerate(callback));
          Object.assign(req.session, { note: 'twice' });
          changed = true;
          await answered.opened;
        },
      },
    });
    const { browser } = await visitor(app);
    const late = browser.clone();
    const twice = browser.get('/twice');
    await until(() => changed);
    const answer = await late.get('/view');
    expect([answer.status, answer.headers['set-cookie']]).toEqual([410, undefined]);
    answered.open();
    await twice;
    expect((await browser.get('/view')).body.items).toEqual(['shoes']);
  });

  it('gets none of a user session that is being destroyed, also where express-session comes after the module', async () => {
    const store = new RecordingStore();
    @Module({})
    class LateSessions implements NestModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(session({ secret: SECRET, store, resave: false, saveUninitialized: false })).forRoutes('*path');
      }
    }
    const app = await start({
      options: { userSession: undefined },
      metadata: { imports: [LateSessions] },
      handlers: { logout: (req) => done((callback) => req.session.destroy(callback)) },
    });
    const { browser } = await app.user();
    const destroyed = new Gate();
    store.beforeDestroy = destroyed.opened;
    const logout = browser.clone().get('/logout');
    await until(() => store.count('destroy') === 1);
    expect((await browser.get('/use')).status).toBe(410);
    expect(app.groups.all()).toEqual([]);
    destroyed.open();
    await logout;
  });
});

describe('onRegenerate', () => {
  it("is 'end' unless told otherwise", async () => {
    const app = await startScene({ onRegenerate: 'end' });
    const { browser, session } = await visitor(app);
    expect((await login(browser, 'alice')).body).toMatchObject({ user: 'alice', items: [] });
    expect(session.endReason).toBe('user-session-ended');
  });

  it('is asked before the change, with the old user session', async () => {
    const asked: unknown[] = [];
    const app = await startScene({
      onRegenerate: ({ user, session, sessionID }) => {
        asked.push([user?.name, session.passport?.user, typeof sessionID]);
        return 'end';
      },
    });
    const { browser } = await visitor(app);
    await login(browser, 'alice');
    await login(browser, 'bob');
    await browser.get('/logout');
    expect(asked).toEqual([
      ['alice', undefined, 'string'],
      ['bob', 'alice', 'string'],
      [undefined, undefined, 'string'],
    ]);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      /"onRegenerate" has thrown.*broken/,
    ],
    [
      'returns a promise',
      () => Promise.resolve('keep'),
      /"onRegenerate" to return 'end' or 'keep', at once, got object/,
    ],
    ['returns nothing', () => undefined, /"onRegenerate" to return 'end' or 'keep', at once, got undefined/],
  ])('ends the sessions, and the log says why, where it %s', async (_what, decide, message) => {
    const app = await startScene({ onRegenerate: decide as () => 'end' });
    const { browser, session } = await visitor(app);
    expect((await login(browser, 'alice')).body.items).toEqual([]);
    expect(session.endReason).toBe('user-session-ended');
    expect(faults()).toEqual([expect.stringMatching(message)]);
  });

  it('ends the sessions where the headers have gone out: the browser could not be told the new id', async () => {
    const app = await startScene({
      handlers: {
        late: async (req, res) => {
          res.write('headers, ');
          await done((callback) => req.logIn({ name: 'alice' }, callback));
          res.end('over');
        },
      },
    });
    const { browser, session } = await visitor(app);
    await browser.get('/late');
    expect(session.endReason).toBe('user-session-ended');
  });

  it.each<OnRegenerate>(['end', keepAtLogin])(
    'ends the sessions where the store cannot change the id: %s',
    async (onRegenerate) => {
      const app = await startScene({ onRegenerate });
      const { browser, session } = await visitor(app);
      app.store.failures.destroy = new Error('the disk is full');
      expect((await login(browser, 'alice')).status).toBe(500);
      expect(session.endReason).toBe('user-session-ended');
      expect(faults()).toEqual([expect.stringContaining('the disk is full')]);
      // The old user session is still there, and so its owner can go on.
      delete app.store.failures.destroy;
      expect((await browser.get('/view')).status).toBe(200);
      expect((await login(browser, 'alice')).body.user).toBe('alice');
    },
  );

  it('ends the sessions where the answer has begun before the new id was there', async () => {
    const app: LoginApp = await startScene({
      onRegenerate: () => 'keep',
      handlers: {
        early: (req, res) => {
          const changed = done((callback) => req.session.regenerate(callback));
          res.write('headers, ');
          return changed.then(() => res.end('over'));
        },
      },
    });
    const { browser, session } = await visitor(app);
    await browser.get('/early');
    expect(session.endReason).toBe('user-session-ended');
    await app.requestsOver();
    expect(app.registry.stats()).toMatchObject({ sessions: 0, groups: 0 });
  });

  it('may end the sessions itself', async () => {
    const app: LoginApp = await startScene({
      onRegenerate: (req) => {
        void getActiveSession(req).group.terminate();
        return 'keep';
      },
    });
    const { browser, session } = await visitor(app);
    expect((await login(browser, 'alice')).body.items).toEqual([]);
    expect(session.endReason).toBe('terminated');
    expect(app.groups.all().map(({ isAvailable }) => isAvailable)).toEqual([true]);
  });

  it('is not asked by a login that the application handles before the module: the sessions end', async () => {
    const app = await startScene({
      store: new ChangingStore(),
      configure: (nest) =>
        nest.use('/early', (req: Request, res: Response, next: NextFunction) => {
          req.logIn({ name: 'alice' }, (error) => (error === undefined ? res.json('in') : next(error)));
        }),
    });
    const { browser, session } = await visitor(app);
    expect((await browser.get('/early')).body).toBe('in');
    expect(session.endReason).toBe('user-session-ended');
    expect((await browser.get('/view')).body).toMatchObject({ user: 'alice', items: [] });
  });

  it.each<[string, (store: RecordingStore) => void]>([
    [
      'throws',
      (store) =>
        (store.destroy = () => {
          throw new Error('no connection');
        }),
    ],
    ['says nothing', (store) => (store.destroy = () => undefined)],
  ])('leaves the old user session to its owner where the store %s', async (how, breakStore) => {
    const store = new RecordingStore();
    const app = await startScene({ store });
    // Broken before the module sees it: what it wraps is what does not work.
    const { destroy } = store;
    breakStore(store);
    const { browser, session } = await visitor(app);
    const gone = new AbortController();
    const attempt = browser.post('/login', { username: 'alice', password: 'right' }, { signal: gone.signal });
    const ended = attempt.then(({ status }) => status).catch(() => 'gone');
    await until(() => !session.isAvailable || app.registry.stats().pinned === 1);
    // A store that throws has said so.
    if (how !== 'throws') await app.clock.advance(5_000);
    await until(() => !session.isAvailable);
    expect(session.endReason).toBe('user-session-ended');
    gone.abort();
    expect(['gone', 500]).toContain(await ended);
    faults();
    expect((await browser.get('/view')).status).toBe(200);
    store.destroy = destroy;
  });

  it('gives nobody the id of whom it kept, also where the application copies user sessions', async () => {
    const app = await startScene({ keepSessionInfo: true });
    const { browser, session } = await visitor(app);
    const alice = (await login(browser, 'alice')).body;
    const nobody = (await browser.get('/logout')).body;
    const bob = (await login(browser, 'bob')).body;
    expect(alice.id).toBe(session.id);
    expect(nobody.id).not.toBe(alice.id);
    // Bob was the nobody, whose session he keeps.
    expect(bob.id).toBe(nobody.id);
  });

  it('gives nobody the id of whom it kept, also where the application copies what it finds', async () => {
    const app = await startScene({
      onRegenerate: ({ query }) => (query.keep === 'yes' ? 'keep' : 'end'),
      handlers: {
        change: async (req) => {
          const { activeSession } = req.session as unknown as { activeSession?: object };
          const copy = { ...activeSession };
          await done((callback) => req.session.regenerate(callback));
          if (req.query.keep !== 'yes') Object.assign(req.session, { activeSession: copy });
          else Object.assign(req.session, { note: 'kept' });
          return getActiveSession(req).id;
        },
      },
    });
    const { browser, session } = await visitor(app);
    expect((await browser.get('/change?keep=yes')).body).toBe(session.id);
    expect((await browser.get('/change')).body).not.toBe(session.id);
  });

  it('takes a session along that ends in the middle of the change: the request goes on with another', async () => {
    const app = await startScene();
    const { browser, session } = await visitor(app);
    const destroyed = new Gate();
    app.store.beforeDestroy = destroyed.opened;
    const changing = login(browser, 'alice');
    await until(() => app.store.count('destroy') === 1);
    await session.group.terminate();
    destroyed.open();
    expect((await changing).body).toMatchObject({ user: 'alice', items: [] });
    expect(app.groups.all().map(({ isAvailable }) => isAvailable)).toEqual([true]);
    expect((await browser.get('/view')).body).toMatchObject({ user: 'alice', items: [] });
  });

  it('loses no session at a shutdown in the middle of the change', async () => {
    const app = await startScene();
    const { browser, session } = await visitor(app);
    const destroyed = new Gate();
    app.store.beforeDestroy = destroyed.opened;
    const changing = login(browser, 'alice').catch(() => undefined);
    await until(() => app.store.count('destroy') === 1);
    expect(app.registry.get(session.id)).toBe(session);
    const closing = app.app.close();
    await until(() => !session.isAvailable);
    expect(session.endReason).toBe('shutdown');
    destroyed.open();
    await Promise.all([changing, closing]);
  });

  it('ends the sessions where the new id belongs to somebody already', async () => {
    const ids = ['first', 'second', 'first'];
    const app = await startScene({ genid: () => ids.shift() ?? '' });
    const [one, two] = [await visitor(app), await visitor(app)];
    await login(two.browser, 'alice');
    expect(two.session.endReason).toBe('user-session-ended');
    expect(one.session.isAvailable).toBe(true);
  });
});
