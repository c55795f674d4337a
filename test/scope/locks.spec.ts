import { inspect } from 'node:util';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Logger, Module, Req, Scope } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import {
  ActiveSession,
  getSessionLockToken,
  GroupScoped,
  InjectSessionLock,
  LimitReachedError,
  LockAbortedError,
  type LockedService,
  LockTimeoutError,
  refreshActiveSession,
  ScopeMisuseError,
  SessionEndedError,
  SessionLock,
  sessionLock,
  sessionScoped,
  SessionScoped,
} from 'nestjs-active-session';
import { SessionContext } from '../../src/scope/context.js';
import { Mutex } from '../../src/scope/locks/mutex.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { Gate, until } from '../support/gate.js';
import { closeApps, type TestAppOptions } from '../support/test-app.js';
import { startScopedApp, type ScopedApp } from './scoped-app.js';

afterEach(async () => {
  await closeApps();
  jest.restoreAllMocks();
});

@SessionScoped()
class Cart {
  readonly items: string[] = [];
}
@GroupScoped()
class Household {
  readonly members: string[] = [];
}
@Injectable()
class Shop {
  constructor(
    @InjectSessionLock(Cart) readonly cartLock: SessionLock<Cart>,
    @InjectSessionLock(Household) readonly householdLock: SessionLock<Household>,
    @InjectSessionLock('OTHER') readonly otherLock: SessionLock<object>,
  ) {}
  @InjectSessionLock(Cart) readonly lockInProperty!: SessionLock<Cart>;
}
const providers = [Cart, Household, Shop, { provide: 'OTHER', useValue: {} }];

async function start(options: TestAppOptions = {}): Promise<ScopedApp & { shop: Shop }> {
  const app = await startScopedApp({ providers }, options);
  return { ...app, shop: app.get(Shop) };
}

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  await settle();
  const first = await Promise.race([promise.catch(() => undefined), Promise.resolve(pending)]);
  return first !== pending;
}

async function nameOfError(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => new Error('It did not fail'),
    (thrown: unknown) => thrown,
  );
  return (error as Error).name;
}

