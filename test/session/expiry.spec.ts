import { describe, expect, it, jest } from '@jest/globals';
import {
  getActiveSession,
  SystemClock,
  type ActiveSession,
  type ActiveSessionModuleOptions,
} from 'nestjs-active-session';
import { FakeClock } from '../support/fake-clock.js';
import { Gate, until, untilAborted } from '../support/gate.js';
import type { Handlers } from '../support/handlers.js';
import { useSessionApps, type SessionApp } from '../support/session-app.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const { start } = useSessionApps();

/** Checks that a session ends so long from now: not before, and at most a second late. */
async function expectEndAfter(app: SessionApp, session: ActiveSession, ms: number, reason: string): Promise<void> {
  await app.clock.advance(ms - 1);
  expect(session.isAvailable).toBe(true);
  await app.clock.advance(SECOND + 1);
  expect(session.endReason).toBe(reason);
}

describe('The idle time', () => {
  it('is 20 minutes unless told otherwise', async () => {
    const app = await start();
    const { session } = await app.user();
    await expectEndAfter(app, session, 20 * MINUTE, 'idle');
  });

  it('starts anew with each request', async () => {
    const app = await start({ options: { idleTimeoutMs: MINUTE } });
    const { browser, session } = await app.user();
    for (let request = 0; request < 5; request++) {
      await app.clock.advance(50 * SECOND);
      await app.enter(browser);
    }
    await expectEndAfter(app, session, MINUTE, 'idle');
  });

  it('starts anew with requests that do not look at the session', async () => {
    const app = await start({ options: { idleTimeoutMs: MINUTE }, handlers: { pass: () => 'by' } });
    const { browser, session } = await app.user();
    await app.clock.advance(50 * SECOND);
    await browser.get('/pass');
    await app.requestsOver();
    await expectEndAfter(app, session, MINUTE, 'idle');
  });

  it('starts anew with touch(), for work that no request does', async () => {
    const app = await start({ options: { idleTimeoutMs: MINUTE } });
    const { session } = await app.user();
    await app.clock.advance(50 * SECOND);
    session.touch();
    await expectEndAfter(app, session, MINUTE, 'idle');
    expect(() => session.touch()).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
  });

  it('is not changed by who only looks', async () => {
    const app = await start({ options: { idleTimeoutMs: MINUTE } });
    const { session } = await app.user();
    await app.clock.advance(50 * SECOND);
    expect(app.registry.all()).toEqual([app.registry.get(session.id)]);
    expect([app.registry.stats().sessions, session.runners.size, session.properties.size]).toEqual([1, 0, 0]);
    expect(app.registry.run(session, () => app.registry.current())).toBe(session);
    await expectEndAfter(app, session, 10 * SECOND, 'idle');
  });

  it('is not changed by a runner that is read in the background', async () => {
    const app = await start({ options: { idleTimeoutMs: 60 * SECOND } });
    const { session } = await app.user();
    const runner = session.createSequenceRunner([1, 2]);
    await app.clock.advance(50 * SECOND);
    await runner.getRequired({ advance: 1 });
    await app.clock.advance(11 * SECOND);
    expect(session.endReason).toBe('idle');
  });

  it("is its runners', too, unless told otherwise", async () => {
    const app = await start({ options: { idleTimeoutMs: 60 * SECOND } });
    const { browser, session } = await app.user();
    const { number } = session.createSequenceRunner([1]);
    await app.clock.advance(40 * SECOND);
    await app.enter(browser);
    await app.clock.advance(19 * SECOND);
    expect(session.getRunner(number)).toBeDefined();
    await app.clock.advance(2 * SECOND);
    expect([session.getRunner(number), session.isAvailable]).toEqual([undefined, true]);
  });

  it('is each session’s own', async () => {
    const app = await start({ options: { idleTimeoutMs: MINUTE } });
    const { browser, session } = await app.user();
    await app.clock.advance(30 * SECOND);
    const tab = await app.enter(browser, 'tab');
    await expectEndAfter(app, session, 30 * SECOND, 'idle');
    expect(tab.isAvailable).toBe(true);
    await expectEndAfter(app, tab, 29 * SECOND - 1, 'idle');
  });

  it('is over when the request is, where it is 0', async () => {
    const gate = new Gate();
    const app = await start({ options: { idleTimeoutMs: 0 }, handlers: { hold: holdOpen(gate) } });
    const answer = app.browser().get('/hold');
    await app.clock.advance(HOUR);
    const [session] = app.registry.all();
    expect(session?.isAvailable).toBe(true);
    gate.open();
    await answer;
    await app.requestsOver();
    await app.clock.advance(SECOND);
    expect(session?.endReason).toBe('idle');
  });

  it('can be without end', async () => {
    const app = await start({ options: { idleTimeoutMs: Infinity, maxLifetimeMs: Infinity } });
    const { session } = await app.user();
    await app.clock.advance(1e12);
    expect(session.isAvailable).toBe(true);
  });
});

