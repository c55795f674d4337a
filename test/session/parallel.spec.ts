import { describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { getActiveSession, GroupScoped, SessionScoped, type LimitOptions } from 'nestjs-active-session';
import { useSessionApps, type SessionApp } from '../support/session-app.js';

const { start } = useSessionApps();

let made: string[] = [];

@GroupScoped()
class Preferences {
  constructor() {
    made.push('Preferences');
  }
}

@SessionScoped()
class Prices {
  constructor() {
    made.push('Prices');
  }
}

@SessionScoped()
class Cart {
  constructor(
    readonly prices: Prices,
    readonly preferences: Preferences,
  ) {
    made.push('Cart');
  }
}

describe('200 first requests at once', () => {
  it('with one cookie make one group, one session, and each of its services once', async () => {
    made = [];
    const app = await start({
      metadata: { providers: [Preferences, Prices, Cart] },
      handlers: {
        login: (req) => void Object.assign(req.session, { user: 'alice' }),
        cart: (req) => {
          const session = getActiveSession(req);
          session.services.get(Cart);
          return { id: session.id, generation: session.generation, runner: session.createSequenceRunner([1]).number };
        },
      },
      options: { limits: { runnersPerSession: 200 } },
    });
    const browser = app.browser();
    // The user session is there, and no active session yet.
    await browser.get('/login');
    expect(app.registry.stats().created).toBe(0);

    const answers = await Promise.all(Array.from({ length: 200 }, () => browser.get('/cart')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => `${body.id}:${body.generation}`)).size).toBe(1);
    const numbers = answers.map(({ body }) => Number(body.runner)).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 200 }, (_, number) => number));
    expect(made).toEqual(['Prices', 'Preferences', 'Cart']);
    await app.requestsOver();
    expect(app.registry.stats()).toMatchObject({ created: 1, sessions: 1, groups: 1, unconfirmed: 0 });
  });

  it('with one cookie and several suffixes make one session for each, in one group', async () => {
    const app = await start();
    const { browser } = await app.user();
    const tabs = Array.from({ length: 200 }, (_, index) => `/use?tab=${index % 5}`);
    const answers = await Promise.all(tabs.map((path) => browser.get(path)));
    expect(new Set(answers.map(({ body }) => String(body.id))).size).toBe(5);
    expect(app.groups.all()).toHaveLength(1);
  });
});

describe('Two first requests at once without a cookie', () => {
  it('make two user sessions; the one whose cookie the browser does not keep is unconfirmed, and goes first', async () => {
    const app = await start({ options: { limits: { sessions: 3 } } });
    const browser = app.browser();
    const [first, second] = await Promise.all([browser.get('/use'), browser.get('/use')]);
    expect(first.body.id).not.toBe(second.body.id);
    const kept = await app.enter(browser);
    const orphan = app.registry.all().find((session) => session !== kept);
    expect(app.registry.stats()).toMatchObject({ sessions: 2, unconfirmed: 1 });

    await app.user();
    expect([kept.endReason, orphan?.endReason]).toEqual([undefined, undefined]);
    await app.user();
    expect([kept.endReason, orphan?.endReason]).toEqual([undefined, 'evicted']);
  });

  it('leave an orphan that ends after 2 minutes', async () => {
    const app = await start();
    const browser = app.browser();
    await Promise.all([browser.get('/use'), browser.get('/use')]);
    const kept = await app.enter(browser);
    await app.clock.advance(2 * 60_000 + 1000);
    expect(app.registry.all()).toEqual([kept]);
  });
});

describe('A flood of requests without a cookie', () => {
  it.each<[number, string, LimitOptions | undefined, object]>([
    [20_000, 'the default limits', undefined, { sessions: 20_002 }],
    [2_000, 'few sessions', { sessions: 100 }, { sessions: 100 }],
    [2_000, 'few sessions, and eviction', { sessions: 100, onLimit: { sessions: 'evict-idle' } }, { sessions: 100 }],
  ])(
    'ends no session of a user: %d of them, and %s',
    async (visitors, _what, limits, numbers) => {
      const app = await start({ options: { limits } });
      const [alice, bob] = [await app.user(), await app.user()];
      await flood(app, visitors);
      expect(app.registry.stats()).toMatchObject({ ...numbers, created: visitors + 2 });
      expect(await app.enter(alice.browser)).toBe(alice.session);
      expect(await app.enter(bob.browser)).toBe(bob.session);
    },
    180_000,
  );
});

/** So many visitors that each come once: several requests at a time on a few connections, as a load generator sends them. */
async function flood(app: SessionApp, visitors: number): Promise<void> {
  const CONNECTIONS = 5;
  const AT_A_TIME = 10;
  const { hostname, port } = new URL(app.url);
  const visits = 'GET /use HTTP/1.1\r\nHost: test\r\n\r\n'.repeat(AT_A_TIME);
  const come = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      let answers = 0;
      let rest = '';
      socket.on('error', reject);
      socket.on('data', (chunk) => {
        const parts = (rest + chunk.toString()).split('HTTP/1.1 200 OK');
        rest = parts.at(-1) ?? '';
        if (rest.includes('HTTP/1.1 503')) reject(new Error('A visitor was refused'));
        answers += parts.length - 1;
        if (parts.length === 1 || answers % AT_A_TIME > 0) return;
        if (answers < visitors / CONNECTIONS) socket.write(visits);
        else {
          socket.destroy();
          resolve();
        }
      });
      socket.write(visits);
    });
  await Promise.all(Array.from({ length: CONNECTIONS }, come));
}
