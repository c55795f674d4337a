import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  forwardRef,
  Get,
  Inject,
  Injectable,
  mixin,
  Module,
  Scope,
  UseGuards,
  type CanActivate,
  type ModuleMetadata,
} from '@nestjs/common';
import { HttpAdapterHost, LazyModuleLoader, REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  ActiveSession,
  ActiveSessionModule,
  groupScoped,
  GroupScoped,
  InjectSessionLock,
  ScopeMisuseError,
  sessionScoped,
  SessionScoped,
} from 'nestjs-active-session';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

afterEach(closeApps);

class Dependency {}

describe('At decoration it is refused', () => {
  it('to scope a class twice', () => {
    const twice = (): unknown => {
      @SessionScoped()
      @GroupScoped()
      class Twice {}
      return Twice;
    };
    expect(twice).toThrow(ScopeMisuseError);
    expect(twice).toThrow('Twice is scoped twice. Keep one of @SessionScoped() and @GroupScoped().');
  });

  it.each([Scope.REQUEST, Scope.TRANSIENT])('to have a scope of Nest besides (%s)', (scope) => {
    const mixed = (): unknown => {
      @SessionScoped()
      @Injectable({ scope })
      class Mixed {}
      return Mixed;
    };
    expect(mixed).toThrow(
      "Mixed has @SessionScoped() and a scope of Nest's own (Scope.REQUEST or Scope.TRANSIENT). Keep one of them.",
    );
  });

  it('to have parameters whose types nobody knows', () => {
    // As esbuild and tsx compile it: without the types of parameters.
    class Untyped {
      constructor(readonly dependency: Dependency) {}
    }
    const decorate = (): unknown => (SessionScoped() as (type: unknown) => unknown)(Untyped);
    expect(decorate).toThrow(ScopeMisuseError);
    expect(decorate).toThrow(/parameter 1 of Untyped's constructor is not known. Turn on "emitDecoratorMetadata"/);
  });

  it('to use standard decorators', () => {
    class Standard {}
    const decorate = (): unknown =>
      (GroupScoped() as (...args: unknown[]) => unknown)(Standard, { kind: 'class', name: 'Standard' });
    expect(decorate).toThrow('@GroupScoped() on Standard: standard decorators are not supported');
  });

  it('nothing else: @Injectable() may stand above and below', () => {
    expect(() => {
      @Injectable()
      @SessionScoped()
      @Injectable()
      class Fine {}
      return Fine;
    }).not.toThrow();
  });
});

describe('Options are refused', () => {
  const wrong: object = { falback: 'request' };
  it.each([
    [
      () => SessionScoped(wrong as never)(class Cart {}),
      '@SessionScoped() on Cart: there is no option "falback". Known are: ',
    ],
    [() => GroupScoped({ fallback: 'never' as never })(class Cart {}), 'expected option "fallback" to be '],
    [() => SessionScoped({ prepare: 'yes' as never })(class Cart {}), 'expected option "prepare" to be true or false'],
    [
      () => sessionScoped({ provide: 'CART', useFactory: () => ({}), ...wrong }),
      'sessionScoped() of CART: there is no option "falback"',
    ],
    [
      () => sessionScoped({ provide: 1 as never, useFactory: () => ({}) }),
      'expected "provide" to be a class, a string',
    ],
    [() => groupScoped({ provide: 'CART' } as never), 'groupScoped() of CART: expected "useFactory" to be a function'],
    [
      () => sessionScoped({ provide: 'CART', useFactory: () => ({}), dispose: 'close' as never }),
      'sessionScoped() of CART: expected "dispose" to be a function',
    ],
    [
      () => sessionScoped({ provide: 'CART', useFactory: () => ({}), callable: 1 as never }),
      'sessionScoped() of CART: expected "callable" to be true or false',
    ],
  ])('%#', (define, message) => {
    expect(define).toThrow(ScopeMisuseError);
    expect(define).toThrow(message);
  });
});

describe('The application does not start with', () => {
  @SessionScoped()
  class Basket {
    readonly items: string[] = [];
  }
  @Injectable({ scope: Scope.REQUEST })
  class Db {}
  @Injectable()
  class Audit {
    constructor(readonly db: Db) {}
  }

  async function refusal(metadata: ModuleMetadata): Promise<string> {
    const error: unknown = await startScopedApp(metadata).catch((thrown: unknown) => thrown);
    if (!(error instanceof ScopeMisuseError)) throw new Error(`It started, or failed with ${String(error)}`);
    return error.message;
  }

  it.each(['without', 'with'])('a subclass that is not decorated, %s a constructor of its own', async (own) => {
    class Without extends Basket {}
    class With extends Basket {
      constructor() {
        super();
        this.items.push('shared by all');
      }
    }
    const Special = own === 'with' ? With : Without;
    expect(await refusal({ providers: [Special] })).toMatch(
      new RegExp(`${Special.name} extends Basket, which has @SessionScoped\\(\\).*Decorate ${Special.name} with`),
    );
  });

  it('a mixin, or a test double, that is not decorated', async () => {
    const Mixed = mixin(class extends Basket {});
    expect(await refusal({ providers: [Mixed] })).toMatch(/extends Basket, which has @SessionScoped\(\)/);
    class Fake extends Basket {
      readonly name: string;
      constructor() {
        super();
        this.name = 'fake';
      }
    }
    expect(await refusal({ providers: [{ provide: Basket, useClass: Fake }] })).toContain(
      'all sessions would share one Fake. Decorate Fake with @SessionScoped(), too.',
    );
  });

  it.each([Scope.REQUEST, Scope.TRANSIENT])("a scope of Nest's own that was put above (%s)", async (scope) => {
    @Injectable({ scope })
    @SessionScoped()
    class Above {
      count = 0;
    }
    expect(await refusal({ providers: [Above] })).toBe(
      "Above has @SessionScoped() and a scope of Nest's own (Scope.REQUEST or Scope.TRANSIENT). Keep one of them.",
    );
  });

  it.each([Scope.REQUEST, Scope.TRANSIENT])("a scope of Nest's own where it is provided (%s)", async (scope) => {
    expect(await refusal({ providers: [{ provide: 'BASKET', useClass: Basket, scope }] })).toMatch(
      /^Basket has @SessionScoped\(\) and a scope of Nest's own \(.*\)\. Keep one of them\.$/,
    );
  });

  it('nothing where a subclass is there for each request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class OfRequest extends Basket {
      constructor() {
        super();
        this.items.push('mine');
      }
    }
    @Controller('own')
    class OwnController {
      constructor(private readonly basket: OfRequest) {}
      @Get()
      count(): number {
        return this.basket.items.push('another');
      }
    }
    const app = await startScopedApp({ providers: [OfRequest], controllers: [OwnController] });
    const browser = app.browser();
    for (let i = 0; i < 2; i++) expect((await browser.get('/own')).text).toBe('2');
  });

  it('a guard that depends on something request-scoped: the path begins with its controller', async () => {
    @SessionScoped()
    class AccessGuard implements CanActivate {
      constructor(readonly audit: Audit) {}
      canActivate(): boolean {
        return true;
      }
    }
    @Controller('guarded')
    @UseGuards(AccessGuard)
    class GuardedController {}
    const told = (await refusal({ providers: [Db, Audit], controllers: [GuardedController] })).split(': ')[0];
    const path = 'AccessGuard -> Audit -> (REQUEST-scoped) Db';
    // Nest 11.0 does not know of the controller yet when it makes the guard.
    expect([`GuardedController -> ${path}`, ...('init$' in HttpAdapterHost.prototype ? [] : [path])]).toContain(told);
  });

  it('a controller that extends what is scoped', async () => {
    @Controller('basket')
    class BasketController extends Basket {
      constructor() {
        super();
        this.items.push('');
      }
    }
    expect(await refusal({ controllers: [BasketController] })).toBe(
      'BasketController is a controller, and Nest makes controllers once. Inject a scoped service into it instead of scoping it.',
    );
  });

  it('a scoped controller, wherever the decorator stands', async () => {
    @Controller('above')
    @SessionScoped()
    class AboveController {}
    expect(await refusal({ controllers: [AboveController] })).toBe(
      'AboveController is a controller, and Nest makes controllers once. Inject a scoped service into it instead of scoping it.',
    );
    const below = (): void => {
      @SessionScoped()
      @Controller('below')
      class BelowController {}
      expect(BelowController).toBeDefined();
    };
    expect(below).toThrow('BelowController is a controller, and Nest makes controllers once.');
  });

  it.each(['a parameter', 'a property'])('what depends on something request-scoped by %s', async (where) => {
    @SessionScoped()
    class ByParameter {
      constructor(readonly audit: Audit) {}
    }
    @SessionScoped()
    class ByProperty {
      @Inject() readonly audit!: Audit;
    }
    const Cart = where === 'a parameter' ? ByParameter : ByProperty;
    @Controller('cart')
    class CartController {
      constructor(@Inject(Cart) readonly cart: unknown) {}
    }
    const told =
      `${Cart.name} -> Audit -> (REQUEST-scoped) Db: a session outlives the request. ` +
      'Make Db session-scoped or a singleton, or pass what it has to the methods that need it.';
    // Nest 11.0 knows of a property already when it makes the provider, and of no consumer yet.
    const expected = where === 'a property' ? [`CartController -> ${told}`, told] : [`CartController -> ${told}`];
    expect(expected).toContain(await refusal({ providers: [Db, Audit, Cart], controllers: [CartController] }));
  });

  it('what depends on the request itself, or on something durable, also by a factory and a transient provider', async () => {
    @SessionScoped()
    class OfRequest {
      constructor(@Inject(REQUEST) readonly request: unknown) {}
    }
    expect(await refusal({ providers: [OfRequest] })).toContain('OfRequest -> (REQUEST-scoped) REQUEST: ');
    @Injectable({ scope: Scope.REQUEST, durable: true })
    class Tenant {}
    @Injectable({ scope: Scope.TRANSIENT })
    class Log {
      constructor(readonly tenant: Tenant) {}
    }
    const durable = sessionScoped({ provide: 'CART', inject: [Log], useFactory: (log: Log) => ({ log }) });
    expect(await refusal({ providers: [Tenant, Log, durable] })).toContain('CART -> Log -> (durable) Tenant: ');
  });

  it('what is group-scoped and depends on something request-scoped: the fix works', async () => {
    @GroupScoped()
    class OfGroup {
      constructor(readonly db: Db) {}
    }
    @SessionScoped()
    class OfRequest {
      constructor(@Inject(REQUEST) readonly request: unknown) {}
    }
    expect(await refusal({ providers: [Db, OfGroup] })).toBe(
      'OfGroup -> (REQUEST-scoped) Db: a group outlives the request. ' +
        'Make Db group-scoped or a singleton, or pass what it has to the methods that need it.',
    );
    expect(await refusal({ providers: [OfRequest] })).toBe(
      'OfRequest -> (REQUEST-scoped) REQUEST: a session outlives the request. ' +
        'Pass what is needed of the request to the methods that need it.',
    );
  });

  it('the lock of something session-scoped beneath what is group-scoped', async () => {
    @GroupScoped()
    class Preferences {
      constructor(@InjectSessionLock(Basket) readonly lock: unknown) {}
    }
    expect(await refusal({ providers: [Basket, Preferences] })).toBe(
      'Preferences -> (session-scoped) SessionLock<Basket>: a group has several sessions. ' +
        'Make Preferences session-scoped, or Basket group-scoped.',
    );
  });

  it('what is session-scoped beneath what is group-scoped, also below a transient provider', async () => {
    @GroupScoped()
    class Household {
      constructor(readonly basket: Basket) {}
    }
    @Controller('household')
    class HouseholdController {
      constructor(readonly household: Household) {}
    }
    expect(await refusal({ providers: [Basket, Household], controllers: [HouseholdController] })).toBe(
      'HouseholdController -> Household -> (session-scoped) Basket: a group has several sessions. ' +
        'Make Household session-scoped, or Basket group-scoped.',
    );
    @Injectable({ scope: Scope.TRANSIENT })
    class Shelf {
      constructor(readonly basket: Basket) {}
    }
    const family = groupScoped({ provide: 'FAMILY', inject: [Shelf], useFactory: (shelf: Shelf) => ({ shelf }) });
    expect(await refusal({ providers: [Basket, Shelf, family] })).toContain(
      'FAMILY -> Shelf -> (session-scoped) Basket',
    );
  });

  it('the active session beneath what is group-scoped', async () => {
    @GroupScoped()
    class Household {
      constructor(readonly session: ActiveSession) {}
    }
    expect(await refusal({ providers: [Household] })).toBe(
      'Household -> (session-scoped) ActiveSession: a group has several sessions. ' +
        'Make Household session-scoped, or inject ActiveSessionGroup instead.',
    );
  });

  it('a circle of providers that wait for each other', async () => {
    @SessionScoped()
    class Chicken {
      constructor(@Inject(forwardRef(() => Nest)) readonly nest: unknown) {}
      async onModuleInit(): Promise<void> {
        await Promise.resolve();
      }
    }
    @SessionScoped()
    class Nest {
      constructor(@Inject('EGG') readonly egg: unknown) {}
    }
    const egg = sessionScoped({
      provide: 'EGG',
      inject: [forwardRef(() => Chicken)],
      useFactory: async (chicken: unknown) => Promise.resolve({ chicken }),
    });
    expect(await refusal({ providers: [Chicken, Nest, egg] })).toBe(
      'Chicken -> Nest -> EGG -> Chicken: at least two of these are made asynchronously, and each would wait for the ' +
        'other. Break the circle: move what both need to a third provider, or pass it in a method call.',
    );
  });

  it('several faults: all are told at once', async () => {
    class Special extends Basket {
      constructor() {
        super();
        this.items.push('');
      }
    }
    @SessionScoped()
    class OfRequest {
      constructor(readonly db: Db) {}
    }
    const lines = (await refusal({ providers: [Special, Db, OfRequest] })).split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^Special extends Basket/),
      expect.stringMatching(/^OfRequest -> \(REQUEST-scoped\) Db/),
    ]);
  });

  it('nothing of this where a value, or another class, takes the place of the scoped one', async () => {
    const value = { items: [] };
    const app = await startScopedApp({ providers: [{ provide: Basket, useValue: value }] });
    expect(app.get(Basket)).toBe(value);
  });
});

