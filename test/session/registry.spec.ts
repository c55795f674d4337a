import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  ActiveSession,
  ActiveSessionGroup,
  ActiveSessionGroupRegistry,
  ActiveSessionRegistry,
  getActiveSession,
  SessionScoped,
  type SessionEvent,
} from 'nestjs-active-session';
import { filter, firstValueFrom, map, merge, take, type Observable } from 'rxjs';
import { Gate, until, untilAborted } from '../support/gate.js';
import { settle } from '../support/fake-clock.js';
import { useSessionApps, type SessionApp } from '../support/session-app.js';

const SECOND = 1_000;

const { start, faults } = useSessionApps();

@SessionScoped()
class Cart {
  readonly items: string[] = [];
}

/** A singleton that has both registries injected, and the session of whoever calls it. */
@Injectable()
class Desk {
  constructor(
    readonly sessions: ActiveSessionRegistry,
    readonly groups: ActiveSessionGroupRegistry,
    readonly session: ActiveSession,
    readonly group: ActiveSessionGroup,
    readonly cart: Cart,
  ) {}

  /** Which session, and which group, the calling code is in. */
  get here(): [string | undefined, string | undefined] {
    return [this.sessions.current()?.id, this.groups.current()?.id];
  }
}

const metadata = { providers: [Cart, Desk] };
const deskOf = ({ app }: SessionApp): Desk => app.get(Desk);

