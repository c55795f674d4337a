import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RunnerKey, type ActiveSession } from 'nestjs-active-session';
import { login, startLoginApp, visitor } from '../http/login-app.js';
import type { Answer, Browser } from '../support/browser.js';
import { done } from '../support/done.js';
import { howMany, SEED } from '../support/random.js';
import { RecordingStore } from '../support/recording-store.js';
import { useSessionApps, type SessionApp } from '../support/session-app.js';
import { SECRET } from '../support/test-app.js';

const { start } = useSessionApps();

/** They differ from answer to answer by themselves. */
const OWN_HEADERS = ['date', 'etag', 'set-cookie'];

/** All of an answer that tells whoever asks something. */
function seen({ status, headers, text }: Answer): object {
  const telling = Object.entries(headers).filter(([name]) => !OWN_HEADERS.includes(name));
  return { status, headers: Object.fromEntries(telling), text };
}

const startRunner = async (browser: Browser, tab = ''): Promise<string> => {
  const { body } = await browser.post(`/runners?tab=${tab}`);
  return body.key as string;
};

const read = (browser: Browser, key: string, tab = ''): Promise<Answer> =>
  browser.get(`/runners/${encodeURIComponent(key)}?tab=${tab}`);

/** The answer to somebody who has nothing, for a key that never was. */
const nothing = async (app: SessionApp): Promise<object> => {
  const answer = seen(await read(app.browser(), '0-1-AAAAAAAAAAAAAAAAAAAAAA~AAAAAAAAAAA0'));
  expect(answer).toMatchObject({ status: 410 });
  return answer;
};

describe('What is not theirs', () => {
  interface Scene {
    app: SessionApp;
    store: RecordingStore;
    browser: Browser;
    session: ActiveSession;
    key: string;
  }

  it.each<[string, (scene: Scene) => Promise<[Browser, string]> | [Browser, string]]>([
    ['the key of another user', async ({ app, key }) => [(await app.user()).browser, key]],
    ['that key, for somebody without a cookie', ({ app, key }) => [app.browser(), key]],
    [
      'the key of another user who has such a runner, too',
      async ({ app, key }) => {
        const { browser } = await app.user();
        await startRunner(browser);
        return [browser, key];
      },
    ],
    [
      'their own key with the session id of another user',
      async ({ app, session }) => {
        const { browser, session: other } = await app.user();
        return [browser, (await startRunner(browser)).replace(other.id, session.id)];
      },
    ],
    [
      'their own key with the stamp of another user',
      async ({ app, session }) => {
        const { browser, session: other } = await app.user();
        return [browser, (await startRunner(browser)).replace(other.stamp, session.stamp)];
      },
    ],
    ['a number that was never given', ({ browser, key }) => [browser, key.replace(/^0/, '7')]],
    ['a generation that is to come', ({ browser, key }) => [browser, key.replace(/^0-1/, '0-2')]],
    ['the key of another tab', async ({ browser }) => [browser, await startRunner(browser, 'other')]],
    [
      'the key of an earlier generation',
      async ({ app, browser, session, key }) => {
        await session.terminate();
        await app.enter(browser);
        await startRunner(browser);
        return [browser, key];
      },
    ],
    [
      'a stolen key of an earlier generation, with the stolen cookie of a user who has logged out',
      async ({ browser, key }) => {
        const thief = browser.clone();
        await browser.get('/logout');
        return [thief, key];
      },
    ],
    [
      'the key of a user whom the store has forgotten',
      ({ browser, store, key }) => {
        store.blobs.clear();
        return [browser, key];
      },
    ],
  ])('cannot be told from what never was: %s', async (_what, act) => {
    const store = new RecordingStore();
    const app = await start({
      options: { userSession: { secret: SECRET, store } },
      handlers: { logout: (req) => done((callback) => req.session.destroy(callback)) },
    });
    const { browser, session } = await app.user();
    const key = await startRunner(browser);
    const [who, what] = await act({ app, store, browser, session, key });
    expect(seen(await read(who, what))).toEqual(await nothing(app));
  });

  it('cannot be told either by a cookie that was planted before a login', async () => {
    const app = await startLoginApp(start);
    const { browser } = await visitor(app);
    const thief = browser.clone();
    const planted = thief.cookie;
    const before = await startRunner(browser);
    await login(browser, 'alice');
    const after = await startRunner(browser);
    const expected = await nothing(app);
    for (const key of [before, after]) {
      expect((await read(browser, key)).status).toBe(200);
      expect(seen(await read(thief, key))).toEqual(expected);
    }
    expect(thief.cookie).toBe(planted);
  });
});

