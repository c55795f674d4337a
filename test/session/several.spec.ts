import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  ActiveSession,
  ActiveSessionGroup,
  getActiveSession,
  getActiveSessionGroup,
  GroupScoped,
  refreshActiveSession,
  sessionPerTab,
  SessionScoped,
} from 'nestjs-active-session';
import type { Handlers } from '../support/handlers.js';
import { useSessionApps, type SessionApp, type SessionAppOptions } from '../support/session-app.js';

const MINUTE_MS = 60_000;
const { start, faults } = useSessionApps();

@GroupScoped()
class Preferences {
  theme = 'light';
}

@SessionScoped()
class Cart {
  readonly items: string[] = [];
  constructor(readonly preferences: Preferences) {}
}

/** A singleton: what is injected here is found anew at each use. */
@Injectable()
class Shop {
  constructor(
    readonly session: ActiveSession,
    readonly group: ActiveSessionGroup,
    readonly cart: Cart,
    readonly preferences: Preferences,
  ) {}
}

function startShop(handlers: Handlers = {}, options: SessionAppOptions['options'] = {}): Promise<SessionApp> {
  return start({ handlers, options, metadata: { providers: [Preferences, Cart, Shop] } });
}

describe('Several active sessions of one user', () => {
  it('have their own runners, properties and services, and share their group', async () => {
    const app = await startShop();
    const { browser, session: first } = await app.user();
    const [one, two] = [await app.enter(browser, 'one'), await app.enter(browser, 'two')];
    const sessions = [first, one, two];
    expect(sessions.map(({ id, suffix }) => [id, suffix])).toEqual([
      [first.id, ''],
      [`${first.id}-one`, 'one'],
      [`${first.id}-two`, 'two'],
    ]);

    for (const session of sessions) session.properties.set('name', session.suffix);
    expect(sessions.map(({ properties }) => properties.get('name'))).toEqual(['', 'one', 'two']);

    const carts = sessions.map(({ services }) => services.get(Cart));
    expect(new Set(carts).size).toBe(3);
    expect(new Set(carts.map(({ preferences }) => preferences)).size).toBe(1);

    const runners = sessions.map((session) => session.createSequenceRunner([session.suffix]));
    expect(runners.map(({ number }) => number)).toEqual([0, 0, 0]);
    expect(sessions.map(({ runners: own }) => [...own.values()])).toEqual(runners.map((runner) => [runner]));

    expect(new Set(sessions.map(({ group }) => group)).size).toBe(1);
    expect(new Set(sessions.map(({ baseId }) => baseId))).toEqual(new Set([first.id]));
    expect([...first.group.sessions.values()]).toEqual(sessions);
  });

  it('end one by one: the others go on, with the group', async () => {
    const app = await startShop();
    const { browser, session: first } = await app.user();
    const tab = await app.enter(browser, 'tab');
    const { preferences } = tab.services.get(Cart);
    const { key } = (await browser.post('/runners?tab=tab')).body;
    await first.terminate();
    expect([first.isAvailable, tab.isAvailable, tab.group.isAvailable]).toEqual([false, true, true]);
    expect((await browser.get(`/runners/${key}?tab=tab`)).status).toBe(200);
    const next = await app.enter(browser);
    expect([next.generation, tab.generation]).toEqual([2, 1]);
    expect(next.services.get(Cart).preferences).toBe(preferences);
  });

  it('idle out one by one, while their user session lives on: the next generation honours no old key', async () => {
    const app = await startShop();
    const { browser } = await app.user();
    const tab = await app.enter(browser, 'tab');
    const { key } = (await browser.post('/runners?tab=tab')).body;
    for (let minutes = 0; minutes < 30; minutes += 10) {
      await app.clock.advance(10 * MINUTE_MS);
      await app.enter(browser);
    }
    expect(tab.endReason).toBe('idle');
    const again = (await browser.post('/runners?tab=tab')).body;
    expect(again.generation).toBe(2);
    expect((await browser.get(`/runners/${key}?tab=tab`)).status).toBe(410);
    expect((await browser.get(`/runners/${again.key}?tab=tab`)).status).toBe(200);
  });

  it('can be one for each tab: a client that makes tabs up gets no more than the limit', async () => {
    const app = await startShop(
      {},
      {
        sessions: sessionPerTab({ header: 'x-tab' }),
        limits: { sessionsPerGroup: 3, onLimit: { sessionsPerGroup: 'reject' } },
      },
    );
    const { browser } = await app.user();
    const statuses: number[] = [];
    for (let tab = 1; tab <= 20; tab++)
      statuses.push((await browser.get('/use', { headers: { 'x-tab': `tab-${tab}` } })).status);
    expect(statuses).toEqual([200, 200, ...Array.from({ length: 18 }, () => 429)]);
    expect(app.registry.all()).toHaveLength(3);
  });
});

