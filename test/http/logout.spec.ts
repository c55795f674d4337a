import { describe, expect, it } from '@jest/globals';
import type { Request, Response } from 'express';
import session from 'express-session';
import createFileStore from 'session-file-store';
import {
  getActiveSession,
  refreshActiveSession,
  SessionScoped,
  type ActiveSession,
  type SessionEndReason,
} from 'nestjs-active-session';
import type { Answer, Browser } from '../support/browser.js';
import { done } from '../support/done.js';
import { useFolders } from '../support/folders.js';
import { Gate, until } from '../support/gate.js';
import type { Handlers } from '../support/handlers.js';
import { ChangingStore, RecordingStore } from '../support/recording-store.js';
import { useSessionApps, type SessionApp } from '../support/session-app.js';
import { SECRET } from '../support/test-app.js';

declare module 'express-session' {
  interface SessionData {
    user?: string;
    note?: string;
  }
}

const { start, faults, notes } = useSessionApps();
const folder = useFolders();
const ended: SessionEndReason[] = [];

@SessionScoped()
class Desk {
  opened = true;
  onSessionEnd(reason: SessionEndReason): void {
    ended.push(reason);
  }
}

interface Scene extends SessionApp {
  /** Whether the store has anything of the user session that logged in last. */
  isStored(): Promise<boolean>;
  /** What a poll waits for. */
  gate: Gate;
  polls: () => number;
}

async function startScene(
  store: session.Store,
  { handlers, ...settings }: { handlers?: Handlers; resave?: boolean; rolling?: boolean; unset?: 'destroy' } = {},
): Promise<Scene> {
  ended.length = 0;
  const gate = new Gate();
  let polls = 0;
  let sid = '';
  const app = await start({
    options: { userSession: { secret: SECRET, store, ...settings } },
    metadata: { providers: [Desk] },
    handlers: {
      login: async (req) => {
        await done((callback) => req.session.regenerate(callback));
        req.session.user = 'alice';
        sid = req.sessionID;
        return { id: getActiveSession(req).id };
      },
      whoami: (req) => ({ user: req.session.user, id: getActiveSession(req).id }),
      logout: (req) => done((callback) => req.session.destroy(callback)),
      'logout-by-id': () => new Promise<void>((resolve) => store.destroy(sid, () => resolve())),
      poll: async (req) => {
        polls++;
        await gate.opened;
        return { user: req.session.user };
      },
      'poll-that-writes': async (req) => {
        polls++;
        await gate.opened;
        req.session.note = 'I was here';
        await done((callback) => req.session.save(callback));
        return { user: req.session.user };
      },
      ...handlers,
    },
  });
  const isStored = (): Promise<boolean> =>
    new Promise((resolve) => {
      store.get(sid, (error, found) => resolve(!isMissing(error) && found !== null && found !== undefined));
    });
  return { ...app, gate, polls: () => polls, isStored };
}

/** Files that are not there are an error to their store. */
function isMissing(error: unknown): boolean {
  if (error === undefined || error === null) return false;
  expect(error).toMatchObject({ code: 'ENOENT' });
  return true;
}

const FileStore = createFileStore(session);
const stores: [string, () => session.Store | Promise<session.Store>][] = [
  ['MemoryStore', () => new session.MemoryStore()],
  ['a store that answers later', () => new RecordingStore()],
  [
    'session-file-store',
    async () => new FileStore({ path: await folder(), retries: 0, reapInterval: -1, logFn: () => {} }),
  ],
];

