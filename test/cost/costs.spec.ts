import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Injectable, Scope } from '@nestjs/common';
import { Injector } from '@nestjs/core/injector/injector.js';
import { ActiveSessionRegistry, GroupScoped, SessionScoped } from 'nestjs-active-session';
import { FakeClock } from '../support/fake-clock.js';
import { InProcessApp } from '../support/in-process.js';
import { outputOf } from '../support/programs.js';
import { closeApps, startApp } from '../support/test-app.js';

/** What can be counted is counted here; what must be timed is in bench/. */

@GroupScoped()
class Preferences {
  readonly currency = 'EUR';
}

@SessionScoped()
class Cart {
  private items = 0;

  constructor(private readonly preferences: Preferences) {}

  add(): string {
    return `${++this.items} ${this.preferences.currency}`;
  }
}

@Controller('cart')
class CartController {
  constructor(private readonly cart: Cart) {}

  @Get()
  add(): string {
    return this.cart.add();
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {}

@Controller('per-request')
class PerRequestController {
  constructor(readonly dependency: PerRequest) {}

  @Get()
  get(): string {
    return 'made';
  }
}

/** How often Nest's injector is asked for anything. */
function countInjectorCalls(): () => number {
  const names = Object.getOwnPropertyNames(Injector.prototype).filter((name) => name !== 'constructor');
  const spies = names.map((name) => jest.spyOn(Injector.prototype, name as 'loadInstance'));
  return () => spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
}

afterEach(async () => {
  jest.restoreAllMocks();
  await closeApps();
});

describe('A request', () => {
  it("asks Nest's injector for nothing, be its session new or not", async () => {
    const { browser } = await startApp({
      metadata: { controllers: [CartController, PerRequestController], providers: [Cart, Preferences, PerRequest] },
    });
    const calls = countInjectorCalls();
    const visitor = browser();
    expect((await visitor.get('/cart')).text).toBe('1 EUR');
    expect((await visitor.get('/cart')).text).toBe('2 EUR');
    expect(calls()).toBe(0);
    // Those of request-scoped providers are seen.
    await visitor.get('/per-request');
    expect(calls()).toBeGreaterThan(0);
  });
});

describe('A session', () => {
  it('takes no timer of its own: one serves all, and none is left behind them', async () => {
    const clock = new FakeClock();
    const before = clock.pending;
    const { app, request } = await startWithSessions(clock, 1_000);
    expect(app.get(ActiveSessionRegistry).stats().sessions).toBe(1_000);
    expect(clock.pending - before).toBe(1);
    // Coming back takes none either.
    await request('user 7');
    expect(clock.pending - before).toBe(1);
    await Promise.all(
      app
        .get(ActiveSessionRegistry)
        .all()
        .map(({ group }) => group.terminate()),
    );
    expect(clock.pending - before).toBe(0);
    await app.close();
  });

  it('that is idle takes less than 750 bytes with its group', async () => {
    const count = 10_000;
    // Measured: 707 B; the goal of 700 B is for 100,000 sessions, which fill the tables of maps better.
    expect(Number(await outputOf('heap-of-sessions', String(count))) / count).toBeLessThan(750);
  }, 60_000);
});

async function startWithSessions(clock: FakeClock, count: number) {
  const inProcess = await InProcessApp.start({ providers: [Cart, Preferences] }, { clock });
  const { app } = inProcess;
  const cart = app.get(Cart);
  const request = (user: string): Promise<number> => inProcess.request(user, '', async () => void cart.add());
  for (let user = 0; user < count; user++) await request(`user ${user}`);
  return { app, request };
}
