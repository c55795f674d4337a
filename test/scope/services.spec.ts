import { afterEach, describe, expect, it } from '@jest/globals';
import { forwardRef, Inject, Injectable, Optional, Scope } from '@nestjs/common';
import {
  ActiveSession,
  ActiveSessionGroup,
  GroupScoped,
  ScopeMisuseError,
  SessionEndedError,
  SessionModuleRef,
  SessionScoped,
} from 'nestjs-active-session';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Gate } from '../support/gate.js';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

afterEach(closeApps);

@Injectable()
class Prices {}

@SessionScoped()
class Cart {
  readonly items: string[] = [];
}

@GroupScoped()
class Account {}

@Injectable({ scope: Scope.TRANSIENT })
class Fresh {
  constructor(readonly prices: Prices) {}
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {}

@Injectable()
class NeedsRequest {
  constructor(readonly perRequest: PerRequest) {}
}

const providers = [
  Prices,
  Cart,
  Account,
  Fresh,
  PerRequest,
  NeedsRequest,
  { provide: 'alias', useExisting: Cart },
  { provide: 'fresh', useExisting: Fresh },
  { provide: 'value', useValue: 42 },
];

async function start() {
  const app = await startScopedApp({ providers });
  const [alice, bob] = [await app.user(), await app.user()];
  return { app, alice, bob, services: alice.session.services };
}

describe('session.services', () => {
  it('is the same object each time, and can be recognised', async () => {
    const { alice, bob, services } = await start();
    expect(services).toBeInstanceOf(SessionModuleRef);
    expect(alice.session.services).toBe(services);
    expect(bob.session.services).not.toBe(services);
  });

  describe('get()', () => {
    it("gives this session's own objects, whoever asks", async () => {
      const { app, alice, bob, services } = await start();
      const cart = bob.run(() => services.get(Cart));
      alice.run(() => app.get(Cart).items.push('apple'));
      expect(cart.items).toEqual(['apple']);
      expect(bob.session.services.get(Cart).items).toEqual([]);
      expect(services.get('alias')).toBe(cart);
      expect(services.get(Account)).toBe(alice.session.group.services.get(Account));
      expect(services.get(Account)).not.toBe(bob.session.services.get(Account));
    });

    it('gives the real object: its own properties can be listed, spread and compared', async () => {
      const { services } = await start();
      expect(Object.keys(services.get(Cart))).toEqual(['items']);
      expect(Object.assign({}, services.get(Cart))).toEqual({ items: [] });
    });

    it('gives the session and the group themselves', async () => {
      const { alice, services } = await start();
      expect(services.get(ActiveSession)).toBe(alice.session);
      expect(services.get(ActiveSessionGroup)).toBe(alice.session.group);
    });

    it("gives the application's objects for all else", async () => {
      const { app, services } = await start();
      expect(services.get(Prices)).toBe(app.get(Prices));
      expect(services.get('value')).toBe(42);
    });

    it("throws Nest's error for an unknown token, and for what must be resolved", async () => {
      const { services } = await start();
      expect(() => services.get('unknown')).toThrow(/could not find unknown/);
      expect(() => services.get(Fresh)).toThrow(/Fresh is marked as a scoped provider/);
    });

    it('of a group knows nothing of a session', async () => {
      const { alice } = await start();
      expect(() => alice.session.group.services.get(Cart)).toThrow(ScopeMisuseError);
      expect(() => alice.session.group.services.get(ActiveSession)).toThrow(ScopeMisuseError);
      expect(alice.session.group.services.get(ActiveSessionGroup)).toBe(alice.session.group);
      expect(alice.session.group.services.get(Prices)).toBe(alice.session.services.get(Prices));
    });
  });

  describe('has()', () => {
    it('tells whether there is a provider, and makes nothing', async () => {
      let made = 0;
      @SessionScoped()
      class Made {
        readonly number = ++made;
      }
      const app = await startScopedApp({ providers: [...providers, Made] });
      const { session } = await app.user();
      const tokens = [Made, Prices, 'value', 'alias', Fresh, PerRequest, ActiveSession];
      expect(tokens.map((token) => session.services.has(token))).toEqual(tokens.map(() => true));
      expect(['unknown', Symbol('unknown'), class Unknown {}].map((token) => session.services.has(token))).toEqual([
        false,
        false,
        false,
      ]);
      expect(made).toBe(0);
      await session.terminate();
      expect(session.services.has(Prices)).toBe(true);
    });
  });

  describe('resolve()', () => {
    it('gives what get() gives', async () => {
      const { app, services } = await start();
      expect(await services.resolve(Cart)).toBe(services.get(Cart));
      expect(await services.resolve('alias')).toBe(services.get(Cart));
      expect(await services.resolve(Prices)).toBe(app.get(Prices));
    });

    it('makes a transient provider anew', async () => {
      const { app, services } = await start();
      const [one, two] = [await services.resolve(Fresh), await services.resolve<Fresh>('fresh')];
      expect([one, two]).toEqual([expect.any(Fresh), expect.any(Fresh)]);
      expect(one).not.toBe(two);
      expect(one.prices).toBe(app.get(Prices));
    });

    it('refuses what needs a request', async () => {
      const { services } = await start();
      for (const token of [PerRequest, NeedsRequest]) {
        await expect(services.resolve(token)).rejects.toThrow(ScopeMisuseError);
        await expect(services.resolve(token)).rejects.toThrow(
          `${token.name} is request-scoped: a session has no request. Make it session-scoped.`,
        );
      }
    });

    it('rejects for an unknown token', async () => {
      const { services } = await start();
      await expect(services.resolve('unknown')).rejects.toThrow(/could not find unknown/);
    });
  });

  describe('create()', () => {
    @Injectable()
    class Report {
      @Inject() account!: Account;
      @Inject(forwardRef(() => Prices)) prices!: Prices;
      @Optional() @Inject('unknown') title = 'untitled';

      constructor(
        readonly cart: Cart,
        readonly session: ActiveSession,
        @Inject(forwardRef(() => Fresh)) readonly fresh: Fresh,
        @Inject('value') readonly value: number,
        @Optional() @Inject('unknown') readonly unknown = 'default',
      ) {}
    }

    it("makes an object of a class that is no provider, with this session's objects", async () => {
      const { app, alice, bob, services } = await start();
      const report = await bob.run(() => services.create(Report));
      expect(report).toBeInstanceOf(Report);
      expect(report.cart).toBe(services.get(Cart));
      expect(report.account).toBe(services.get(Account));
      expect(report.session).toBe(alice.session);
      expect(report.prices).toBe(app.get(Prices));
      expect(report.fresh).toBeInstanceOf(Fresh);
      expect(report.value).toBe(42);
      expect(await services.create(Report)).not.toBe(report);
    });

    it('leaves optional parameters and properties alone for which there is no provider', async () => {
      const { services } = await start();
      expect(await services.create(Report)).toMatchObject({ unknown: 'default', title: 'untitled' });
    });

    it('makes a new object of a session-scoped class, and does not register it', async () => {
      const { services } = await start();
      const cart = await services.create(Cart);
      expect(cart).toBeInstanceOf(Cart);
      expect(Object.keys(cart)).toEqual(['items']);
      expect(services.get(Cart)).not.toBe(cart);
    });

    it('runs the constructor in this session', async () => {
      @Injectable()
      class Shelf {
        constructor(readonly cart: Cart) {}
      }
      class Filling {
        constructor(shelf: Shelf) {
          shelf.cart.items.push('from constructor');
        }
      }
      Injectable()(Filling);
      Reflect.defineMetadata('design:paramtypes', [Shelf], Filling);
      const app = await startScopedApp({ providers: [Cart, Shelf] });
      const [alice, bob] = [await app.user(), await app.user()];
      await bob.run(() => alice.session.services.create(Filling));
      expect(alice.session.services.get(Cart).items).toEqual(['from constructor']);
      expect(bob.session.services.get(Cart).items).toEqual([]);
    });

    it('does not dispose of the object: it is of whoever asked for it', async () => {
      let disposed = 0;
      class Own {
        [Symbol.dispose](): void {
          disposed++;
        }
      }
      const { alice, services } = await start();
      const [, owned] = [await services.create(Own), await services.create(Own)];
      alice.session.takeOwnership(owned);
      await alice.session.terminate();
      expect(disposed).toBe(1);
    });

    it('rejects with the error of the constructor, and for a dependency that nobody provides', async () => {
      class Failing {
        constructor() {
          throw new RangeError('failed');
        }
      }
      @Injectable()
      class Needy {
        constructor(@Inject('unknown') readonly unknown: unknown) {}
      }
      const { services } = await start();
      await expect(services.create(Failing)).rejects.toThrow(RangeError);
      await expect(services.create(Needy)).rejects.toThrow(/could not find unknown/);
    });
  });

  describe('after the end', () => {
    it('refuses everything, naming the reason', async () => {
      const { alice, services } = await start();
      services.get(Cart);
      await alice.session.terminate();
      expect(() => services.get(Cart)).toThrow(SessionEndedError);
      expect(() => services.get(Prices)).toThrow('The session has ended (terminated) and cannot be used any more');
      await expect(services.resolve(Fresh)).rejects.toThrow(SessionEndedError);
      await expect(services.resolve('unknown')).rejects.toThrow(SessionEndedError);
      await expect(services.create(Cart)).rejects.toThrow(SessionEndedError);
      await alice.session.group.cleanupCompletion;
      expect(() => alice.session.group.services.get(Prices)).toThrow('The group has ended (terminated)');
    });

    it('gives while it goes on what is there, and makes nothing any more', async () => {
      const gate = new Gate();
      const { alice, services } = await start();
      const cart = services.get(Cart);
      alice.session.takeOwnership(() => gate.opened);
      const ended = alice.session.terminate();
      await nextTurn();
      expect(services.get(Cart)).toBe(cart);
      expect(services.get(Prices)).toBeInstanceOf(Prices);
      expect(await services.resolve(Cart)).toBe(cart);
      gate.open();
      await ended;
    });

    it('makes nothing whose dependencies come too late', async () => {
      const gate = new Gate<string>();
      let made = 0;
      @Injectable()
      class Late {
        constructor(@Inject('slow') readonly slow: string) {
          made++;
        }
      }
      const app = await startScopedApp({
        providers: [{ provide: 'slow', useFactory: () => gate.opened, scope: Scope.TRANSIENT }],
      });
      const { session } = await app.user();
      const late = session.services.create(Late);
      await session.terminate();
      gate.open('slow');
      await expect(late).rejects.toThrow(SessionEndedError);
      expect(made).toBe(0);
    });
  });
});