describe.each(stores)('With %s', (_name, makeStore) => {
  it('a logout ends all sessions of the user, with their services and runners', async () => {
    const app = await startScene(await makeStore(), {
      handlers: {
        work: (req) => {
          const active = getActiveSession(req);
          active.services.get(Desk);
          return {
            key: active.createProcessRunner(
              (_report, signal) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
            ).key,
          };
        },
      },
    });
    const { browser, session: active } = await app.user();
    await browser.get('/work');
    await browser.get('/logout');
    expect(await active.cleanupCompletion).toMatchObject({ reason: 'user-session-ended', disposed: 1, leftBehind: [] });
    expect(ended).toEqual(['user-session-ended']);
    await app.requestsOver();
    expect(app.registry.stats()).toMatchObject({ sessions: 0, groups: 0 });
    const { body } = await browser.get('/use');
    expect(body.id).not.toBe(active.id);
  });

  it('a login gives the same request the session of the new user session', async () => {
    const app = await startScene(await makeStore());
    const { browser, session: anonymous } = await app.user();
    const { body } = await browser.get('/login');
    expect(body.id).not.toBe(anonymous.id);
    expect(anonymous.endReason).toBe('user-session-ended');
    expect((await browser.get('/whoami')).body).toEqual({ user: 'alice', id: body.id });
  });

  it('a login works where there was no active session before', async () => {
    const app = await startScene(await makeStore());
    const browser = app.browser();
    const { status, body } = await browser.get('/login');
    expect(status).toBe(200);
    expect((await browser.get('/whoami')).body).toEqual({ user: 'alice', id: body.id });
  });

  describe.each([
    { resave: false, rolling: false },
    { resave: true, rolling: false },
    { resave: false, rolling: true },
    { resave: true, rolling: true },
  ])('and %o', (settings) => {
    it.each(['/poll', '/poll-that-writes'])(
      '%s, answered after the logout, does not bring the login back',
      async (path) => {
        const app = await startScene(await makeStore(), settings);
        const browser = app.browser();
        await browser.get('/login');
        const stolen = browser.clone();
        const poll = browser.clone().get(path);
        await until(() => app.polls() === 1);
        await browser.get('/logout');
        app.gate.open();
        const answer = await poll;
        // The handler could still read what was there; the cookie of the old user session is not sent again.
        expect(answer).toMatchObject({ status: 200, body: { user: 'alice' } });
        expect(answer.headers['set-cookie']).toBeUndefined();
        expect((await stolen.get('/whoami')).body.user).toBeUndefined();
        expect(await app.isStored()).toBe(false);
      },
    );
  });

  it('a second logout of the same user session changes nothing: a late answer does not bring it back', async () => {
    const { app, browser, answer } = await startPolling(await makeStore());
    await browser.get('/logout');
    await browser.get('/logout-by-id');
    await answer();
    expect(await app.isStored()).toBe(false);
  });

  it('a request in flight at the logout can log in again', async () => {
    const gate = new Gate();
    let isWaiting = false;
    const app = await startScene(await makeStore(), {
      handlers: {
        again: async (req) => {
          isWaiting = true;
          await gate.opened;
          await done((callback) => req.session.regenerate(callback));
          req.session.user = 'bob';
          return { id: getActiveSession(req).id };
        },
      },
    });
    const browser = app.browser();
    await browser.get('/login');
    const again = browser.get('/again');
    await until(() => isWaiting);
    await browser.clone().get('/logout');
    gate.open();
    const { status, body } = await again;
    expect(status).toBe(200);
    expect((await browser.get('/whoami')).body).toEqual({ user: 'bob', id: body.id });
  });

  it('a request in flight at the logout cannot use the session any more, and says so', async () => {
    const gate = new Gate();
    let isWaiting = false;
    const app = await startScene(await makeStore(), {
      handlers: {
        late: async (req) => {
          isWaiting = true;
          await gate.opened;
          return { isAvailable: getActiveSession(req).isAvailable, id: getActiveSession(req).id };
        },
      },
    });
    const browser = app.browser();
    await browser.get('/login');
    await app.requestsOver();
    await app.registry.all()[0]?.terminate();
    const late = browser.get('/late');
    await until(() => isWaiting);
    await browser.clone().get('/logout');
    gate.open();
    expect(await late).toMatchObject({ status: 410, body: { code: 'SESSION_ENDED' } });
    expect(app.registry.all()).toEqual([]);
  });
});

describe('A user session that ends otherwise', () => {
  const ends: [string, (store: session.Store, sid: string) => Promise<void>][] = [
    ['by an administrator who destroys it', (store, sid) => done((callback) => store.destroy(sid, callback))],
    ['by clearing the store', (store) => done((callback) => store.clear?.(callback))],
  ];
  it.each(stores.flatMap(([name, makeStore]) => ends.map(([how, end]) => [how, name, end, makeStore] as const)))(
    '%s takes its sessions along, and the next request is somebody new: %s',
    async (_how, _name, end, makeStore) => {
      const store = await makeStore();
      const app = await startScene(store, { handlers: { sid: (req) => [getActiveSession(req).id, req.sessionID] } });
      const { browser, session: active } = await app.user();
      const [id, sid] = (await browser.get('/sid')).body as [string, string];
      await end(store, sid);
      expect([id, active.endReason]).toEqual([active.id, 'user-session-ended']);
      expect((await browser.get('/use')).body.id).not.toBe(id);
    },
  );

  it('by `req.session = null` with unset: destroy', async () => {
    const app = await startScene(new RecordingStore(), {
      unset: 'destroy',
      handlers: { drop: (req) => void Reflect.set(req, 'session', null) },
    });
    const { browser, session: active } = await app.user();
    await browser.get('/drop');
    expect(active.endReason).toBe('user-session-ended');
  });

  it('by clearing the store is not undone by a poll that saves', async () => {
    const store = new session.MemoryStore();
    const app = await startScene(store);
    const browser = app.browser();
    await browser.get('/login');
    const poll = browser.get('/poll-that-writes');
    await until(() => app.polls() === 1);
    await done((callback) => store.clear(callback));
    app.gate.open();
    await poll;
    expect((await browser.get('/whoami')).body.user).toBeUndefined();
    expect(await app.isStored()).toBe(false);
  });
});