describe('ActiveSessionRegistry', () => {
  it('gets sessions by their id', async () => {
    const app = await start();
    const { browser, session } = await app.user();
    const tab = await app.enter(browser, 'tab');
    expect(app.registry.get(session.id)).toBe(session);
    expect(app.registry.get(tab.id)).toBe(tab);
  });

  it('gets nothing for what is no id of a session', async () => {
    const app = await start();
    const { browser, session } = await app.user();
    await app.enter(browser, 'tab');
    const { id } = session;
    for (const wrong of ['', 'x', id.slice(1), `${id}-`, `${id}-other`, `${id}xtab`, `${id}tab`, `${id}-tab-`, '-tab'])
      expect([wrong, app.registry.get(wrong)?.id]).toEqual([wrong, undefined]);
  });

  it('lists and gets only what has not begun to end', async () => {
    const app = await start();
    const [alice, bob] = [await app.user(), await app.user()];
    expect(app.registry.all()).toEqual([alice.session, bob.session]);
    void alice.session.terminate();
    expect([app.registry.all(), app.registry.get(alice.session.id)]).toEqual([[bob.session], undefined]);
  });

  it('terminates by id', async () => {
    const app = await start();
    const { session } = await app.user();
    expect(await app.registry.terminate(session.id)).toMatchObject({ reason: 'terminated' });
    expect(session.endReason).toBe('terminated');
    expect(app.registry.terminate(session.id)).toBeUndefined();
  });

  it('knows the session of the running code', async () => {
    const app = await start({
      metadata,
      handlers: {
        here: (req) => {
          const before = deskOf(app).here;
          void getActiveSession(req);
          return [before, deskOf(app).here];
        },
      },
    });
    const browser = app.browser();
    const [nobody, somebody] = (await browser.get('/here')).body;
    const [session] = app.registry.all();
    expect(nobody).toEqual([null, null]);
    expect(somebody).toEqual([session?.id, session?.group.id]);
    expect((await browser.get('/here?tab=two')).body[1]).toEqual([`${session?.id}-two`, session?.id]);
    expect(deskOf(app).here).toEqual([undefined, undefined]);
  });

  it('creates no session when asked for the current one', async () => {
    const app = await start({ metadata, handlers: { here: () => deskOf(app).here } });
    expect((await app.browser().get('/here')).body).toEqual([null, null]);
    expect(app.registry.stats().created).toBe(0);
  });

  it('knows no current session any more when it has ended', async () => {
    const app = await start({
      metadata,
      handlers: {
        end: async (req) => {
          await getActiveSession(req).terminate();
          return deskOf(app).here;
        },
      },
    });
    const { browser } = await app.user();
    expect((await browser.get('/end')).body).toEqual([null, expect.any(String)]);
  });

  it('keeps numbers', async () => {
    const gate = new Gate();
    const app = await start({
      options: { hostId: 'host 7', idleTimeoutMs: 60 * SECOND },
      handlers: {
        hold: async (req) => {
          getActiveSession(req).takeOwnership(() => gate.opened);
          await gate.opened;
        },
      },
    });
    const { browser, session } = await app.user();
    await app.enter(app.browser());
    await (await app.enter(browser, 'gone')).terminate();
    await app.clock.advance(5 * SECOND);
    session.createSequenceRunner([1]);
    const runner = session.createProcessRunner((_report, signal) => untilAborted(signal));
    session.createProcessRunner((_report, signal) => untilAborted(signal)).abort();
    const held = browser.get('/hold?tab=held');
    await until(() => app.registry.stats().pinned === 1);
    expect(app.registry.stats()).toEqual({
      hostId: 'host 7',
      sessions: 3,
      groups: 2,
      ending: 0,
      unconfirmed: 1,
      pinned: 1,
      oldestIdleMs: 5 * SECOND,
      runners: { 'not-started': 1, stalled: 1, aborted: 1 },
      created: 4,
      ended: {
        terminated: 1,
        idle: 0,
        'max-lifetime': 0,
        evicted: 0,
        shutdown: 0,
        'user-session-ended': 0,
        failed: 0,
      },
    });
    const held2 = app.registry.terminate(`${session.id}-held`);
    expect(app.registry.stats()).toMatchObject({ sessions: 3, ending: 1, pinned: 0 });
    runner.abort();
    gate.open();
    await Promise.all([held, held2]);
    await app.clock.advance(61 * SECOND);
    expect(app.registry.stats()).toMatchObject({
      sessions: 0,
      groups: 0,
      ending: 0,
      unconfirmed: 0,
      oldestIdleMs: 0,
      runners: {},
    });
    expect(app.registry.stats().ended).toMatchObject({ terminated: 2, idle: 2 });
  });

  it('tells of each session that it is created, begins to end, and has ended', async () => {
    const app = await start();
    const seen: unknown[] = [];
    app.registry.events$.subscribe((event) => {
      seen.push([event.type, event.session.generation, 'reason' in event ? event.reason : undefined]);
    });
    const { browser, session } = await app.user();
    const gate = new Gate();
    session.takeOwnership(() => gate.opened);
    const report = session.terminate();
    await app.enter(browser);
    gate.open();
    await report;
    await settle();
    expect(seen).toEqual([
      ['created', 1, undefined],
      ['ending', 1, 'terminated'],
      ['created', 2, undefined],
      ['ended', 1, 'terminated'],
    ]);
  });

  it('tells its subscribers outside of any session, whoever caused it', async () => {
    const app = await start({ metadata });
    const seen: unknown[] = [];
    app.registry.events$.subscribe(() => seen.push(deskOf(app).here));
    app.groups.events$.subscribe(() => seen.push(deskOf(app).here));
    const { session } = await app.user();
    await app.registry.run(session, () => session.terminate());
    await settle();
    expect(seen).toEqual(Array.from({ length: 6 }, () => [undefined, undefined]));
  });

  it.each<[string, (events$: Observable<SessionEvent>) => unknown]>([
    ['throws', (events$) => events$.subscribe(fail)],
    ['throws as an object', (events$) => events$.subscribe({ next: fail })],
    [
      'throws behind operators',
      (events$) =>
        events$
          .pipe(filter(Boolean))
          .pipe(map((event) => event.type))
          .subscribe(fail),
    ],
    ['throws in an operator', (events$) => events$.pipe(map(fail)).subscribe()],
    ['rejects', (events$) => events$.subscribe(failLater)],
  ])('logs what a subscriber does wrong, and tells the others: it %s', async (_how, subscribe) => {
    const app = await start();
    const seen: string[] = [];
    subscribe(app.registry.events$);
    app.registry.events$.subscribe(({ type }) => seen.push(type));
    const { session } = await app.user();
    expect(await session.terminate()).toMatchObject({ failed: [] });
    await settle();
    expect(seen).toEqual(['created', 'ending', 'ended']);
    const lines = faults();
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toBe('A subscriber of events$ has failed: a bad subscriber');
  });

  it('can be used with all that rxjs has: operators, merging, promises, unsubscribing', async () => {
    const app = await start();
    const seen: string[] = [];
    const ended = firstValueFrom(app.registry.events$.pipe(filter(({ type }) => type === 'ended')));
    merge(app.registry.events$, app.groups.events$)
      .pipe(map(({ type }) => type))
      .subscribe((type) => seen.push(type));
    const one = app.registry.events$.pipe(take(1)).subscribe({ next: ({ type }) => seen.push(`first: ${type}`) });
    const none = app.registry.events$.subscribe(() => seen.push('never'));
    none.unsubscribe();
    const { session } = await app.user();
    await session.terminate();
    expect((await ended).session).toBe(session);
    await settle();
    expect(seen.sort()).toEqual(['created', 'created', 'ended', 'ended', 'ending', 'ending', 'first: created']);
    expect(one.closed).toBe(true);
  });

  it('hands the report on, and completes its events when the application closes', async () => {
    const app = await start();
    const { session } = await app.user();
    const seen: unknown[] = [];
    app.registry.events$.subscribe({
      next: (event) => seen.push(event.type === 'ended' ? event.report : event.type),
      complete: () => seen.push('complete'),
    });
    await app.app.close();
    expect(seen).toEqual(['ending', await session.cleanupCompletion, 'complete']);
  });
});