describe('The group of a request', () => {
  it.each<[string, (req: object, shop: Shop) => unknown]>([
    ['getActiveSessionGroup()', (req) => getActiveSessionGroup(req).id],
    ['the injected group', (_req, shop) => shop.group.id],
    ['a service of the group', (_req, shop) => shop.preferences.theme],
  ])('may be used before its session, which is made then: %s', async (_what, use) => {
    const app = await startShop({
      use: (req) => {
        use(req, app.app.get(Shop));
        return {
          isAvailable: getActiveSessionGroup(req).isAvailable,
          sessions: getActiveSessionGroup(req).sessions.size,
        };
      },
    });
    expect((await app.browser().get('/use')).body).toEqual({ isAvailable: true, sessions: 1 });
  });
});

describe('After terminate() and refreshActiveSession() in one handler', () => {
  it('everything that was injected is of the new session; the group stays', async () => {
    const app = await startShop({
      renew: async (req) => {
        const shop = app.app.get(Shop);
        const see = (): object => ({
          generation: shop.session.generation,
          items: [...shop.cart.items],
          theme: shop.preferences.theme,
          kept: shop.group.properties.get('kept'),
          key: shop.session.createSequenceRunner([1]).key,
        });
        shop.group.properties.set('kept', 'by the group');
        shop.cart.items.push('shoes');
        shop.preferences.theme = 'dark';
        const before = see();
        const old = getActiveSession(req);
        await old.terminate();
        const fresh = refreshActiveSession(req);
        expect(old.isAvailable).toBe(false);
        expect(getActiveSession(req)).toBe(fresh);
        expect(app.registry.current()).toBe(fresh);
        return { before, after: see(), ownCart: fresh.services.get(Cart).items };
      },
    });
    const { browser } = await app.user();
    const { before, after, ownCart } = (await browser.get('/renew')).body;
    expect(before).toMatchObject({ generation: 1, items: ['shoes'], theme: 'dark' });
    expect(after).toMatchObject({ generation: 2, items: [], theme: 'dark', kept: 'by the group' });
    expect(ownCart).toEqual([]);
    expect((await browser.get(`/runners/${before.key}`)).status).toBe(410);
    expect((await browser.get(`/runners/${after.key}`)).status).toBe(200);
  });

  it('without refreshActiveSession() all of it says that the session has ended', async () => {
    const app = await startShop({
      leave: async (req) => {
        const shop = app.app.get(Shop);
        shop.cart.items.push('shoes');
        await getActiveSession(req).terminate();
        const attempt = (act: () => unknown): string => {
          try {
            act();
            return 'done';
          } catch (error) {
            return (error as { code: string }).code;
          }
        };
        return [attempt(() => shop.cart.items), attempt(() => shop.session.createSequenceRunner([1]))];
      },
    });
    const { browser } = await app.user();
    expect((await browser.get('/leave')).body).toEqual(['SESSION_ENDED', 'SESSION_ENDED']);
    expect((await app.enter(browser)).generation).toBe(2);
  });
});

describe('refreshActiveSession() before the first use', () => {
  it('makes the session', async () => {
    const app = await startShop({
      first: (req) => [refreshActiveSession(req).generation, refreshActiveSession(req) === getActiveSession(req)],
    });
    expect((await app.browser().get('/first')).body).toEqual([1, true]);
  });
});

describe('A request whose session could not be made', () => {
  it('can try again: nothing of the failure is remembered', async () => {
    const app = await startShop(
      {
        retry: async (req) => {
          const attempts: string[] = [];
          for (let attempt = 0; attempt < 2; attempt++) {
            try {
              attempts.push(String(getActiveSession(req).generation));
            } catch (error) {
              attempts.push((error as { code: string }).code);
              await app.registry.all()[0]?.terminate();
            }
          }
          return attempts;
        },
      },
      { limits: { sessions: 1 } },
    );
    await app.user();
    expect((await app.browser().get('/retry')).body).toEqual(['LIMIT_REACHED', '1']);
    expect(faults()).toEqual([]);
  });
});
