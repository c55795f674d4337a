import { describe, expect, it } from '@jest/globals';
import { getActiveSession, refreshActiveSession, type LimitOptions } from 'nestjs-active-session';
import { Gate, until } from '../support/gate.js';
import type { Handlers } from '../support/handlers.js';
import { useSessionApps, type SessionApp, type SessionAppOptions } from '../support/session-app.js';

const SECOND = 1_000;

const { start, faults } = useSessionApps();

function startWith(limits: LimitOptions, more: SessionAppOptions = {}): Promise<SessionApp> {
  return start({ ...more, options: { limits, cleanupTimeoutMs: 5 * SECOND, ...more.options } });
}

/** A handler that uses the session until the gate opens. */
const hold =
  (gate: Gate): Handlers[string] =>
  async (req) => {
    getActiveSession(req).properties.set('held', true);
    await gate.opened;
  };

/** A handler whose session cannot end before the gate opens. */
const clingTo =
  (gate: Gate): Handlers[string] =>
  (req) =>
    void getActiveSession(req).takeOwnership(() => gate.opened);

describe('limits.sessions', () => {
  it('refuses new sessions with 503, and says when to come again', async () => {
    const app = await startWith({ sessions: 2 });
    const { browser } = await app.user();
    await app.user();
    const refused = await app.browser().get('/use');
    expect(refused.status).toBe(503);
    expect(refused.body).toMatchObject({ code: 'LIMIT_REACHED', status: 503 });
    expect(refused.headers['retry-after']).toBe('30');
    expect(refused.headers['content-type']).toContain('application/problem+json');
    expect((await browser.get('/use')).status).toBe(200);
  });

  it('counts the suffixes of one user, too', async () => {
    const app = await startWith({ sessions: 2 });
    const { browser } = await app.user();
    await app.enter(browser, 'two');
    expect((await browser.get('/use?tab=three')).status).toBe(503);
  });

  it('has room again when a session has ended', async () => {
    const app = await startWith({ sessions: 1 });
    const { session } = await app.user();
    await session.terminate();
    expect((await app.browser().get('/use')).status).toBe(200);
  });

  it('leaves nothing behind of who was refused', async () => {
    const app = await startWith({ sessions: 1 });
    await app.user();
    await app.browser().get('/use');
    expect(app.groups.all()).toHaveLength(1);
    expect(app.registry.stats()).toMatchObject({ sessions: 1, groups: 1, created: 1, unconfirmed: 0 });
  });

  it('lets who comes evict the session that was idle for longest, where it is told to', async () => {
    const app = await startWith({ sessions: 2, onLimit: { sessions: 'evict-idle' } });
    const [old, young] = [await app.user(), await app.user()];
    await app.clock.advance(SECOND);
    await app.enter(old.browser, 'tab');
    expect([old.session.endReason, young.session.endReason]).toEqual(['evicted', undefined]);
  });

  it('takes the last use for the measure, not the age', async () => {
    const app = await startWith({ sessions: 3, onLimit: { sessions: 'evict-idle' } });
    const [oldest, idle, youngest] = [await app.user(), await app.user(), await app.user()];
    for (const { browser } of [youngest, oldest]) {
      await app.clock.advance(60 * SECOND);
      await app.enter(browser);
    }
    await app.enter(youngest.browser, 'tab');
    const reasons = [oldest, idle, youngest].map(({ session }) => session.endReason);
    expect(reasons).toEqual([undefined, 'evicted', undefined]);
  });

  it('never evicts what a request uses', async () => {
    const gate = new Gate();
    const app = await startWith(
      { sessions: 1, onLimit: { sessions: 'evict-idle' } },
      { handlers: { hold: hold(gate) } },
    );
    const { browser, session } = await app.user();
    const held = browser.get('/hold');
    await until(() => app.registry.stats().pinned === 1);
    expect((await browser.get('/use?tab=two')).status).toBe(503);
    gate.open();
    await held;
    expect(session.isAvailable).toBe(true);
  });

  it('evicts sessions first whose cookie has not come back, oldest first, also where it would refuse', async () => {
    const app = await startWith({ sessions: 3 });
    const { browser, session } = await app.user();
    const [first, second] = [await app.enter(app.browser()), await app.enter(app.browser())];
    await app.enter(app.browser());
    expect([session, first, second].map(({ endReason }) => endReason)).toEqual([undefined, 'evicted', undefined]);
    await app.enter(browser, 'tab');
    expect([session, second].map(({ endReason }) => endReason)).toEqual([undefined, 'evicted']);
  });

  it('never lets a visitor without a cookie evict a user, also where it evicts', async () => {
    const app = await startWith({ sessions: 2, onLimit: { sessions: 'evict-idle' } });
    const [alice, bob] = [await app.user(), await app.user()];
    for (let visitor = 0; visitor < 5; visitor++) expect((await app.browser().get('/use')).status).toBe(503);
    expect([alice.session.isAvailable, bob.session.isAvailable]).toEqual([true, true]);
  });

  it('keeps a flood of visitors without cookies to what there is room for', async () => {
    const app = await startWith({ sessions: 10 });
    const { session } = await app.user();
    for (let visitor = 0; visitor < 50; visitor++) expect((await app.browser().get('/use')).status).toBe(200);
    expect(app.registry.all()).toHaveLength(10);
    expect(session.isAvailable).toBe(true);
  });

  it('counts sessions that are still cleaning up', async () => {
    const gate = new Gate();
    const app = await startWith({ sessions: 1 }, { handlers: { cling: clingTo(gate) } });
    const { browser, session } = await app.user();
    await browser.get('/cling');
    const report = session.terminate();
    expect(app.registry.stats()).toMatchObject({ sessions: 1, ending: 1 });
    expect((await browser.get('/use')).status).toBe(503);
    gate.open();
    await report;
    expect((await browser.get('/use')).status).toBe(200);
  });

  it('hands places on while the evicted clean up, but only once', async () => {
    const gate = new Gate();
    const app = await startWith({ sessions: 2 }, { handlers: { cling: clingTo(gate) } });
    const statuses: number[] = [];
    for (let visitor = 0; visitor < 5; visitor++) statuses.push((await app.browser().get('/cling')).status);
    expect(statuses).toEqual([200, 200, 200, 200, 503]);
    expect(app.registry.stats()).toMatchObject({ sessions: 4, ending: 2 });
    gate.open();
  });
});

