import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Logger, mixin, Scope } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { ActiveSession, GroupScoped, ScopeMisuseError, SessionScoped } from 'nestjs-active-session';
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
    expect(mixed).toThrow("Mixed has a scope of Nest's own besides @SessionScoped(). Keep one of them.");
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

describe('When Nest constructs it, it is refused', () => {
  @SessionScoped()
  class Basket {
    readonly items: string[] = [];
  }

  it('to have a subclass that is not decorated', async () => {
    class Special extends Basket {}
    const starting = startScopedApp({ providers: [Special] });
    await expect(starting).rejects.toThrow(ScopeMisuseError);
    await expect(starting).rejects.toThrow(
      'Special extends Basket, which has @SessionScoped(). Decorate Special with @SessionScoped(), too.',
    );
  });

  it('to have a mixin that is not decorated', async () => {
    const Mixed = mixin(class extends Basket {});
    await expect(startScopedApp({ providers: [Mixed] })).rejects.toThrow(
      /extends Basket, which has @SessionScoped\(\)/,
    );
  });

  it("to have a scope of Nest's own that was put above", async () => {
    @Injectable({ scope: Scope.REQUEST })
    @SessionScoped()
    class Above {
      count = 0;
    }
    @Controller('page')
    class PageController {
      constructor(private readonly above: Above) {}
      @Get()
      page(): number {
        return ++this.above.count;
      }
    }
    const app = await startScopedApp({ controllers: [PageController], providers: [Above] });
    expect((await app.browser().get('/page')).status).toBe(500);
    await expect(app.get(ModuleRef).resolve(Above, undefined, { strict: false })).rejects.toThrow(
      "Above has a scope of Nest's own besides @SessionScoped(). Keep one of them.",
    );
  });
});

describe('When its first object is made, it is refused', () => {
  it('to depend as a group-scoped class on a session-scoped one', async () => {
    @SessionScoped()
    class OfSession {}
    @GroupScoped()
    class OfGroup {
      constructor(readonly ofSession: OfSession) {}
    }
    const app = await startScopedApp({ providers: [OfSession, OfGroup] });
    const { session } = await app.user();
    const get = (): unknown => session.services.get(OfGroup);
    expect(get).toThrow(ScopeMisuseError);
    expect(get).toThrow('The group-scoped OfGroup -> session-scoped OfSession: a group has several sessions.');
    expect(get).toThrow('Make OfGroup session-scoped, or OfSession group-scoped.');
  });

  it('to depend as a group-scoped class on the active session', async () => {
    @GroupScoped()
    class OfGroup {
      constructor(readonly session: ActiveSession) {}
    }
    const app = await startScopedApp({ providers: [OfGroup] });
    const { session } = await app.user();
    expect(() => session.services.get(OfGroup)).toThrow('The group-scoped OfGroup -> session-scoped ActiveSession');
  });

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
    expect(() => session.services.get(OfGroup)).toThrow(/used by code of a group, which belongs to no single session/);
  });

  it.each(['a parameter', 'a property'])('to depend on something request-scoped by %s', async (where) => {
    @Injectable({ scope: Scope.REQUEST })
    class Db {}
    @Injectable()
    class Audit {
      constructor(readonly db: Db) {}
    }
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
      @Get()
      show(): string {
        return 'reached';
      }
    }
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const app = await startScopedApp({ providers: [Db, Audit, Cart], controllers: [CartController] });
    expect((await app.browser().get('/cart')).status).toBe(500);
    const text = logged.mock.calls.map(([message]) => String(message)).join();
    expect(text).toContain(`${Cart.name} -> Audit -> Db: the last one is request-scoped`);
    logged.mockRestore();
  });
});
