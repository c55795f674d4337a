import { describe, expect, it } from '@jest/globals';
import type { ActiveSession } from 'nestjs-active-session';
import { done } from '../support/done.js';
import { RecordingStore } from '../support/recording-store.js';
import { SECRET } from '../support/test-app.js';
import { THROWING, type Fault } from './faults.js';
import { expectClean, useScenes, type Scene, type User } from './scene.js';

const { start, faults } = useScenes();

type Callback = (error?: unknown) => void;
type Method = 'get' | 'set' | 'touch' | 'destroy';

/** A store of which one method fails for one user: it calls back with an error, or throws. */
class FaultyStore extends RecordingStore {
  private failing: { method: Method; userSessionId: string | undefined; fail(callback: Callback): void } | undefined;

  breaks(method: Method, userSessionId: string | undefined, fault: Fault, throws: boolean): void {
    const fail = (callback: Callback): void => {
      if (throws) fault.act();
      setImmediate(() => callback(fault.thrown));
    };
    this.failing = { method, userSessionId, fail };
  }

  mends(): void {
    this.failing = undefined;
  }

  constructor() {
    super();
    for (const method of ['get', 'set', 'touch', 'destroy'] as const) {
      const sound = this[method].bind(this) as (...args: unknown[]) => void;
      this[method] = (...args: unknown[]) => {
        const { failing } = this;
        if (failing?.method !== method || ![undefined, args[0]].includes(failing.userSessionId)) sound(...args);
        else failing.fail(args.at(-1) as Callback);
      };
    }
  }
}

async function enter(): Promise<{ store: FaultyStore; scene: Scene; user: User; userSessionId: string }> {
  const store = new FaultyStore();
  const scene = await start({
    options: { userSession: { secret: SECRET, store, resave: false } },
    handlers: { logout: (req) => done((callback) => req.session.destroy(callback)) },
  });
  const known = new Set(store.blobs.keys());
  const user = await scene.user();
  const [userSessionId = ''] = [...store.blobs.keys()].filter((id) => !known.has(id));
  return { store, scene, user, userSessionId };
}

/** To a store that calls back, undefined is no error. */
const ways = [
  ...THROWING.filter(({ thrown }) => thrown !== undefined).map(
    (fault) => [`calls back: ${fault.name}`, fault, false] as const,
  ),
  ...THROWING.map((fault) => [fault.name, fault, true] as const),
];

describe('A store of user sessions', () => {
  it.each(ways)('that cannot read (%s) costs the request a 503, and no session', async (_how, fault, throws) => {
    const { store, scene, user, userSessionId } = await enter();
    store.breaks('get', userSessionId, fault, throws);
    const { status, body } = await user.browser.get('/use');
    expect([status, body.code]).toEqual([503, 'SESSION_UNAVAILABLE']);
    expect(faults()).toEqual([expect.stringMatching(/^The store of user sessions has failed: /)]);
    store.mends();
    expect(await scene.enter(user.browser)).toBe(user.session);
    expectClean(await scene.recovers(user));
  });

  it.each(ways)('that cannot write a new one (%s) lets its session work', async (_how, fault, throws) => {
    const { store, scene, user } = await enter();
    store.breaks('set', undefined, fault, throws);
    const { status, body } = await scene.browser().get('/use');
    expect(status).toBe(200);
    expect(faults()).toEqual([expect.stringMatching(/^The user session of \S{22} could not be saved: /)]);
    store.mends();
    await scene.registry.terminate(body.id as string);
    expectClean(await scene.recovers(user));
  });

  it.each(ways)('that cannot touch one (%s) costs nobody anything', async (_how, fault, throws) => {
    const { store, scene, user, userSessionId } = await enter();
    store.breaks('touch', userSessionId, fault, throws);
    expect(await scene.enter(user.browser)).toBe(user.session);
    expectClean(await scene.recovers(user));
  });

  it.each(ways)('that cannot end one (%s) ends its sessions; the user can go on', async (_how, fault, throws) => {
    const { store, scene, user, userSessionId } = await enter();
    store.breaks('destroy', userSessionId, fault, throws);
    expect((await user.browser.get('/logout')).status).toBe(500);
    // What the store has said is the handler's, and Nest logs it.
    expect(faults()).toHaveLength(1);
    expect(user.session.endReason).toBe('user-session-ended');
    const session = await scene.enter(user.browser);
    expect([session.id, session.generation]).toEqual([user.session.id, 2]);
    expectClean(await scene.recovers({ ...user, session }));
  });
});

const cookie = { originalMaxAge: null, expires: null };

describe('A user session that its store gives back as', () => {
  it.each([5, 'text', true, [], {}, { cookie: null }, { cookie: 5 }].map((record) => [JSON.stringify(record), record]))(
    '%s costs no more than its own requests, and only as long as it does',
    async (_what, record) => {
      const { store, scene, user, userSessionId } = await enter();
      const sound = store.blobs.get(userSessionId) as string;
      store.blobs.set(userSessionId, JSON.stringify(record));
      const { status } = await user.browser.get('/use');
      // express-session itself can read some of them.
      expect([200, 503]).toContain(status);
      expect(faults()).toHaveLength(status === 503 ? 1 : 0);
      store.blobs.set(userSessionId, sound);
      expect(await scene.enter(user.browser)).toBe(user.session);
      expectClean(await scene.recovers(user));
    },
  );

  const notes: [string, unknown, number][] = [
    ['nothing', null, 1],
    ['a number', 7, 1],
    ['a text', '7', 1],
    ['a list', [7], 1],
    ['a text as its generation', { n: '7' }, 1],
    ['a negative generation', { n: -7 }, 1],
    ['a generation that is no whole number', { n: 1.5 }, 1],
    ['a generation beyond all counting', { n: 1e300 }, 1],
    ['a great generation', { n: 2 ** 40 }, 2 ** 40 + 1],
    ['an id that is none', { n: 7, id: 5, of: 5 }, 8],
    ['the id of another user', { n: 7, id: 'the id of the bystander' }, 8],
    ['the id of another user, said to be its own', { n: 7, id: 'the id of the bystander', of: 'its own id' }, 8],
    ['a prototype', JSON.parse('{ "n": 7, "__proto__": { "id": "polluted" } }'), 8],
  ];

  it.each(notes)('remembering %s gives a session of its own to its user', async (_what, note, generation) => {
    const { store, scene, user, userSessionId } = await enter();
    const [bystander] = scene.registry.all().filter((session) => session !== user.session);
    await user.session.terminate();
    const activeSession = JSON.stringify(note)
      .replace('the id of the bystander', bystander?.id ?? '')
      .replace('its own id', user.session.id);
    store.blobs.set(userSessionId, `{"cookie":${JSON.stringify(cookie)},"activeSession":${activeSession}}`);
    const { status } = await user.browser.get('/use');
    expect(status).toBe(200);
    const session = scene.registry.all().find((each) => each !== bystander) as ActiveSession;
    expect(session.generation).toBe(generation);
    expect(session.stamp).not.toBe(bystander?.stamp);
    expect(scene.registry.get(bystander?.id ?? '')).toBe(bystander);
    expect(Object.hasOwn(Object.prototype, 'id')).toBe(false);
    expectClean(await scene.recovers({ ...user, session }));
  });
});