describe('ActiveSessionRegistry.run()', () => {
  it('runs code in a session, as its requests do', async () => {
    const app = await start({ metadata });
    const [alice, bob] = [await app.user(), await app.user()];
    const desk = deskOf(app);
    app.registry.run(alice.session, () => desk.cart.items.push('apple'));
    app.registry.run(bob.session, () => desk.cart.items.push('banana'));
    const seen = await app.registry.run(alice.session, async () => {
      await Promise.resolve();
      return { id: desk.session.id, group: desk.group.id, items: desk.cart.items, here: desk.here };
    });
    const { id } = alice.session;
    expect(seen).toEqual({ id, group: id, items: ['apple'], here: [id, id] });
    expect(desk.here).toEqual([undefined, undefined]);
  });

  it('hands on what the code returns, or throws', async () => {
    const app = await start();
    const { session } = await app.user();
    expect(app.registry.run(session, () => 7)).toBe(7);
    expect(() =>
      app.registry.run(session, () => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
  });

  it('takes the session of the running code where that is injected', async () => {
    const app = await start({ metadata });
    const { session } = await app.user();
    const desk = deskOf(app);
    const seen = app.registry.run(session, () => app.registry.run(desk.session, () => desk.here[0]));
    expect(seen).toBe(session.id);
  });

  it('gives no services of a session that has ended', async () => {
    const app = await start({ metadata });
    const { session } = await app.user();
    await session.terminate();
    expect(() => app.registry.run(session, () => deskOf(app).cart.items)).toThrow(
      expect.objectContaining({ code: 'SESSION_ENDED' }),
    );
  });

  it('refuses what is no session of its application', async () => {
    const [app, other] = [await start({ metadata }), await start({ metadata })];
    const { session } = await app.user();
    for (const wrong of [undefined, {}, session.group, (await other.user()).session])
      expect(() => app.registry.run(wrong as ActiveSession, () => 'never')).toThrow(
        expect.objectContaining({ code: 'BAD_ARGUMENT' }),
      );
  });
});

describe('ActiveSessionGroupRegistry', () => {
  it('gets groups by their id, and lists them', async () => {
    const app = await start();
    const [alice, bob] = [await app.user(), await app.user()];
    await app.enter(alice.browser, 'tab');
    const groups = [alice.session.group, bob.session.group];
    expect(app.groups.all()).toEqual(groups);
    expect(groups.map(({ id }) => app.groups.get(id))).toEqual(groups);
    expect(app.groups.get('unknown')).toBeUndefined();
    void groups[0]?.terminate();
    expect([app.groups.all(), app.groups.get(groups[0]!.id)]).toEqual([[groups[1]], undefined]);
  });

  it('finds a group whose id nobody has asked for before', async () => {
    const before = await start({ options: { identify: () => 'user 7' } });
    const { id } = await before.enter(before.browser());
    const app = await start({ options: { identify: () => 'user 7' }, handlers: { silent: (req) => touch(req) } });
    await app.browser().get('/silent');
    expect(app.groups.get(id)?.sessions.size).toBe(1);
    expect(app.registry.get(id)?.id).toBe(id);
  });

  it('tells of each group that it is created, begins to end, and has ended', async () => {
    const app = await start();
    const seen: unknown[] = [];
    app.groups.events$.subscribe((event) => {
      const { type, group } = event;
      seen.push([type, group.id, 'report' in event ? event.report : undefined]);
    });
    const { browser, session } = await app.user();
    const { group } = session;
    await app.enter(browser, 'tab');
    const report = await group.terminate();
    await settle();
    expect(seen).toEqual([
      ['created', group.id, undefined],
      ['ending', group.id, undefined],
      ['ended', group.id, report],
    ]);
  });

  it('ends all sessions of the user of a request: a logout', async () => {
    const app = await start({
      handlers: { logout: (req) => app.groups.terminateFor(req), who: (req) => getActiveSession(req).generation },
    });
    const { browser, session } = await app.user();
    const other = await app.user();
    const tab = await app.enter(browser, 'tab');
    expect((await browser.get('/logout')).body).toMatchObject({ reason: 'terminated' });
    expect([session, tab, other.session].map(({ endReason }) => endReason)).toEqual([
      'terminated',
      'terminated',
      undefined,
    ]);
    expect((await browser.get('/who')).body).toBe(2);
  });

  it('has nothing to end for a user without a session, and creates none', async () => {
    const app = await start({ handlers: { logout: (req) => app.groups.terminateFor(req) === undefined } });
    expect((await app.browser().get('/logout')).body).toBe(true);
    expect(app.groups.terminateFor({})).toBeUndefined();
    expect(app.registry.stats().created).toBe(0);
  });
});

describe('isFresh', () => {
  it('is true until a runner was created, or one was found', async () => {
    const app = await start();
    const { browser, session } = await app.user();
    const other = await app.enter(browser, 'other');
    expect([session.isFresh, session.runners.size, session.getRunner(0), session.isFresh]).toEqual([
      true,
      0,
      undefined,
      true,
    ]);
    session.createSequenceRunner([1]);
    expect([session.isFresh, other.isFresh]).toEqual([false, true]);
  });

  it('stays true after a creation that failed, an unknown runner, and use of the properties', async () => {
    const { session } = await (await start()).user();
    session.properties.set('name', 'value');
    session.getRunner(0);
    expect(() => session.createSequenceRunner(undefined as never)).toThrow(/source/i);
    expect(() => session.createProcessRunner(() => 1, { colour: 'red' } as never)).toThrow(/"colour"/);
    expect(session.isFresh).toBe(true);
  });
});

describe('The name of the host', () => {
  it('is random unless told otherwise', async () => {
    const [one, two] = [await start(), await start()];
    expect(one.registry.stats().hostId).not.toBe(two.registry.stats().hostId);
  });
});

describe('Maps', () => {
  it('of runners and sessions follow what happens, also when they were taken early', async () => {
    const app = await start();
    const { browser, session } = await app.user();
    const { runners, group } = session;
    const { sessions } = group;
    const runner = session.createSequenceRunner([1]);
    await app.enter(browser, 'tab');
    expect([...runners.keys()]).toEqual([runner.number]);
    expect([...sessions.keys()]).toEqual(['', 'tab']);
    await group.terminate();
    expect([runners.size, sessions.size]).toEqual([0, 0]);
  });
});

function touch(req: object): undefined {
  getActiveSession(req).touch();
}

describe('A session, and a group', () => {
  it('can be printed and sent as JSON, without what they hold', async () => {
    const app = await start();
    const { session } = await app.user();
    session.properties.set('secret', 'hidden');
    const shown = { id: session.id, generation: 1, isAvailable: true };
    expect(JSON.parse(JSON.stringify(session))).toEqual(shown);
    expect(JSON.parse(JSON.stringify(session.group))).toEqual({ id: session.baseId, isAvailable: true });
    for (const each of [session, session.group]) {
      expect(inspect(each)).toContain(session.baseId);
      expect(inspect(each).length).toBeLessThan(200);
    }
  });
});

function fail(): never {
  throw new Error('a bad subscriber');
}

const failLater: () => unknown = () => Promise.reject(new Error('a bad subscriber'));