describe('The lifetime', () => {
  const options: ActiveSessionModuleOptions = {
    idleTimeoutMs: Infinity,
    maxLifetimeMs: HOUR,
    cleanupTimeoutMs: 5 * SECOND,
  };

  it('is 24 hours unless told otherwise', async () => {
    const app = await start({ options: { idleTimeoutMs: Infinity } });
    const { browser, session } = await app.user();
    for (let hour = 1; hour < 24; hour++) {
      await app.clock.advance(HOUR);
      await app.enter(browser);
    }
    await expectEndAfter(app, session, HOUR, 'max-lifetime');
  });

  it('is over whatever was touched', async () => {
    const app = await start({ options });
    const { session } = await app.user();
    await app.clock.advance(HOUR - SECOND);
    session.touch();
    await expectEndAfter(app, session, SECOND, 'max-lifetime');
  });

  it('lets requests finish, while reads that wait answer and new requests get the next generation', async () => {
    const gate = new Gate();
    const seen: string[] = [];
    const app = await start({
      options,
      handlers: {
        hold: async (req) => {
          const session = getActiveSession(req);
          const runner = session.createProcessRunner((_report, signal) => untilAborted(signal));
          seen.push('waits');
          seen.push((await runner.getRequired()).status);
          await gate.opened;
          session.properties.set('written', true);
        },
      },
    });
    const { browser, session } = await app.user();
    const held = browser.get('/hold');
    await app.clock.advance(HOUR + SECOND);
    expect(seen).toEqual(['waits', 'stalled']);
    expect(session.isAvailable).toBe(true);

    expect((await browser.get('/use')).status).toBe(200);
    const [next] = app.registry.all();
    expect([session.generation, next?.generation]).toEqual([1, 2]);
    expect(next?.group).toBe(session.group);
    // The one that is still held is among those in use.
    await until(() => app.registry.stats().pinned === 1);

    gate.open();
    expect((await held).status).toBe(200);
    await app.clock.advance(0);
    expect([session.endReason, session.properties.get('written'), next?.isAvailable]).toEqual([
      'max-lifetime',
      true,
      true,
    ]);
  });

  it('ends with the last of several requests', async () => {
    const [one, two] = [new Gate(), new Gate()];
    const app = await start({ options, handlers: { one: holdOpen(one), two: holdOpen(two) } });
    const { browser, session } = await app.user();
    const [first, second] = [browser.get('/one'), browser.get('/two')];
    await app.clock.advance(HOUR + SECOND);
    one.open();
    await first;
    await app.clock.advance(0);
    expect(session.isAvailable).toBe(true);
    two.open();
    await second;
    await app.clock.advance(0);
    expect(session.endReason).toBe('max-lifetime');
  });

  it('is exceeded by no more than `cleanupTimeoutMs`, whatever uses the session', async () => {
    const gate = new Gate();
    const app = await start({ options, handlers: { hold: holdOpen(gate) } });
    const { browser, session } = await app.user();
    const held = browser.get('/hold');
    await expectRetired(app, session);
    await app.clock.advance(4 * SECOND);
    expect(session.isAvailable).toBe(true);
    await app.clock.advance(SECOND);
    expect(session.endReason).toBe('max-lifetime');
    gate.open();
    await held;
  });

  async function expectRetired(app: SessionApp, session: ActiveSession): Promise<void> {
    await app.clock.advance(HOUR + 100);
    expect(session.isAvailable).toBe(true);
    expect(app.registry.all()).toEqual([]);
  }
});