describe('A request that comes while the store is still destroying the user session', () => {
  it('gets no session of it', async () => {
    const store = new RecordingStore();
    const app = await startScene(store);
    const browser = app.browser();
    await browser.get('/login');
    const destroyed = new Gate();
    store.beforeDestroy = destroyed.opened;
    const logout = browser.clone().get('/logout');
    await until(() => store.count('destroy') === 2);
    expect(await browser.clone().get('/whoami')).toMatchObject({ status: 410, body: { code: 'SESSION_ENDED' } });
    destroyed.open();
    await logout;
    expect(app.registry.all()).toEqual([]);
  });
});

describe('A logout that the store cannot do', () => {
  it('ends the sessions, and leaves its user with a user session that works', async () => {
    const store = new RecordingStore();
    const app = await startScene(store);
    const browser = app.browser();
    const { body } = await browser.get('/login');
    store.failures.destroy = new Error('the disk is full');
    expect((await browser.get('/logout')).status).toBe(500);
    expect(faults()).toEqual([expect.stringContaining('the disk is full')]);
    expect(app.registry.all()).toEqual([]);
    delete store.failures.destroy;
    expect((await browser.get('/whoami')).body).toEqual({ user: 'alice', id: body.id });
    expect((await browser.get('/logout')).status).toBe(200);
    expect((await browser.get('/whoami')).body.user).toBeUndefined();
  });
});

describe('A store that gives promises to who gives no callback', () => {
  class PromisingStore extends RecordingStore {
    /** As connect-redis does it: with a callback that has the error, without one the promise rejects. */
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- that is what this store is about
    override destroy(sid: string, callback?: (error?: unknown) => void): Promise<void> {
      const destroyed = done((settle) => super.destroy(sid, settle));
      return callback === undefined ? destroyed : destroyed.then(() => callback(), callback);
    }
  }

  it('ends sessions, and gives its errors to who has asked', async () => {
    const store = new PromisingStore();
    const app = await startScene(store);
    const browser = app.browser();
    const { body } = await browser.get('/login');
    const [sid = ''] = store.blobs.keys();
    store.failures.destroy = new Error('the disk is full');
    await expect(store.destroy(sid)).rejects.toThrow('the disk is full');
    expect(app.registry.all()).toEqual([]);
    // What the store could not end, goes on.
    expect((await browser.get('/whoami')).body).toEqual({ user: 'alice', id: body.id });
    delete store.failures.destroy;
    await store.destroy(sid);
    expect((await browser.get('/whoami')).body.user).toBeUndefined();
  });
});

describe('Two logouts of one user session', () => {
  it('have ended it where one of them could, though the other fails later', async () => {
    const store = new RecordingStore();
    const { app, answer } = await startPolling(store);
    const [sid = ''] = store.blobs.keys();
    const slow = new Gate();
    store.beforeDestroy = slow.opened;
    const failing = done((callback) => store.destroy(sid, callback));
    store.beforeDestroy = undefined;
    await done((callback) => store.destroy(sid, callback));
    store.failures.destroy = new Error('the disk is full');
    slow.open();
    await expect(failing).rejects.toThrow('the disk is full');
    await answer();
    expect(await app.isStored()).toBe(false);
  });

  it('hand on what the store says', async () => {
    const store = new RecordingStore();
    const app = await startScene(store);
    store.clear = (callback) => (callback as ((...results: unknown[]) => void) | undefined)?.(undefined, 7);
    await app.user();
    const results = await new Promise<unknown[]>((resolve) => store.clear((...all: unknown[]) => resolve(all)));
    expect(results).toEqual([undefined, 7]);
  });
});