describe('A request that is refused', () => {
  it('lets go of nothing that others hold', async () => {
    const [gate, entered] = [new Gate(), new Gate()];
    const app = await startWith(
      { sessions: 1 },
      {
        handlers: {
          hold: async (req) => {
            const { group } = getActiveSession(req);
            await getActiveSession(req).terminate();
            entered.open();
            await gate.opened;
            return group.isAvailable;
          },
        },
      },
    );
    const { browser } = await app.user();
    const held = browser.get('/hold');
    await entered.opened;
    // Somebody else takes the only place.
    await app.user();
    for (let attempt = 0; attempt < 3; attempt++) expect((await browser.get('/use')).status).toBe(503);
    gate.open();
    expect((await held).body).toBe(true);
    await until(() => app.groups.all().length === 1);
  });
});

describe('limits.sessionsPerGroup', () => {
  it('evicts the idlest of that user only', async () => {
    const app = await startWith({ sessionsPerGroup: 2 });
    const other = await app.user();
    const { browser, session } = await app.user();
    await app.clock.advance(SECOND);
    const tab = await app.enter(browser, 'tab');
    await app.clock.advance(SECOND);
    await app.enter(browser);
    await app.enter(browser, 'third');
    expect([other.session, session, tab].map(({ endReason }) => endReason)).toEqual([undefined, undefined, 'evicted']);
  });

  it('refuses with 429 while requests use all of them', async () => {
    const gate = new Gate();
    const app = await startWith({ sessionsPerGroup: 2 }, { handlers: { hold: hold(gate) } });
    const { browser } = await app.user();
    const held = [browser.get('/hold'), browser.get('/hold?tab=two')];
    await until(() => app.registry.stats().pinned === 2);
    const refused = await browser.get('/use?tab=three');
    expect([refused.status, refused.headers['retry-after'], refused.body.code]).toEqual([429, '5', 'LIMIT_REACHED']);
    expect((await app.browser().get('/use')).status).toBe(200);
    gate.open();
    await Promise.all(held);
    expect((await browser.get('/use?tab=three')).status).toBe(200);
  });

  it('refuses where it is told to', async () => {
    const app = await startWith({ sessionsPerGroup: 1, onLimit: { sessionsPerGroup: 'reject' } });
    const { browser, session } = await app.user();
    expect((await browser.get('/use?tab=two')).status).toBe(429);
    expect(session.isAvailable).toBe(true);
  });

  it('hands places on while the evicted clean up, but only once', async () => {
    const gate = new Gate();
    const app = await startWith({ sessionsPerGroup: 2 }, { handlers: { cling: clingTo(gate) } });
    const { browser } = await app.user();
    const statuses: number[] = [];
    for (const tab of ['', '1', '2', '3', '4']) statuses.push((await browser.get(`/cling?tab=${tab}`)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 429]);
    gate.open();
  });

  it('is 32 unless told otherwise', async () => {
    const app = await start();
    const { browser, session } = await app.user();
    for (let tab = 1; tab < 32; tab++) {
      await app.clock.advance(SECOND);
      await app.enter(browser, `tab-${tab}`);
    }
    expect(session.isAvailable).toBe(true);
    await app.enter(browser, 'one-more');
    expect(session.endReason).toBe('evicted');
    expect(app.registry.all()).toHaveLength(32);
  });
});