describe('A session whose cookie has not come back', () => {
  it('ends after 2 minutes', async () => {
    const app = await start();
    const session = await app.enter(app.browser());
    await expectEndAfter(app, session, 2 * MINUTE, 'idle');
  });

  it('ends after the idle time where that is shorter', async () => {
    const app = await start({ options: { idleTimeoutMs: MINUTE } });
    const session = await app.enter(app.browser());
    await expectEndAfter(app, session, MINUTE, 'idle');
  });

  it('is kept like any other from when it does', async () => {
    const app = await start();
    const browser = app.browser();
    const session = await app.enter(browser);
    await app.clock.advance(MINUTE);
    await browser.get('/use?tab=other');
    await expectEndAfter(app, session, 19 * MINUTE, 'idle');
  });

  it('is kept for the idle time while a runner works', async () => {
    const app = await start({ handlers: { work: workUntil(new Gate()) } });
    await app.browser().get('/work');
    await app.requestsOver();
    const [session] = app.registry.all();
    await expectEndAfter(app, session!, 20 * MINUTE, 'idle');
  });

  it('ends at most 2 minutes after its runner has finished', async () => {
    const gate = new Gate();
    const app = await start({ handlers: { work: workUntil(gate) } });
    await app.browser().get('/work');
    await app.requestsOver();
    const [session] = app.registry.all();
    await app.clock.advance(5 * MINUTE);
    expect(session?.isAvailable).toBe(true);
    gate.open();
    await app.clock.advance(2 * MINUTE + SECOND);
    expect(session?.endReason).toBe('idle');
  });

  it('is none where `identify` names the user', async () => {
    const app = await start({ options: { identify: () => 'somebody' } });
    const session = await app.enter(app.browser());
    await expectEndAfter(app, session, 20 * MINUTE, 'idle');
  });
});

describe('Timers', () => {
  it('are none while there is no session', async () => {
    const app = await start();
    await app.browser().get('/nowhere');
    expect(app.clock.pending).toBe(0);
  });

  it('are one for all sessions', async () => {
    const app = await start();
    for (let user = 0; user < 5; user++) {
      await app.user();
      await app.clock.advance(3 * MINUTE);
      await app.enter(app.browser());
      expect(app.clock.pending).toBe(1);
    }
  });

  it('are none when the last session has ended, however it did', async () => {
    const app = await start({ options: { idleTimeoutMs: MINUTE } });
    await app.user();
    await app.clock.advance(30 * SECOND);
    const { session } = await app.user();
    await session.terminate();
    await app.clock.advance(30 * SECOND + 100);
    expect(app.registry.all()).toEqual([]);
    expect(app.clock.pending).toBe(0);
  });

  it('are not for sessions that have ended long before they were due', async () => {
    const app = await start();
    const { session: stayer } = await app.user();
    for (let user = 0; user < 10; user++) {
      await app.clock.advance(SECOND);
      const { session } = await app.user();
      await session.terminate();
    }
    stayer.touch();
    await app.clock.advance(SECOND);
    const setTimer = jest.spyOn(app.clock, 'setTimeout');
    await app.clock.advance(20 * MINUTE - 2 * SECOND);
    expect(stayer.isAvailable).toBe(true);
    expect(setTimer).toHaveBeenCalledTimes(1);
  });

  it('are none when the application has closed', async () => {
    const app = await start();
    const { browser } = await app.user();
    await browser.post('/runners');
    await app.enter(browser, 'tab');
    expect(app.clock.pending).toBeGreaterThan(0);
    await app.app.close();
    expect(app.clock.pending).toBe(0);
  });

  it('of more than 2^31 ms wait as long as they should', async () => {
    const clock = new ClockOfThePlatform();
    const idleTimeoutMs = 2 ** 31 + HOUR;
    const app = await start({ options: { clock, idleTimeoutMs, maxLifetimeMs: Infinity } });
    const { session } = await app.user();
    await expectEndAfter(app, session, idleTimeoutMs, 'idle');
  });

  it('are within what the platform can do, and do not keep the process alive', () => {
    const setTimer = jest.spyOn(globalThis, 'setTimeout');
    const timer = new SystemClock().setTimeout(() => {}, 2 ** 40);
    expect(setTimer.mock.calls[0]?.[1]).toBe(2 ** 31 - 1);
    expect((setTimer.mock.results[0]?.value as NodeJS.Timeout).hasRef()).toBe(false);
    timer.cancel();
  });
});

/** Fires early what is too long for it. */
class ClockOfThePlatform extends FakeClock {
  override setTimeout(fn: () => void, delayMs: number): { cancel(): void } {
    return super.setTimeout(fn, Math.min(delayMs, 2 ** 31 - 1));
  }
}

function holdOpen(gate: Gate): Handlers[string] {
  return async (req) => {
    expect(getActiveSession(req).isAvailable).toBe(true);
    await gate.opened;
  };
}

function workUntil(gate: Gate): Handlers[string] {
  return (req) =>
    void getActiveSession(req).createProcessRunner((_report, signal) =>
      Promise.race([gate.opened, untilAborted(signal)]),
    );
}