describe('A store that changes ids in its own way', () => {
  it('ends sessions, too', async () => {
    const app = await startScene(new ChangingStore());
    const { browser, session: anonymous } = await app.user();
    const { body } = await browser.get('/login');
    expect(anonymous.endReason).toBe('user-session-ended');
    expect((await browser.get('/whoami')).body).toEqual({ user: 'alice', id: body.id });
    expect(app.registry.all()).toHaveLength(1);
  });
});

/** Somebody who has logged in, and whose poll is going to write to the user session when the gate opens. */
async function startPolling(
  store: session.Store,
): Promise<{ app: Scene; browser: Browser; answer(): Promise<Answer> }> {
  const app = await startScene(store);
  const browser = app.browser();
  await browser.get('/login');
  const poll = browser.clone().get('/poll-that-writes');
  await until(() => app.polls() === 1);
  const answer = (): Promise<Answer> => {
    app.gate.open();
    return poll;
  };
  return { app, browser, answer };
}

describe('A late answer does not bring a login back', () => {
  it.each<[string, Error]>([
    ['where the store fails at a second logout', new Error('the disk is full')],
    ['where the store says at a second logout that there is nothing', Object.assign(new Error(), { code: 'ENOENT' })],
  ])('%s', async (_when, error) => {
    const store = new RecordingStore();
    const { app, browser, answer } = await startPolling(store);
    await browser.get('/logout');
    store.failures.destroy = error;
    await browser.get('/logout-by-id');
    await answer();
    expect(await app.isStored()).toBe(false);
  });

  it('where somebody has destroyed the user session without waiting', async () => {
    const store = new RecordingStore();
    const { app, answer } = await startPolling(store);
    store.destroy([...store.blobs.keys()][0] ?? '');
    await app.clock.advance(60_000);
    await answer();
    expect(await app.isStored()).toBe(false);
  });

  it('where the store had forgotten the user session by itself', async () => {
    const store = new RecordingStore();
    const { app, answer } = await startPolling(store);
    store.blobs.clear();
    store.failures.destroy = Object.assign(new Error('no such file'), { code: 'ENOENT' });
    await app.browser().get('/logout-by-id');
    await answer();
    expect(await app.isStored()).toBe(false);
  });
});

describe('The first answer of a session', () => {
  it('waits until the user session can be found by others', async () => {
    const store = new RecordingStore();
    const written = new Gate();
    store.beforeSet = written.opened;
    const app = await startScene(store);
    const browser = app.browser();
    let isAnswered = false;
    const first = browser.get('/use').finally(() => (isAnswered = true));
    await until(() => store.count('set') === 1);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(isAnswered).toBe(false);
    written.open();
    const { body } = await first;
    expect((await browser.get('/use')).body.id).toBe(body.id);
    expect(store.count('set')).toBe(1);
  });
});

describe('The first answer of a session, with a store that says nothing', () => {
  it('comes after userSessionTimeoutMs, and the log says why', async () => {
    const store = new RecordingStore();
    const app = await startScene(store);
    store.beforeSet = new Gate().opened;
    const first = app.browser().get('/use');
    await until(() => store.count('set') === 1);
    await app.clock.advance(5000);
    expect((await first).status).toBe(200);
    expect(faults()).toEqual([expect.stringMatching(/could not be saved: no answer within userSessionTimeoutMs/)]);
  });
});

describe('After its logout, in one request', () => {
  it('`refreshActiveSession()` says that the user session has ended', async () => {
    let seen: ActiveSession | undefined;
    const app = await startScene(new RecordingStore(), {
      handlers: {
        leave: async (req: Request, _res: Response) => {
          seen = getActiveSession(req);
          await done((callback) => req.session.destroy(callback));
          return { reason: getActiveSession(req).endReason, again: attempt(() => refreshActiveSession(req)) };
        },
      },
    });
    const { browser } = await app.user();
    const { body } = await browser.get('/leave');
    expect(body).toEqual({ reason: 'user-session-ended', again: 'SESSION_ENDED' });
    expect(seen?.isAvailable).toBe(false);
    expect(notes().filter((line) => line.includes('no user session'))).toEqual([]);
  });
});

describe('The store', () => {
  it('has its own methods back when the application has closed', async () => {
    const store = new RecordingStore();
    const before = Object.keys(store);
    const { destroy } = store;
    const app = await startScene(store);
    await app.user();
    expect(store.destroy).not.toBe(destroy);
    await app.app.close();
    expect(store.destroy).toBe(destroy);
    expect(Object.keys(store).filter((key) => key !== 'generate')).toEqual(before);
  });
});

function attempt(act: () => unknown): string {
  try {
    act();
    return 'done';
  } catch (error) {
    return (error as { code: string }).code;
  }
}