describe('limits.runnersPerSession', () => {
  const handlers: Handlers = {
    // A sequence that was not read is not finished.
    start: (req) => getActiveSession(req).createSequenceRunner([1]).number,
  };

  it('refuses with 429 and is of one session only', async () => {
    const app = await startWith({ runnersPerSession: 2 }, { handlers });
    const { browser } = await app.user();
    const statuses = [await browser.get('/start'), await browser.get('/start'), await browser.get('/start')];
    expect(statuses.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(statuses[2]?.headers['retry-after']).toBe('5');
    expect((await browser.get('/start?tab=two')).status).toBe(200);
  });

  it('is 64 unless told otherwise', async () => {
    const app = await start();
    const { session } = await app.user();
    for (let runner = 0; runner < 64; runner++) session.createSequenceRunner([1]);
    expect(() => session.createSequenceRunner([1])).toThrow(expect.objectContaining({ limit: 'runnersPerSession' }));
  });
});

describe('A limit of Infinity', () => {
  it('is none', async () => {
    const app = await startWith({ sessions: Infinity, sessionsPerGroup: Infinity, runnersPerSession: Infinity });
    const { browser, session } = await app.user();
    for (let tab = 0; tab < 40; tab++) await app.enter(browser, `tab-${tab}`);
    for (let runner = 0; runner < 100; runner++) session.createSequenceRunner([1]);
    expect([app.registry.all().length, session.runners.size]).toEqual([41, 100]);
    expect(faults()).toEqual([]);
  });
});

describe('A user at the limit of their sessions', () => {
  it('can have one replaced while it is still cleaning up', async () => {
    const app = await start({
      options: { limits: { sessionsPerGroup: 1 } },
      handlers: {
        renew: (req) => {
          void getActiveSession(req).terminate();
          return { generation: refreshActiveSession(req).generation };
        },
      },
    });
    const { browser, session } = await app.user();
    const closed = new Gate();
    session.takeOwnership(() => closed.opened);
    expect((await browser.get('/renew')).body).toEqual({ generation: 2 });
    closed.open();
    expect((await session.cleanupCompletion).reason).toBe('terminated');
  });
});