describe('Random keys and cookies, made of real ones,', () => {
  const character = fc.constantFrom('A', 'B', 'z', '0', '1', '9', '_', '-', '~');

  /** Changes a text in one place. */
  const mutation = fc.oneof(
    fc.record({ kind: fc.constant('replace' as const), at: fc.nat(80), character }),
    fc.record({ kind: fc.constant('insert' as const), at: fc.nat(80), character }),
    fc.record({ kind: fc.constant('delete' as const), at: fc.nat(80), character }),
    fc.record({ kind: fc.constant('other case' as const), at: fc.nat(80), character }),
  );
  type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

  function mutate(text: string, { kind, at, character: other }: Mutation): string {
    const place = at % text.length;
    const [head, here, tail] = [text.slice(0, place), text.charAt(place), text.slice(place + 1)];
    if (kind === 'replace') return head + other + tail;
    if (kind === 'insert') return head + other + here + tail;
    if (kind === 'delete') return head + tail;
    return head + (here === here.toUpperCase() ? here.toLowerCase() : here.toUpperCase()) + tail;
  }

  /** The parts of several keys, mixed. */
  function mixed(keys: readonly string[], [number, generation, id, stamp]: readonly number[]): string {
    const partsOf = (index = 0): RunnerKey => RunnerKey.parse(keys[index % keys.length] ?? '');
    return new RunnerKey(
      partsOf(number).number,
      partsOf(generation).generation,
      partsOf(id).sessionId,
      partsOf(stamp).stamp,
    ).toString();
  }

  it('open nothing to anybody but whose they are', async () => {
    const app = await start();
    const [alice, bob] = [await app.user(), await app.user()];
    const old = await startRunner(alice.browser);
    await alice.session.terminate();
    await app.enter(alice.browser);
    const keys = [
      old,
      await startRunner(alice.browser),
      await startRunner(alice.browser, 'tab'),
      await startRunner(bob.browser),
      await startRunner(bob.browser),
    ];
    const [, , ofTab = '', ...ofBob] = keys;
    const gone = await nothing(app);
    const malformed = seen(await read(app.browser(), 'no key'));
    const nobody = app.browser();
    const readers: [Browser, tab: string, keys: string[]][] = [
      [bob.browser, '', ofBob],
      [bob.browser, 'tab', []],
      [alice.browser, 'tab', [ofTab]],
      [nobody, '', []],
    ];

    const property = fc.asyncProperty(
      fc.nat(readers.length - 1),
      fc.array(fc.nat(keys.length - 1), { minLength: 4, maxLength: 4 }),
      fc.array(mutation, { maxLength: 2 }),
      async (reader, parts, mutations) => {
        const [browser, tab, own] = readers[reader]!;
        const key = mutations.reduce(mutate, mixed(keys, parts));
        const answer = await read(browser, key, tab);
        if (RunnerKey.tryParse(key) === undefined) expect(seen(answer)).toEqual(malformed);
        else if (own.includes(key)) expect(answer.status).toBe(200);
        else expect(seen(answer)).toEqual(gone);
      },
    );
    await fc.assert(property, { numRuns: howMany(250), seed: SEED });
    expect(nobody.cookies.size).toBe(0);
  });

  it('are the cookies of nobody', async () => {
    const app = await start();
    const { browser } = await app.user();
    const key = await startRunner(browser);
    const [[name, value] = ['', '']] = browser.cookies;
    const signed = decodeURIComponent(value);
    const gone = await nothing(app);

    const property = fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 2 }), async (mutations) => {
      const changed = mutations.reduce(mutate, signed);
      const thief = app.browser();
      thief.cookies.set(name, encodeURIComponent(changed));
      const answer = await read(thief, key);
      if (changed === signed) expect(answer.status).toBe(200);
      else expect(seen(answer)).toEqual(gone);
    });
    await fc.assert(property, { numRuns: howMany(100), seed: SEED });
    expect(app.registry.stats()).toMatchObject({ sessions: 1, created: 1 });
  });
});