describe('Where a module is compiled and not started, and in lazily loaded modules, it is refused at the first use', () => {
  @SessionScoped()
  class OfSession {}
  @GroupScoped()
  class OfGroup {
    constructor(readonly ofSession: OfSession) {}
  }
  @Module({ providers: [OfSession, OfGroup] })
  class LazyModule {}

  it('to depend as a group-scoped class on a session-scoped one', async () => {
    const app = await startScopedApp({});
    const { session } = await app.user();
    await app.app.get(LazyModuleLoader).load(() => LazyModule);
    const get = (): unknown => session.services.get(OfGroup);
    expect(get).toThrow(ScopeMisuseError);
    expect(get).toThrow('OfGroup -> (session-scoped) OfSession: a group has several sessions.');
    expect(get).toThrow('Make OfGroup session-scoped, or OfSession group-scoped.');
  });

  it('to have a factory over something request-scoped', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Db {}
    const bag = sessionScoped({ provide: 'BAG', inject: [Db], useFactory: (db: Db) => ({ db }) });
    const module = await Test.createTestingModule({
      imports: [ActiveSessionModule.forRoot()],
      providers: [Db, bag],
    }).compile();
    await expect(module.resolve('BAG')).rejects.toThrow('BAG -> (REQUEST-scoped) Db');
    await module.close();
  });

  it('to depend on something request-scoped', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Db {}
    @SessionScoped()
    class Cart {
      constructor(readonly db: Db) {}
    }
    const module = await Test.createTestingModule({
      imports: [ActiveSessionModule.forRoot()],
      providers: [Db, Cart],
    }).compile();
    await expect(module.resolve(Cart)).rejects.toThrow('Cart -> (REQUEST-scoped) Db');
    await module.close();
  });
});

describe('When its first object is made, it is refused', () => {
  it('to use, in the constructor of a group-scoped class, what belongs to a session', async () => {
    @SessionScoped()
    class OfSession {
      name(): string {
        return 'session';
      }
    }
    @Injectable()
    class Singleton {
      constructor(readonly ofSession: OfSession) {}
    }
    @GroupScoped()
    class OfGroup {
      readonly name: string;
      constructor(singleton: Singleton) {
        this.name = singleton.ofSession.name();
      }
    }
    const app = await startScopedApp({ providers: [OfSession, Singleton, OfGroup] });
    const { session } = await app.user();
    expect(() => session.services.get(OfGroup)).toThrow(
      /^OfSession is session-scoped and was used by code of a group, which has several sessions\. Use session\.services/,
    );
  });
});
