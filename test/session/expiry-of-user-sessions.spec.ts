import { describe, expect, it } from '@jest/globals';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Observable } from 'rxjs';
import {
  getActiveSession,
  GROUP_CHANNEL,
  SESSION_CHANNEL,
  sessionPerTab,
  type ActiveSession,
} from 'nestjs-active-session';
import { Gate, until } from '../support/gate.js';
import { RecordingStore } from '../support/recording-store.js';
import { useSessionApps, type SessionApp } from '../support/session-app.js';
import { SECRET } from '../support/test-app.js';

const MINUTE_MS = 60_000;
const { start, faults, warnings } = useSessionApps();

describe('A user session whose cookie has an end', () => {
  it('takes its active session along, before that would be idle', async () => {
    const app = await start({ options: { userSession: { secret: SECRET, cookie: { maxAge: 5 * MINUTE_MS } } } });
    const { session } = await app.user();
    await app.clock.advance(4 * MINUTE_MS);
    expect(session.isAvailable).toBe(true);
    await app.clock.advance(MINUTE_MS + 1000);
    expect(session.endReason).toBe('user-session-ended');
  });

  it('counts from the last request anew', async () => {
    const app = await start({
      options: { userSession: { secret: SECRET, rolling: true, cookie: { maxAge: 5 * MINUTE_MS } } },
    });
    const { browser, session } = await app.user();
    await app.clock.advance(4 * MINUTE_MS);
    await app.enter(browser);
    await app.clock.advance(4 * MINUTE_MS);
    expect(session.isAvailable).toBe(true);
  });
});

describe('expiryWarningMs', () => {
  const options = { idleTimeoutMs: 10 * MINUTE_MS, expiryWarningMs: MINUTE_MS };

  it('tells once that a session is expiring, and then it ends', async () => {
    const app = await start({ options });
    const { session } = await app.user();
    const events: [string, ActiveSession][] = [];
    app.registry.events$.subscribe(({ type, session: told }) => events.push([type, told]));
    await app.clock.advance(9 * MINUTE_MS - 1000);
    expect(events).toEqual([]);
    await app.clock.advance(2000);
    expect(events).toEqual([['expiring', session]]);
    await app.clock.advance(MINUTE_MS);
    expect(events.map(([type]) => type)).toEqual(['expiring', 'ending', 'ended']);
    expect(session.endReason).toBe('idle');
  });

  it('lets `touch()` keep the session, and tells again the next time', async () => {
    const app = await start({ options });
    const { session } = await app.user();
    let warned = 0;
    app.registry.events$.subscribe(({ type }) => {
      if (type === 'expiring' && ++warned === 1) session.touch();
    });
    await app.clock.advance(17 * MINUTE_MS);
    expect([warned, session.isAvailable]).toEqual([1, true]);
    await app.clock.advance(4 * MINUTE_MS);
    expect([warned, session.endReason]).toEqual([2, 'idle']);
  });
});

describe('The diagnostics channels', () => {
  it.each<[string, (app: SessionApp) => Observable<{ type: string }>]>([
    [SESSION_CHANNEL, ({ registry }) => registry.events$],
    [GROUP_CHANNEL, ({ groups }) => groups.events$],
  ])('tell the same as events$: %s', async (channel, eventsOf) => {
    const app = await start();
    const told: unknown[] = [];
    const events: { type: string }[] = [];
    const listener = (event: unknown): void => void told.push(event);
    subscribe(channel, listener);
    eventsOf(app).subscribe((event) => events.push(event));
    try {
      const { session } = await app.user();
      await session.terminate();
      await session.group.cleanupCompletion;
    } finally {
      unsubscribe(channel, listener);
    }
    expect(events.map(({ type }) => type)).toEqual(['created', 'ending', 'ended']);
    expect(events.at(-1)).toMatchObject({
      reason: 'terminated',
      report: { disposed: 0, durationMs: expect.any(Number) },
    });
    expect(told).toEqual(events);
  });
});

describe('replaceAfterCleanup', () => {
  it.each([true, false])('%s: whether the next session waits for the clean-up of the one before', async (waits) => {
    const app = await start({ options: { replaceAfterCleanup: waits } });
    const { browser, session } = await app.user();
    const closed = new Gate();
    session.takeOwnership(() => closed.opened);
    void session.terminate();
    let isAnswered = false;
    const next = browser.get('/use').finally(() => (isAnswered = true));
    if (waits) {
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(isAnswered).toBe(false);
    } else await until(() => isAnswered);
    closed.open();
    expect((await next).status).toBe(200);
    await session.cleanupCompletion;
  });
});

describe('userSessionTimeoutMs', () => {
  it('answers 503 where the store says nothing, and lets the store come back', async () => {
    const store = new RecordingStore();
    const app = await start({ options: { userSession: { secret: SECRET, store }, userSessionTimeoutMs: 2000 } });
    const { browser, session } = await app.user();
    const silence = new Gate();
    store.beforeGet = silence.opened;
    const answer = browser.get('/use');
    await until(() => store.count('get') === 2);
    await app.clock.advance(2000);
    expect((await answer).status).toBe(503);
    expect(faults()).toEqual([expect.stringContaining('userSessionTimeoutMs (2000)')]);
    silence.open();
    store.beforeGet = undefined;
    expect(await app.enter(browser)).toBe(session);
  });
});

describe('The options of express-session', () => {
  it('may lack a secret, but not in production', async () => {
    const app = await start({ options: { userSession: {} } });
    await app.user();
    expect(warnings().filter((line) => line.includes('userSession.secret'))).toHaveLength(1);
    process.env.NODE_ENV = 'production';
    try {
      await expect(start({ options: { userSession: {} } })).rejects.toThrow(/"userSession.secret".*in production/);
    } finally {
      process.env.NODE_ENV = 'test';
    }
  });

  it('are warned of where they lose data', async () => {
    await start({ options: { userSession: { secret: SECRET, resave: true } } });
    expect(warnings().filter((line) => line.includes('userSession.resave'))).toHaveLength(1);
  });
});

describe('sessionPerTab()', () => {
  const options = { sessions: sessionPerTab({ header: 'X-Tab-Id', query: 'tab' }) };

  it('gives each tab a session of its own, and all tabs one group', async () => {
    const app = await start({
      options,
      handlers: { who: (req) => ({ id: getActiveSession(req).id, group: getActiveSession(req).baseId }) },
    });
    const browser = app.browser();
    const without = (await browser.get('/who')).body;
    const byHeader = (await browser.get('/who', { headers: { 'x-tab-id': 'one' } })).body;
    const byQuery = (await browser.get('/who?tab=two')).body;
    const both = (await browser.get('/who?tab=two', { headers: { 'x-tab-id': 'one' } })).body;
    expect([byHeader.id, byQuery.id, both.id]).toEqual([`${without.id}-one`, `${without.id}-two`, byHeader.id]);
    expect(new Set([without.group, byHeader.group, byQuery.group]).size).toBe(1);
  });

  it.each(['tab=a%20b', `tab=${'x'.repeat(65)}`, 'tab=a&tab=b', 'tab=%F0%9F%98%80'])('refuses %s', async (query) => {
    const app = await start({ options });
    expect((await app.browser().get(`/use?${query}`)).status).toBe(400);
    expect(app.registry.all()).toEqual([]);
  });

  it('must be told where the id is', () => {
    expect(() => sessionPerTab({})).toThrow(/header.*query/);
  });
});