describe('A lock', () => {
  it('is had by one at a time of its session, first come first served', async () => {
    const { user, shop } = await start();
    const { run, session } = await user();
    const order: number[] = [];
    await run(async () => {
      const first = await shop.cartLock.acquire();
      expect(first.service).toBe(session.services.get(Cart));
      expect(first.isReallyLocked).toBe(true);
      const others = [1, 2, 3].map(async (number) => {
        const locked = await shop.lockInProperty.acquire();
        order.push(number);
        await settle();
        order.push(-number);
        locked.release();
      });
      expect(await isSettled(others[0]!)).toBe(false);
      first.release();
      expect(first.isReallyLocked).toBe(false);
      await Promise.all(others);
    });
    expect(order).toEqual([1, -1, 2, -2, 3, -3]);
  });

  it('is passed on once, however often it is released', async () => {
    const { user, shop } = await start();
    const { run } = await user();
    await run(async () => {
      const first = await shop.cartLock.acquire();
      const [second, third] = [shop.cartLock.acquire(), shop.cartLock.acquire()];
      first.release();
      first.release();
      first[Symbol.dispose]();
      await first[Symbol.asyncDispose]();
      expect((await second).isReallyLocked).toBe(true);
      expect(await isSettled(third)).toBe(false);
      (await second).release();
      (await third).release();
    });
  });

  it('is released by `using` and `await using`, also where the block throws', async () => {
    const { user, shop } = await start();
    const { run } = await user();
    await run(async () => {
      const failing = async (): Promise<void> => {
        using locked = await shop.cartLock.acquire();
        locked.service.items.push('apple');
        throw new Error('in the block');
      };
      await expect(failing()).rejects.toThrow('in the block');
      {
        await using locked = await shop.cartLock.acquire({ timeoutMs: 0 });
        expect(locked.service.items).toEqual(['apple']);
      }
      (await shop.cartLock.acquire({ timeoutMs: 0 })).release();
    });
  });

  it('is one for each session and token: others do not wait', async () => {
    const { user, shop } = await start();
    const [alice, bob] = [await user(), await user()];
    const held = await alice.run(() => shop.cartLock.acquire());
    await alice.run(() => shop.otherLock.acquire({ timeoutMs: 0 }));
    await bob.run(() => shop.cartLock.acquire({ timeoutMs: 0 }));
    const tab = await alice.tab('second');
    await tab.run(() => shop.cartLock.acquire({ timeoutMs: 0 }));
    expect(held.isReallyLocked).toBe(true);
  });

  it('of what is group-scoped is one for all sessions of the user', async () => {
    const { user, shop } = await start();
    const alice = await user();
    const tab = await alice.tab('second');
    const held = await alice.run(() => shop.householdLock.acquire());
    expect(await tab.run(() => shop.householdLock.tryAcquire())).toBeUndefined();
    held.release();
    const second = await tab.run(() => shop.householdLock.tryAcquire());
    expect(second?.service).toBe(alice.session.group.services.get(Household));
  });

  it('in a scoped class is the one of its own session, whoever calls', async () => {
    @SessionScoped()
    class Checkout {
      constructor(@InjectSessionLock(Cart) readonly lock: SessionLock<Cart>) {}
    }
    const app = await startScopedApp({ providers: [...providers, Checkout] });
    const [alice, bob] = [await app.user(), await app.user()];
    const checkout = alice.session.services.get(Checkout);
    expect(checkout.lock).toBeInstanceOf(SessionLock);
    const held = await bob.run(() => checkout.lock.acquire());
    expect(held.service).toBe(alice.session.services.get(Cart));
    expect(await alice.run(() => app.get(Shop).cartLock.tryAcquire())).toBeUndefined();
    expect(await bob.run(() => app.get(Shop).cartLock.tryAcquire())).toBeDefined();
  });

  it('outside of a session excludes nobody, and says so', async () => {
    const { shop, get } = await start();
    const [first, second] = [await shop.cartLock.acquire(), await shop.cartLock.tryAcquire()];
    expect([first.isReallyLocked, second?.isReallyLocked]).toEqual([false, false]);
    expect(first.service).toBe(get(Cart));
    first.release();
  });

  it('can be had from services and factories by its token, and replaced in tests', async () => {
    const fake = { acquire: () => Promise.reject(new Error('fake')) };
    const token = getSessionLockToken(Cart);
    const user = { provide: 'USER', inject: [token], useFactory: (lock: SessionLock<Cart>) => ({ lock }) };
    const app = await startScopedApp({ providers: [...providers, user] });
    const { session } = await app.user();
    const own = session.services.get<SessionLock<Cart>>(token as never);
    expect((await own.acquire()).service).toBe(session.services.get(Cart));
    expect(await app.get<{ lock: SessionLock<Cart> }>('USER').lock.acquire()).toMatchObject({ isReallyLocked: false });
    const overridden = await start({ override: (builder) => builder.overrideProvider(token).useValue(fake) });
    await expect(overridden.shop.cartLock.acquire()).rejects.toThrow('fake');
  });

  it('in a lazily loaded module is provided by sessionLock()', async () => {
    const app = await startScopedApp({ providers });
    // A class that is defined after the application has started.
    class Rack {}
    @Injectable()
    class Tailor {
      constructor(@InjectSessionLock(Rack) readonly lock: SessionLock<Rack>) {}
    }
    @Module({ providers: [Rack, Tailor] })
    class Incomplete {}
    @Module({ providers: [Rack, Tailor, sessionLock(Rack)] })
    class Complete {}
    const loader = app.app.get(LazyModuleLoader);
    await expect(loader.load(() => Incomplete)).rejects.toThrow(
      /SessionLock<Rack> \(import ActiveSessionModule\.forRoot\(\)/,
    );
    const tailor = (await loader.load(() => Complete)).get(Tailor);
    const { run } = await app.user();
    expect((await run(() => tailor.lock.acquire())).service).toBeInstanceOf(Rack);
  });

  it('of the next generation is another one, in the same request', async () => {
    @Controller('renew')
    class RenewController {
      constructor(
        private readonly shop: Shop,
        private readonly session: ActiveSession,
      ) {}
      @Get()
      async renew(@Req() req: object): Promise<unknown> {
        const old = await this.shop.cartLock.acquire();
        old.service.items.push('old');
        await this.session.terminate();
        const ended: unknown = await this.shop.cartLock.acquire().catch((error: unknown) => error);
        refreshActiveSession(req);
        const next = await this.shop.cartLock.acquire({ timeoutMs: 0 });
        return { ended: (ended as Error).name, items: next.service.items, generation: this.session.generation };
      }
    }
    const app = await startScopedApp({ providers, controllers: [RenewController] });
    const { body } = await app.browser().get('/renew');
    expect(body).toEqual({ ended: 'SessionEndedError', items: [], generation: 2 });
  });
});

describe('Waiting for a lock', () => {
  it('ends after 30 s, or `timeoutMs`, with an error that tells of the holder', async () => {
    const clock = new FakeClock();
    const { user, shop } = await start({ options: { clock } });
    const { run } = await user();
    await run(() => shop.cartLock.acquire());
    const failed = jest.fn();
    run(() => shop.cartLock.acquire()).catch(failed);
    await clock.advance(29_999);
    expect(failed).not.toHaveBeenCalled();
    await clock.advance(1);
    const error = failed.mock.calls[0]?.[0];
    expect(error).toBeInstanceOf(LockTimeoutError);
    expect(error).toMatchObject({
      code: 'LOCK_TIMEOUT',
      message:
        'The lock of Cart was not free within 30000 ms: it has been held for 30000 ms by other code of the session',
    });
    const short = expect(run(() => shop.cartLock.acquire({ timeoutMs: 50 }))).rejects.toThrow('within 50 ms');
    await clock.advance(50);
    await short;
    await expect(run(() => shop.cartLock.acquire({ timeoutMs: 0 }))).rejects.toThrow('within 0 ms');
  });

  it('leaves no timer behind, and nobody who gave up is in the way of others', async () => {
    const clock = new FakeClock();
    const { user, shop } = await start({ options: { clock } });
    const { run } = await user();
    const { pending } = clock;
    const first = await run(() => shop.cartLock.acquire());
    const gaveUp = expect(run(() => shop.cartLock.acquire({ timeoutMs: 10 }))).rejects.toThrow(LockTimeoutError);
    const last = run(() => shop.cartLock.acquire());
    await settle();
    await clock.advance(10);
    await gaveUp;
    first.release();
    (await last).release();
    expect(clock.pending).toBe(pending);
    expect(await run(() => shop.cartLock.tryAcquire())).toBeDefined();
  });

  it('with tryAcquire() does not happen, unless `timeoutMs` says so', async () => {
    const clock = new FakeClock();
    const { user, shop } = await start({ options: { clock } });
    const { run } = await user();
    const held = await run(() => shop.cartLock.acquire());
    expect(await run(() => shop.cartLock.tryAcquire())).toBeUndefined();
    const waiting = run(() => shop.cartLock.tryAcquire({ timeoutMs: 100 }));
    await clock.advance(100);
    expect(await waiting).toBeUndefined();
    const patient = run(() => shop.cartLock.tryAcquire({ timeoutMs: 100 }));
    await settle();
    held.release();
    expect((await patient)?.isReallyLocked).toBe(true);
  });

  it('for ever sets no timer', async () => {
    const clock = new FakeClock();
    const { user, shop } = await start({ options: { clock } });
    const { run } = await user();
    const held = await run(() => shop.cartLock.acquire());
    const { pending } = clock;
    const waiting = run(() => shop.cartLock.acquire({ timeoutMs: Infinity }));
    await settle();
    expect(clock.pending).toBe(pending);
    held.release();
    expect((await waiting).isReallyLocked).toBe(true);
  });

  it('is not mistaken for what the service itself throws, or for a time-out that is undefined', async () => {
    const failing = sessionScoped({
      provide: 'FAILING',
      useFactory: () => {
        throw new LockTimeoutError('something else', 1, 'it is held');
      },
    });
    @Injectable()
    class Locks {
      constructor(@InjectSessionLock('FAILING') readonly failing: SessionLock<object>) {}
    }
    const app = await startScopedApp({ providers: [...providers, failing, Locks] });
    const { run } = await app.user();
    await expect(run(() => app.get(Locks).failing.tryAcquire())).rejects.toThrow('something else');
    await run(() => app.get(Shop).cartLock.acquire());
    expect(await run(() => app.get(Shop).cartLock.tryAcquire({ timeoutMs: undefined }))).toBeUndefined();
  });

  it('stops with its signal', async () => {
    const { user, shop } = await start();
    const { run } = await user();
    const held = await run(() => shop.cartLock.acquire());
    const abort = new AbortController();
    const waiting = run(() => shop.cartLock.acquire({ signal: abort.signal }));
    const behind = run(() => shop.cartLock.acquire());
    await settle();
    abort.abort(new Error('the client has gone'));
    await expect(waiting).rejects.toThrow(LockAbortedError);
    await expect(waiting).rejects.toMatchObject({ code: 'LOCK_ABORTED', cause: new Error('the client has gone') });
    await expect(run(() => shop.cartLock.tryAcquire({ signal: abort.signal }))).rejects.toThrow(LockAbortedError);
    held.release();
    (await behind).release();
  });

  it('ends with the session: every one that waits is told, and nobody gets it any more', async () => {
    const { user, shop } = await start();
    const { run, session } = await user();
    const held = await run(() => shop.cartLock.acquire());
    const waiting = Array.from({ length: 5 }, () => run(() => shop.cartLock.acquire()));
    await settle();
    void session.terminate();
    for (const each of waiting) {
      await expect(each).rejects.toThrow(SessionEndedError);
      await expect(each).rejects.toMatchObject({ reason: 'terminated' });
    }
    await expect(run(() => shop.cartLock.acquire())).rejects.toThrow(SessionEndedError);
    held.release();
    await session.cleanupCompletion;
    held.release();
    await expect(run(() => shop.cartLock.acquire())).rejects.toThrow(SessionEndedError);
  });

  it("for a group's lock ends with one's own session, and a session that has ended does not keep it", async () => {
    const { user, shop } = await start();
    const alice = await user();
    const tab = await alice.tab('second');
    await alice.run(() => shop.householdLock.acquire());
    const waiting = tab.run(() => shop.householdLock.acquire());
    await settle();
    await tab.session.terminate();
    await expect(waiting).rejects.toThrow(SessionEndedError);
    const third = await alice.tab('third');
    const last = third.run(() => shop.householdLock.acquire());
    expect(await isSettled(last)).toBe(false);
    await alice.session.terminate();
    expect((await last).isReallyLocked).toBe(true);
  });

  it.each([
    [{ timeoutMs: -1 }, '"timeoutMs" of a lock to be a number of ms >= 0, got -1'],
    [{ timeoutMs: NaN }, 'got NaN'],
    [{ timeoutMs: '1' as never }, "got '1'"],
    [{ signal: {} as never }, '"signal" of a lock to be an AbortSignal'],
  ])('takes no %j', async (options, message) => {
    const { shop } = await start();
    await expect(shop.cartLock.acquire(options)).rejects.toThrow(message);
    await expect(shop.cartLock.acquire(options)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it("for a token that nobody provides is Nest's own error; what fails behind the token leaves it free", async () => {
    let tries = 0;
    const shaky = sessionScoped({
      provide: 'SHAKY',
      useFactory: () => {
        if (++tries === 1) throw new Error('shaky');
        return {};
      },
    });
    @Injectable()
    class Locks {
      constructor(
        @InjectSessionLock('NOBODY') readonly nobody: SessionLock<unknown>,
        @InjectSessionLock('SHAKY') readonly shaky: SessionLock<object>,
      ) {}
    }
    const app = await startScopedApp({ providers: [...providers, Locks, shaky] });
    const { run } = await app.user();
    await expect(run(() => app.get(Locks).nobody.acquire())).rejects.toThrow(/could not find NOBODY/);
    await expect(run(() => app.get(Locks).shaky.acquire())).rejects.toThrow('shaky');
    expect((await run(() => app.get(Locks).shaky.acquire({ timeoutMs: 0 }))).isReallyLocked).toBe(true);
  });

  it('by 10,000 ends for all of them, in their order', async () => {
    const { user, shop } = await start();
    const { run } = await user();
    const first = await run(() => shop.cartLock.acquire());
    const order: number[] = [];
    const all = Array.from({ length: 10_000 }, async (_, number) => {
      const locked = await run(() => shop.cartLock.acquire());
      order.push(number);
      locked.release();
    });
    await settle();
    first.release();
    await Promise.all(all);
    expect(order).toEqual(all.map((_, number) => number));
  });

  it('takes no more steps where a million wait: none of them is looked at but the next', () => {
    const mutex = new Mutex();
    let granted = 0;
    mutex.tryEnter();
    const places = Array.from({ length: 1_000_000 }, () => mutex.queue(() => granted++));
    // With a search in each of these steps it would not end.
    for (let i = 1; i < places.length; i += 2) mutex.giveUp(places[i]!);
    for (let i = 0; i < places.length / 2; i++) mutex.leave();
    expect(granted).toBe(500_000);
    expect(mutex.tryEnter()).toBe(false);
    mutex.leave();
    expect(mutex.tryEnter()).toBe(true);
  });
});

describe('Code that waits for what it holds itself', () => {
  it('is told at once where it runs within run()', async () => {
    const { user, shop } = await start();
    const { run } = await user();
    const result = await run(() =>
      shop.cartLock.run(async (cart) => {
        cart.items.push('apple');
        const again = shop.lockInProperty.acquire();
        await expect(again).rejects.toThrow(ScopeMisuseError);
        await expect(again).rejects.toThrow(
          'The lock of Cart is acquired by code that already holds it, and would wait for itself for ever. Pass the locked service on instead of acquiring it again.',
        );
        return shop.otherLock.run(async () => {
          await expect(shop.cartLock.run(() => 0)).rejects.toThrow('already holds it');
          return cart.items.length;
        });
      }),
    );
    expect(result).toBe(1);
    await expect(run(() => shop.cartLock.run(() => Promise.reject(new Error('in run'))))).rejects.toThrow('in run');
    expect(await run(() => shop.cartLock.tryAcquire())).toBeDefined();
  });

  it('is not told so where others of its request hold it, or where it was released meanwhile', async () => {
    const { user, shop } = await start();
    const { run } = await user();
    const both = await run(() => Promise.all([shop.cartLock.run(() => settle()), shop.cartLock.run(() => 'second')]));
    expect(both).toEqual([undefined, 'second']);
    const gate = new Gate();
    let later: Promise<LockedService<Cart>> | undefined;
    await run(() =>
      shop.cartLock.run(() => {
        later = gate.opened.then(() => shop.cartLock.acquire());
      }),
    );
    gate.open();
    expect((await later)?.isReallyLocked).toBe(true);
  });

  it('keeps nothing of the locks that it held before', () => {
    const context = new SessionContext();
    const holds = [{ isReleased: false }, { isReleased: false }, { isReleased: false }];
    const known: unknown[] = [];
    context.runHolding(holds[0]!, () => {
      context.runHolding(holds[1]!, () => {
        holds[1]!.isReleased = true;
        context.runHolding(holds[2]!, () => {
          for (let each = context.knownHolds(); each !== undefined; each = each.outer) known.push(each.hold);
        });
      });
    });
    context.disable();
    expect(known).toEqual([holds[2], holds[0]]);
  });

  it('is told of in the log after 5 s, and by the error, where acquire() cannot know it', async () => {
    const warned: string[] = [];
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((message: unknown) => void warned.push(String(message)));
    const clock = new FakeClock();
    let again = (): Promise<void> => Promise.resolve();
    @Controller('again')
    class AgainController {
      @Get()
      again(): Promise<void> {
        return again();
      }
    }
    const { user, get } = await startScopedApp({ providers, controllers: [AgainController] }, { options: { clock } });
    const shop = get(Shop);
    let waiting: Promise<unknown> | undefined;
    const { browser, session } = await user();
    const told = (): string[] => warned.filter((message) => message.includes('Cart'));
    again = async () => {
      await shop.cartLock.acquire();
      waiting = shop.cartLock.acquire().catch((error: unknown) => (error as Error).message);
    };
    const answer = browser.get('/again');
    await until(() => waiting !== undefined);
    await settle();
    await clock.advance(5_000);
    expect(told()).toEqual([
      'Waiting for the lock of Cart for 5000 ms: it has been held for 5000 ms by the same request, which may be waiting for itself',
    ]);
    await clock.advance(25_000);
    expect(await waiting).toMatch(
      /within 30000 ms: it has been held for 30000 ms by the same request, which may be waiting/,
    );
    await answer;
    await session.terminate();
    expect(told()).toHaveLength(1);
  });
});

describe('A runner with `holds`', () => {
  async function startRunner() {
    const app = await start();
    const user = await app.user();
    const free = async (): Promise<boolean> => {
      const locked = await user.run(() => app.shop.cartLock.tryAcquire());
      locked?.release();
      return locked !== undefined;
    };
    return { ...app, ...user, free, holds: () => user.run(() => app.shop.cartLock.acquire()) };
  }

  it('has the lock until its work is over, and is known to have it', async () => {
    const { session, shop, free, holds } = await startRunner();
    const gate = new Gate();
    const told: unknown[] = [];
    const runner = session.createProcessRunner(
      async () => {
        told.push(await nameOfError(shop.cartLock.acquire()));
        await gate.opened;
      },
      { holds: await holds() },
    );
    await settle();
    expect(told).toEqual(['ScopeMisuseError']);
    expect(await free()).toBe(false);
    gate.open();
    await runner.getRequired();
    expect(await free()).toBe(true);
  });

  it('releases it when a sequence has ended, or was aborted and has cleaned up', async () => {
    const { session, shop, free, holds } = await startRunner();
    const told: string[] = [];
    const cleaned = new Gate();
    async function* rows(): AsyncGenerator<number> {
      try {
        told.push(await nameOfError(shop.cartLock.acquire()));
        yield 1;
        yield 2;
      } finally {
        await cleaned.opened;
      }
    }
    const first = session.createSequenceRunner(rows, { holds: [await holds()] });
    await first.getRequired({ advance: 1 });
    expect(told).toEqual(['ScopeMisuseError']);
    first.abort();
    expect(await free()).toBe(false);
    cleaned.open();
    await until(() => first.isBackgroundCompleted);
    expect(await free()).toBe(true);
    const second = session.createSequenceRunner([1], { holds: await holds() });
    expect(await free()).toBe(false);
    await second.getRequired({ advance: 2 });
    expect(await free()).toBe(true);
    const never = session.createSequenceRunner([1], { holds: await holds() });
    never.abort();
    await until(() => never.isBackgroundCompleted);
    expect(await free()).toBe(true);
  });

  it('has it although the caller lets go of it, by `using`, too', async () => {
    const { session, shop, run, free } = await startRunner();
    const gate = new Gate();
    const runner = await run(async () => {
      using locked = await shop.cartLock.acquire();
      const made = session.createProcessRunner(() => gate.opened, { holds: locked });
      locked.release();
      expect(locked.isReallyLocked).toBe(true);
      return made;
    });
    expect(await free()).toBe(false);
    gate.open();
    await runner.getRequired();
    expect(await free()).toBe(true);
  });

  it('takes no lock that was released, or given away', async () => {
    const { session, holds, free } = await startRunner();
    const released = await holds();
    released.release();
    expect(() => session.createSequenceRunner([1], { holds: released })).toThrow(
      /"holds" of a runner to be a lock that is held; that of Cart was released, or given to another runner/,
    );
    const given = await holds();
    const gate = new Gate();
    const runner = session.createProcessRunner(() => gate.opened, { holds: given, dedupeKey: 'same' });
    for (const options of [{}, { dedupeKey: 'same' }])
      expect(() => session.createProcessRunner(() => gate.opened, { holds: given, ...options })).toThrow(
        /given to another/,
      );
    expect(await free()).toBe(false);
    gate.open();
    await runner.getRequired();
    expect(await free()).toBe(true);
  });

  it('of another session than the one that acquired it keeps it, when that ends', async () => {
    const { user, shop } = await start();
    const alice = await user();
    const tab = await alice.tab('second');
    const holds = await alice.run(() => shop.householdLock.acquire());
    const gate = new Gate();
    const runner = tab.session.createProcessRunner(() => gate.opened, { holds });
    await alice.session.terminate();
    expect(await tab.run(() => shop.householdLock.tryAcquire())).toBeUndefined();
    gate.open();
    await runner.getRequired();
    expect(await tab.run(() => shop.householdLock.tryAcquire())).toBeDefined();
  });

  it('does not hand on to the runners that it starts that it is known to hold it', async () => {
    const { session, shop, holds } = await startRunner();
    const outer = session.createProcessRunner(
      () => session.createProcessRunner(() => shop.cartLock.run(() => 'inner')).getRequired({ waitMs: 0 }),
      { holds: await holds() },
    );
    await outer.getRequired();
    const inner = session.getRunner(1)!;
    await until(() => inner.isBackgroundCompleted);
    expect(inner.error).toBeUndefined();
    expect(inner.getAvailable()).toMatchObject({ result: 'inner' });
  });

  it('releases it where it cannot be made, or is there already', async () => {
    const { session, free, holds, shop, run } = await startRunner();
    const bad = await holds();
    expect(() => session.createProcessRunner('no body' as never, { holds: bad })).toThrow();
    expect(await free()).toBe(true);
    const wrong = await holds();
    expect(() => session.createSequenceRunner([1], { holds: wrong, nmae: 'x' } as never)).toThrow(/no option "nmae"/);
    expect(await free()).toBe(true);
    expect(() => session.createSequenceRunner([1], { holds: {} as never })).toThrow(
      /"holds" of a runner to be a LockedService/,
    );
    const options = { dedupeKey: 'same' };
    const runner = session.createSequenceRunner([1], options);
    expect(session.createSequenceRunner([1], { ...options, holds: await holds() })).toBe(runner);
    expect(await free()).toBe(true);
    for (let i = 0; i < 63; i++) session.createSequenceRunner([1]);
    const tooMany = await holds();
    expect(() => session.createSequenceRunner([1], { holds: tooMany })).toThrow(LimitReachedError);
    expect(await free()).toBe(true);
    const [last, other] = [await holds(), await run(() => shop.otherLock.acquire())];
    await session.terminate();
    expect(() => session.createSequenceRunner([1], { holds: [last, other] })).toThrow(SessionEndedError);
    expect([last.isReallyLocked, other.isReallyLocked]).toEqual([false, false]);
  });
});

describe('The token of a lock', () => {
  it('must be one', () => {
    expect(() => InjectSessionLock(undefined as never)).toThrow(
      /^Expected the token of a lock to be a class, a string or a symbol, got undefined\. Where two files import each other/,
    );
  });

  it('that nobody provides keeps no application from starting, also in a group-scoped class', async () => {
    @GroupScoped()
    class Group {
      constructor(@InjectSessionLock('NOBODY AT ALL') readonly lock: SessionLock<unknown>) {}
    }
    const app = await startScopedApp({ providers: [Group] });
    const { session, run } = await app.user();
    const { lock } = session.group.services.get(Group);
    await expect(run(() => lock.acquire())).rejects.toThrow(/could not find NOBODY AT ALL/);
  });

  it('and what is locked by it is printed without what that holds', async () => {
    const { user, shop } = await start();
    const locked = await (await user()).run(() => shop.cartLock.acquire());
    expect(inspect(locked)).toBe('LockedService<Cart> {"isReallyLocked":true}');
    expect(inspect(shop.cartLock)).toBe('SessionLock<Cart>');
  });
});

describe('Transient and singleton tokens', () => {
  it('have a lock, too', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Pen {}
    @Injectable()
    class Desk {
      constructor(
        @InjectSessionLock(Pen) readonly penLock: SessionLock<Pen>,
        @InjectSessionLock(Shop) readonly shopLock: SessionLock<Shop>,
        @Inject(Shop) readonly shop: Shop,
      ) {}
    }
    const app = await startScopedApp({ providers: [...providers, Pen, Desk] });
    const { run } = await app.user();
    const desk = app.get(Desk);
    expect((await run(() => desk.penLock.acquire())).service).toBeInstanceOf(Pen);
    expect(await run(() => desk.penLock.tryAcquire())).toBeUndefined();
    expect(await desk.penLock.acquire()).toMatchObject({ isReallyLocked: false, service: expect.any(Pen) });
    expect((await run(() => desk.shopLock.acquire())).service).toBe(desk.shop);
  });
});
