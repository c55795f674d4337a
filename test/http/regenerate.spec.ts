import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import type { Request, RequestHandler, Response } from 'express';
import passport from 'passport';
import { Strategy } from 'passport-local';
import {
  getActiveSession,
  SessionScoped,
  type ActiveSession,
  type OnRegenerate,
  type SessionRequest,
} from 'nestjs-active-session';
import type { Answer, Browser } from '../support/browser.js';
import { done } from '../support/done.js';
import { Gate, until, untilAborted } from '../support/gate.js';
import type { Handlers } from '../support/handlers.js';
import { RawClient } from '../support/raw-client.js';
import { RecordingStore } from '../support/recording-store.js';
import { useSessionApps, type SessionApp } from '../support/session-app.js';
import { SECRET } from '../support/test-app.js';

declare module 'express-session' {
  interface SessionData {
    passport?: { user?: string };
  }
}

const { start, faults } = useSessionApps();

@SessionScoped()
class Cart {
  readonly items: string[] = [];
}

/** A singleton, to which the cart of the running code is injected. */
@Injectable()
class Shop {
  constructor(readonly cart: Cart) {}
}

/** The recipe of docs/guide/logout.md: what an anonymous visitor had is theirs after the login, and nobody else's. */
const keepAtLogin: OnRegenerate = ({ user, session }: SessionRequest) =>
  user !== undefined && user !== null && session.passport?.user === undefined ? 'keep' : 'end';

interface Scene extends SessionApp {
  store: RecordingStore;
  /** What a waiting handler waits for, and how many wait. */
  gate: Gate;
  waiting: () => number;
}

interface SceneOptions {
  onRegenerate?: OnRegenerate;
  store?: RecordingStore;
  keepSessionInfo?: boolean;
  genid?: () => string;
  handlers?: Handlers;
}

async function startScene({
  onRegenerate = keepAtLogin,
  store = new RecordingStore(),
  keepSessionInfo = false,
  genid,
  handlers,
}: SceneOptions = {}): Promise<Scene> {
  const users = new passport.Passport();
  users.use(new Strategy((name, password, done) => done(null, password === 'right' ? { name } : false)));
  users.serializeUser((user, done) => done(null, (user as { name: string }).name));
  users.deserializeUser((name: string, done) => done(null, { name }));

  const gate = new Gate();
  let waiting = 0;
  const view = (req: Request): object => {
    const { id, generation } = getActiveSession(req);
    return {
      user: (req.user as { name: string } | undefined)?.name,
      id,
      generation,
      items: app.app.get(Shop).cart.items,
    };
  };
  const app: SessionApp = await start({
    options: { userSession: { secret: SECRET, store, ...(genid !== undefined && { genid }) }, onRegenerate },
    metadata: { providers: [Cart, Shop] },
    configure: (nest) => void nest.use(users.session()),
    handlers: {
      view,
      add: (req) => void app.app.get(Shop).cart.items.push(req.query.item as string),
      login: async (req, res) => {
        const user = await authenticate(users, req, res);
        if (user === undefined) return res.status(401).json(null);
        await done((callback) => req.logIn(user, { session: true, keepSessionInfo }, callback));
        return view(req);
      },
      logout: async (req) => {
        await done((callback) => req.logout({ keepSessionInfo }, callback));
        return view(req);
      },
      // Holds the objects of its session over the wait, as a handler may.
      poll: async (req) => {
        const { items } = getActiveSession(req).services.get(Cart);
        waiting++;
        await gate.opened;
        return items;
      },
      'poll-by-injection': async () => {
        waiting += app.app.get(Shop).cart.items.length;
        await gate.opened;
        return app.app.get(Shop).cart.items;
      },
      stream: async (req, res) => {
        const { items } = getActiveSession(req).services.get(Cart);
        res.write('stream: ');
        waiting++;
        await gate.opened;
        res.end(items.join());
      },
      ...handlers,
    },
  });
  return { ...app, store, gate, waiting: () => waiting };
}

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

  it('counts generations on, and keeps the id for the next process', async () => {
    const store = new RecordingStore();
    const app = await startScene({ store });
    const { browser, session } = await visitor(app);
    await session.terminate();
    expect((await browser.get('/view')).body.generation).toBe(2);
    await login(browser, 'alice');
    await app.app.close();

    const after = await startScene({ store });
    const back = browser.clone(after.url);
    expect((await back.get('/view')).body).toEqual({ user: 'alice', id: session.id, generation: 3, items: [] });
    expect(after.registry.get(session.id)?.generation).toBe(3);
  });

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
  it.each(['/poll', '/poll-by-injection'])('is answered 410 at once, whatever its handler holds: %s', async (path) => {
    const app = await startScene();
    const { browser, session } = await visitor(app);
    const poll = browser.clone().get(path);
    await until(() => app.waiting() === 1);
    await login(browser, 'alice');
    const answer = await poll;
    expect(answer).toMatchObject({ status: 410, body: { code: 'SESSION_ENDED' } });
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.headers['set-cookie']).toBeUndefined();

    await browser.get('/add?item=secret');
    app.gate.open();
    await app.requestsOver();
    expect(session.isAvailable).toBe(true);
    expect(faults()).toEqual([]);
  });

  it('makes way for reads: those that wait answer, to nobody', async () => {
    const app = await startScene({
      handlers: {
        wait: async (req) => {
          const runner = getActiveSession(req).createProcessRunner((_report, signal) => untilAborted(signal));
          return runner.getRequired();
        },
      },
    });
    const { browser } = await visitor(app);
    const wait = browser.clone().get('/wait');
    await until(() => app.registry.stats().pinned === 1);
    await login(browser, 'alice');
    expect((await wait).status).toBe(410);
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

/** What passport-local says of the name and password in the body. */
function authenticate(users: passport.Authenticator, req: Request, res: Response): Promise<Express.User | undefined> {
  return new Promise((resolve, reject) => {
    const decide = (error: Error | null, user: Express.User | false): void => {
      if (error === null) resolve(user === false ? undefined : user);
      else reject(error);
    };
    (users.authenticate('local', decide) as RequestHandler)(req, res, reject);
  });
}

function login(browser: Browser, username: string, password = 'right'): Promise<Answer> {
  return browser.post('/login', { username, password });
}

async function visitor(app: SessionApp): Promise<{ browser: Browser; session: ActiveSession }> {
  const visitor = await app.user();
  await visitor.browser.get('/add?item=shoes');
  return visitor;
}
