import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  forwardRef,
  Get,
  Global,
  Inject,
  Injectable,
  mixin,
  Module,
  Optional,
  type Type,
} from '@nestjs/common';
import { LazyModuleLoader, ModuleRef } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  ActiveSessionModule,
  GroupScoped,
  NotInSessionError,
  ScopeMisuseError,
  SessionScoped,
} from 'nestjs-active-session';
import { inspect } from 'node:util';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

/** Counts its instances, and tells them apart. */
let made = 0;
class Counted {
  readonly number = ++made;
}

@Injectable()
class PriceList {
  readonly currency = 'EUR';
}

@SessionScoped()
class Basket extends Counted {
  readonly items: string[] = [];

  constructor(readonly prices: PriceList) {
    super();
  }

  add(item: string): number {
    return this.items.push(item);
  }
}

/** What a test gets of the basket of the running code. */
@Injectable()
class Shop {
  constructor(readonly basket: Basket) {}
}

afterEach(async () => {
  await closeApps();
  made = 0;
});

describe('A session-scoped class in the constructor of a singleton', () => {
  it('is one object per session, while the singleton is constructed once', async () => {
    let controllers = 0;
    @Controller('basket')
    class BasketController {
      constructor(private readonly basket: Basket) {
        controllers++;
      }

      @Get('add')
      add(): unknown {
        this.basket.add('apple');
        return { items: this.basket.items, number: this.basket.number };
      }
    }
    const app = await startScopedApp({ controllers: [BasketController], providers: [Basket, PriceList] });
    const [alice, bob] = [app.browser(), app.browser()];

    expect((await alice.get('/basket/add')).body).toEqual({ items: ['apple'], number: 1 });
    expect((await bob.get('/basket/add')).body).toEqual({ items: ['apple'], number: 2 });
    expect((await alice.get('/basket/add')).body).toEqual({ items: ['apple', 'apple'], number: 1 });
    expect(controllers).toBe(1);
    expect(made).toBe(2);
  });

  it('is made at its first use, not with the session', async () => {
    const app = await startScopedApp({ providers: [Basket, PriceList, Shop] });
    const user = await app.user();
    expect(made).toBe(0);
    user.run(() => app.get(Shop).basket.add('apple'));
    expect(made).toBe(1);
  });

  it('gets the singletons that Nest resolved for it', async () => {
    const app = await startScopedApp({ providers: [Basket, PriceList, Shop] });
    const user = await app.user();
    expect(user.run(() => app.get(Shop).basket.prices)).toBe(app.get(PriceList));
  });

  it('is what ModuleRef.get() gives, too', async () => {
    const app = await startScopedApp({ providers: [Basket, PriceList] });
    const user = await app.user();
    expect(user.run(() => app.get(Basket).add('apple'))).toBe(1);
  });

  it('is not touched by ModuleRef.create(), which makes a provider of its own', async () => {
    @Injectable()
    class Creator {
      constructor(readonly moduleRef: ModuleRef) {}
    }
    const app = await startScopedApp({ providers: [Basket, PriceList, Creator] });
    const [alice, bob] = [await app.user(), await app.user()];
    alice.run(() => app.get(Basket).add('apple'));
    const created = await app.get(Creator).moduleRef.create(Basket);
    expect([alice.run(() => created.add('pear')), bob.run(() => created.add('plum'))]).toEqual([1, 1]);
    expect(alice.run(() => [app.get(Basket).items, created.items])).toEqual([['apple'], ['pear']]);
    expect(bob.run(() => app.get(Basket).items)).toEqual([]);
  });

  it('may depend on session-scoped and group-scoped classes, and gets those of its own session and user', async () => {
    @GroupScoped()
    class Account extends Counted {
      constructor(readonly prices: PriceList) {
        super();
      }
    }
    @SessionScoped()
    class Checkout {
      constructor(
        readonly basket: Basket,
        readonly account: Account,
      ) {}
    }
    const app = await startScopedApp({ providers: [Basket, PriceList, Account, Checkout] });
    const [alice, bob] = [await app.user(), await app.user()];
    const [ofAlice, ofBob] = [alice, bob].map(({ session }) => session.services.get(Checkout)) as [Checkout, Checkout];

    expect(ofAlice.basket).toBe(alice.session.services.get(Basket));
    expect(ofAlice.account).toBe(alice.session.services.get(Account));
    expect(ofAlice.account).toBe(alice.session.group.services.get(Account));
    expect(ofAlice.account.prices).toBe(app.get(PriceList));
    expect(ofBob.basket).not.toBe(ofAlice.basket);
    expect(ofBob.account).not.toBe(ofAlice.account);
  });

  it('is remade by the next generation of the session', async () => {
    const app = await startScopedApp({ providers: [Basket, PriceList] });
    const user = await app.user();
    user.run(() => app.get(Basket).add('apple'));
    await user.session.terminate();
    const { body } = await user.browser.get('/session');
    const next = app.registry.get(body.id as string)!;
    expect(next.generation).toBe(2);
    expect(next.services.get(Basket).items).toEqual([]);
  });
});

describe('Properties and optional parameters', () => {
  const OWN_KEY = Symbol('own key');

  @SessionScoped()
  class WithProperties {
    @Inject() prices!: PriceList;
    @Inject() basket!: Basket;
    @Inject('name') [OWN_KEY]!: string;
    @Optional() @Inject('absent') absent?: string = 'initial';
  }

  const providers = [WithProperties, Basket, PriceList, { provide: 'name', useValue: 'by symbol' }];

  it('injects into properties of a session-scoped class, for each session its own', async () => {
    const app = await startScopedApp({ providers });
    const [alice, bob] = [await app.user(), await app.user()];
    const ofAlice = alice.session.services.get(WithProperties);

    expect(ofAlice.prices).toBe(app.get(PriceList));
    expect(ofAlice[OWN_KEY]).toBe('by symbol');
    expect(ofAlice.basket).toBe(alice.session.services.get(Basket));
    expect(bob.session.services.get(WithProperties).basket).not.toBe(ofAlice.basket);
  });

  it('leaves a property alone for which there is no provider', async () => {
    const app = await startScopedApp({ providers });
    const { session } = await app.user();
    expect(session.services.get(WithProperties).absent).toBe('initial');
  });

  it('keeps what a session writes to an injected property in that session', async () => {
    const app = await startScopedApp({ providers });
    const [alice, bob] = [await app.user(), await app.user()];
    const other = new PriceList();
    alice.run(() => (app.get(WithProperties).prices = other));
    alice.run(() => (app.get(WithProperties).absent = 'written'));

    expect(alice.session.services.get(WithProperties)).toMatchObject({ prices: other, absent: 'written' });
    expect(bob.session.services.get(WithProperties).prices).toBe(app.get(PriceList));
    expect(bob.session.services.get(WithProperties).absent).toBe('initial');
  });

  it('injects a session-scoped class into a property of a singleton', async () => {
    @Injectable()
    class Singleton {
      @Inject() basket!: Basket;
      @Inject(Basket) again!: Basket;
    }
    const app = await startScopedApp({ providers: [Singleton, Basket, PriceList] });
    const user = await app.user();
    user.run(() => app.get(Singleton).basket.add('apple'));
    expect(user.run(() => app.get(Singleton).again.items)).toEqual(['apple']);
  });

  it('injects into inherited properties, also those of a plain class', async () => {
    abstract class Base {
      @Inject() prices!: PriceList;
    }
    @SessionScoped()
    class Derived extends Base {
      @Inject() basket!: Basket;
    }
    const app = await startScopedApp({ providers: [Derived, Basket, PriceList] });
    const { session } = await app.user();
    expect(session.services.get(Derived)).toMatchObject({
      prices: app.get(PriceList),
      basket: session.services.get(Basket),
    });
  });

  it('leaves an optional parameter to its default where there is no provider', async () => {
    @SessionScoped()
    class WithOptional {
      constructor(
        readonly prices: PriceList,
        @Optional() @Inject('absent') readonly absent = 'default',
        @Optional() @Inject('name') readonly name = 'default',
      ) {}
    }
    const app = await startScopedApp({ providers: [...providers, WithOptional] });
    const { session } = await app.user();
    expect(session.services.get(WithOptional)).toMatchObject({ absent: 'default', name: 'by symbol' });
  });

  it('knows which parameters of an inherited constructor are optional', async () => {
    @Injectable()
    class Base {
      constructor(
        readonly prices: PriceList,
        @Optional() @Inject('absent') readonly absent?: string,
      ) {}
    }
    @SessionScoped()
    class Derived extends Base {}
    const app = await startScopedApp({ providers: [PriceList, Derived] });
    const { session } = await app.user();
    const { prices, absent } = session.services.get(Derived);
    expect([prices, absent]).toEqual([app.get(PriceList), undefined]);
  });
});

describe('A circle of dependencies', () => {
  it('between two session-scoped classes is closed within each session', async () => {
    @SessionScoped()
    class Chicken extends Counted {
      constructor(@Inject(forwardRef(() => Egg)) readonly egg: { hatches(): string; number: number }) {
        super();
      }

      name(): string {
        return `chicken ${this.number}`;
      }
    }
    @SessionScoped()
    class Egg extends Counted {
      constructor(@Inject(forwardRef(() => Chicken)) readonly chicken: Chicken) {
        super();
      }

      hatches(): string {
        return this.chicken.name();
      }
    }
    const app = await startScopedApp({ providers: [Chicken, Egg] });
    const [alice, bob] = [await app.user(), await app.user()];
    const [ofAlice, ofBob] = [alice.session.services.get(Egg), bob.session.services.get(Egg)];

    expect(made).toBe(4);
    expect(ofAlice.hatches()).toBe(`chicken ${ofAlice.chicken.number}`);
    expect(ofBob.hatches()).toBe(`chicken ${ofBob.chicken.number}`);
    // One of the two holds a stand-in, which belongs to its own session whoever runs the code.
    expect(bob.run(() => ofAlice.hatches())).toBe(ofAlice.hatches());
    expect(bob.run(() => ofAlice.chicken.egg.number)).toBe(ofAlice.number);
    expect(ofAlice.chicken).toBeInstanceOf(Chicken);
  });

  it('through properties is closed with the real objects or stand-ins of the same session', async () => {
    @SessionScoped()
    class Left extends Counted {
      @Inject(forwardRef(() => Right)) right!: { left: Left; number: number };
    }
    @SessionScoped()
    class Right extends Counted {
      @Inject(forwardRef(() => Left)) left!: Left;
    }
    const app = await startScopedApp({ providers: [Left, Right] });
    const [alice, bob] = [await app.user(), await app.user()];
    const left = alice.session.services.get(Left);
    const right = alice.session.services.get(Right);
    void bob.session.services.get(Left);

    expect(bob.run(() => left.right.number)).toBe(right.number);
    expect(bob.run(() => right.left.number)).toBe(left.number);
    expect(bob.run(() => left.right.left.right.number)).toBe(right.number);
  });

  it('between a session-scoped class and a singleton works, also across modules', async () => {
    @SessionScoped()
    class Scoped extends Counted {
      constructor(@Inject(forwardRef(() => Single)) readonly single: { scoped: Scoped }) {
        super();
      }
    }
    @Injectable()
    class Single {
      constructor(@Inject(forwardRef(() => Scoped)) readonly scoped: Scoped) {}
    }
    @Module({ imports: [forwardRef(() => SingleModule)], providers: [Scoped], exports: [Scoped] })
    class ScopedModule {}
    @Module({ imports: [forwardRef(() => ScopedModule)], providers: [Single], exports: [Single] })
    class SingleModule {}
    const app = await startScopedApp({ imports: [ScopedModule, SingleModule] });
    const [alice, bob] = [await app.user(), await app.user()];

    expect(alice.session.services.get(Scoped).single).toBe(app.get(Single));
    expect(alice.run(() => app.get(Single).scoped.number)).toBe(1);
    expect(bob.run(() => app.get(Single).scoped.number)).toBe(2);
    expect(bob.run(() => app.get(Single).scoped)).toBeInstanceOf(Scoped);
  });

  it('that is closed by forwardRef leaves injected properties in place', async () => {
    @SessionScoped()
    class Both {
      @Inject() prices!: PriceList;
      @Inject() basket!: Basket;
      constructor(@Inject(forwardRef(() => Partner)) readonly partner: { both: Both }) {}
    }
    @Injectable()
    class Partner {
      @Inject() basket!: Basket;
      constructor(@Inject(forwardRef(() => Both)) readonly both: Both) {}
    }
    const app = await startScopedApp({ providers: [Partner, Both, Basket, PriceList] });
    const [alice, bob] = [await app.user(), await app.user()];
    const { both, basket } = app.get(Partner);
    for (const { run, session } of [alice, bob]) {
      expect(run(() => both.prices)).toBe(app.get(PriceList));
      expect(run(() => both.basket)).toBe(session.services.get(Basket));
      expect(run(() => both.basket.number === basket.number)).toBe(true);
      expect(Object.keys(session.services.get(Both)).sort()).toEqual(['basket', 'partner', 'prices']);
    }
    expect(Object.keys(both)).toEqual([]);
  });

  it('is in place when the module is compiled: no start-up hook is needed', async () => {
    @SessionScoped()
    class Left extends Counted {
      constructor(@Inject(forwardRef(() => Right)) readonly right: object) {
        super();
      }
    }
    @Injectable()
    class Right {
      constructor(@Inject(forwardRef(() => Left)) readonly left: Left) {}
    }
    const module = await Test.createTestingModule({
      imports: [ActiveSessionModule.forRoot({ identify: () => undefined })],
      providers: [Right, Left],
    }).compile();
    const { left } = module.get(Right);
    expect(left).toBeInstanceOf(Left);
    expect(() => left.number).toThrow(NotInSessionError);
  });

  it('between constructors that use each other is refused', async () => {
    @SessionScoped()
    class One {
      constructor(@Inject(forwardRef(() => Two)) readonly two: object) {}

      name(): string {
        return 'one';
      }
    }
    @SessionScoped()
    class Two {
      constructor(@Inject(forwardRef(() => One)) readonly one: One) {
        one.name();
      }
    }
    const app = await startScopedApp({ providers: [One, Two] });
    const { session } = await app.user();
    expect(() => session.services.get(One)).toThrow(ScopeMisuseError);
    expect(() => session.services.get(One)).toThrow('One is used while its constructor or factory is still running');
    // In the other order the constructor finds what it uses.
    expect(session.services.get(Two)).toBeInstanceOf(Two);
  });

  it('can be looked at, and printed, by a constructor', async () => {
    const seen: unknown[] = [];
    @SessionScoped()
    class One {
      constructor(@Inject(forwardRef(() => Two)) readonly two: object) {}
    }
    @SessionScoped()
    class Two {
      constructor(@Inject(forwardRef(() => One)) readonly one: object) {
        seen.push(inspect(one), JSON.stringify(one), one instanceof One, 'two' in one);
      }
    }
    const app = await startScopedApp({ providers: [One, Two] });
    const { session } = await app.user();
    expect(session.services.get(One)).toBeInstanceOf(One);
    expect(seen).toEqual(['[One: one per session]', '{}', true, false]);
  });

  it('of a class that asks for itself in its constructor is refused', async () => {
    @Injectable()
    class Locator {
      constructor(@Inject(forwardRef(() => Narcissus)) readonly narcissus: object) {}
    }
    @SessionScoped()
    class Narcissus {
      constructor(readonly locator: Locator) {
        String(Reflect.get(locator.narcissus, 'face'));
      }
    }
    const app = await startScopedApp({ providers: [Locator, Narcissus] });
    const { session } = await app.user();
    expect(() => session.services.get(Narcissus)).toThrow(
      'Narcissus is used while its constructor or factory is still running',
    );
  });
});

describe('Tokens', () => {
  abstract class Storage {
    abstract read(): string;
  }

  @SessionScoped()
  class MemoryStorage extends Storage {
    value = 'empty';

    read(): string {
      return this.value;
    }
  }

  it('may be an abstract class, a string or a symbol', async () => {
    const SYMBOL = Symbol('storage');
    @Injectable()
    class User {
      constructor(
        readonly storage: Storage,
        @Inject('storage') readonly byString: Storage,
        @Inject(SYMBOL) readonly bySymbol: Storage,
      ) {}
    }
    const useClass = MemoryStorage;
    const app = await startScopedApp({
      providers: [
        User,
        { provide: Storage, useClass },
        { provide: 'storage', useClass },
        { provide: SYMBOL, useClass },
      ],
    });
    const { run } = await app.user();
    const { storage, byString, bySymbol } = app.get(User);
    run(() => Object.assign(storage, { value: 'full' }));

    expect(run(() => [storage.read(), byString.read(), bySymbol.read()])).toEqual(['full', 'empty', 'empty']);
    expect(storage).toBeInstanceOf(MemoryStorage);
    expect(storage).toBeInstanceOf(Storage);
  });

  it('with useExisting stand for the same object', async () => {
    const app = await startScopedApp({
      providers: [MemoryStorage, { provide: Storage, useExisting: MemoryStorage }],
    });
    const { session, run } = await app.user();
    run(() => (app.get(MemoryStorage).value = 'full'));
    expect(run(() => app.get(Storage).read())).toBe('full');
    expect(session.services.get(Storage)).toBe(session.services.get(MemoryStorage));
  });

  it('of two modules that provide the same class are two providers, each with the dependencies of its module', async () => {
    @SessionScoped()
    class Greeter extends Counted {
      constructor(@Inject('greeting') readonly greeting: string) {
        super();
      }
    }
    const moduleWith = (greeting: string, reader: string): Type => {
      @Module({
        providers: [
          Greeter,
          { provide: 'greeting', useValue: greeting },
          { provide: reader, useFactory: (greeter: Greeter) => () => greeter, inject: [Greeter] },
        ],
      })
      class AnyModule {}
      return AnyModule;
    };
    const app = await startScopedApp({ imports: [moduleWith('hello', 'english'), moduleWith('salut', 'french')] });
    const { run } = await app.user();
    const [english, french] = ['english', 'french'].map((token) => app.get<() => Greeter>(token)());

    expect(run(() => [english!.greeting, french!.greeting])).toEqual(['hello', 'salut']);
    expect(run(() => [english!.number, french!.number])).toEqual([1, 2]);
  });

  it('of a global module and of one that exports its provider are found everywhere', async () => {
    @Global()
    @Module({ providers: [Basket, PriceList], exports: [Basket] })
    class GlobalModule {}
    @Module({ providers: [Shop], exports: [Shop] })
    class ShopModule {}
    const app = await startScopedApp({ imports: [GlobalModule, ShopModule] });
    const { run } = await app.user();
    expect(run(() => app.get(Shop).basket.add('apple'))).toBe(1);
  });

  it('of a class that another module does not export stay in their module', async () => {
    @Module({ providers: [Basket, PriceList] })
    class PrivateModule {}
    await expect(startScopedApp({ imports: [PrivateModule], providers: [Shop] })).rejects.toThrow(
      /Nest can't resolve dependencies of the Shop/,
    );
  });

  it('may be asked for by a factory, which hands on what follows the session of its callers', async () => {
    const app = await startScopedApp({
      providers: [
        Basket,
        PriceList,
        { provide: 'add', useFactory: (basket: Basket) => (item: string) => basket.add(item), inject: [Basket] },
      ],
    });
    const [alice, bob] = [await app.user(), await app.user()];
    const add = app.get<(item: string) => number>('add');
    expect([alice.run(() => add('a')), alice.run(() => add('b')), bob.run(() => add('c'))]).toEqual([1, 2, 1]);
  });

  it('used by a factory while the application starts are refused, with the class and its member', async () => {
    const starting = startScopedApp({
      providers: [
        Basket,
        PriceList,
        { provide: 'x', useFactory: (basket: Basket) => basket.add('a'), inject: [Basket] },
      ],
    });
    await expect(starting).rejects.toThrow(NotInSessionError);
    await expect(starting).rejects.toThrow('Basket.add was used outside of an active session');
  });
});

describe('Without emitted types, as esbuild and tsx compile', () => {
  it('parameters that are all marked with @Inject() are enough', async () => {
    class Untyped extends Counted {
      constructor(
        readonly prices: PriceList,
        readonly name: string,
      ) {
        super();
      }
    }
    Inject(PriceList)(Untyped, undefined, 0);
    Inject('name')(Untyped, undefined, 1);
    const Scoped = (SessionScoped() as (type: unknown) => typeof Untyped)(Untyped);
    const app = await startScopedApp({ providers: [Scoped, PriceList, { provide: 'name', useValue: 'untyped' }] });
    const [alice, bob] = [await app.user(), await app.user()];
    expect(alice.session.services.get(Scoped)).toMatchObject({
      number: 1,
      prices: app.get(PriceList),
      name: 'untyped',
    });
    expect(bob.session.services.get(Scoped)).toMatchObject({ number: 2 });
  });
});

describe('Lazily loaded modules', () => {
  @Module({ providers: [Basket, PriceList, Shop], exports: [Shop] })
  class LazyModule {}

  it('may provide session-scoped classes', async () => {
    const app = await startScopedApp({});
    const moduleRef = await app.get(LazyModuleLoader).load(() => LazyModule);
    const [alice, bob] = [await app.user(), await app.user()];
    const { basket } = moduleRef.get(Shop);
    expect([alice.run(() => basket.add('a')), bob.run(() => basket.add('b'))]).toEqual([1, 1]);
  });

  it('may be loaded while a session is in use, with circles and properties', async () => {
    @SessionScoped()
    class Left {
      @Inject(forwardRef(() => Right)) right!: { left: Left; name(): string };
      @Inject() prices!: PriceList;

      name(): string {
        return 'left';
      }
    }
    @SessionScoped()
    class Right {
      @Inject(forwardRef(() => Left)) left!: Left;

      name(): string {
        return 'right';
      }
    }
    @Module({ providers: [Left, Right, PriceList] })
    class CircleModule {}
    const app = await startScopedApp({});
    const [alice, bob] = [await app.user(), await app.user()];
    const moduleRef = await alice.run(() => app.get(LazyModuleLoader).load(() => CircleModule));
    const left = moduleRef.get(Left);

    for (const { run } of [alice, bob]) {
      expect(run(() => left.right.name())).toBe('right');
      expect(run(() => left.right.left.name())).toBe('left');
      expect(run(() => left.prices.currency)).toBe('EUR');
    }
    expect(alice.run(() => left.right)).not.toBe(bob.run(() => left.right));
    expect(left).toBeInstanceOf(Left);
  });
});

describe('Inheritance', () => {
  it('of a scoped class by a scoped class gives two providers that share nothing', async () => {
    @SessionScoped()
    class Special extends Basket {
      override add(item: string): number {
        return super.add(`special ${item}`);
      }

      peel(): string {
        return 'peeled';
      }
    }
    const app = await startScopedApp({ providers: [Basket, Special, PriceList] });
    const { run } = await app.user();
    const [basket, special] = [app.get(Basket), app.get(Special)];
    run(() => [basket.add('apple'), special.add('apple')]);

    expect(run(() => [basket.items, special.items])).toEqual([['apple'], ['special apple']]);
    expect(run(() => special.peel())).toBe('peeled');
    expect(run(() => special.prices)).toBe(app.get(PriceList));
    expect(special).toBeInstanceOf(Basket);
    expect(basket).not.toBeInstanceOf(Special);
  });

  it('may give the subclass a constructor of its own', async () => {
    @SessionScoped()
    class Named extends Basket {
      constructor(
        @Inject('name') readonly name: string,
        prices: PriceList,
      ) {
        super(prices);
      }
    }
    const app = await startScopedApp({ providers: [Named, PriceList, { provide: 'name', useValue: 'mine' }] });
    const { session } = await app.user();
    expect(session.services.get(Named)).toMatchObject({ name: 'mine', prices: app.get(PriceList), items: [] });
  });

  it('may come from a plain class with @Inject() parameters, more than the subclass has', async () => {
    @Injectable()
    class Base {
      constructor(
        readonly prices: PriceList,
        @Inject('name') readonly name: string,
      ) {}
    }
    @SessionScoped()
    class Derived extends Base {
      readonly number = ++made;

      constructor(prices: PriceList) {
        super(prices, 'derived');
      }
    }
    const app = await startScopedApp({ providers: [Derived, PriceList, { provide: 'name', useValue: 'base' }] });
    const [alice, bob] = [await app.user(), await app.user()];
    expect(alice.session.services.get(Derived)).toMatchObject({
      number: 1,
      name: 'derived',
      prices: app.get(PriceList),
    });
    expect(bob.session.services.get(Derived)).toMatchObject({ number: 2, name: 'derived' });
    expect(alice.run(() => app.get(Derived).number)).toBe(1);
  });

  it('may change the level: a group-scoped class extends a session-scoped one', async () => {
    @GroupScoped()
    class Shared extends Basket {}
    const app = await startScopedApp({ providers: [Shared, PriceList] });
    const user = await app.user();
    const tab = await user.tab('two');
    user.run(() => app.get(Shared).add('apple'));
    expect(tab.run(() => app.get(Shared).items)).toEqual(['apple']);
  });

  it('may come from a generic, or abstract, class', async () => {
    abstract class Repository<T> {
      protected readonly rows: T[] = [];

      constructor(protected readonly prices: PriceList) {}

      save(row: T): number {
        return this.rows.push(row);
      }
    }
    @SessionScoped()
    class Drafts extends Repository<string> {
      constructor(prices: PriceList) {
        super(prices);
        this.rows.push('first');
      }
    }
    const app = await startScopedApp({ providers: [Drafts, PriceList] });
    const [alice, bob] = [await app.user(), await app.user()];
    expect([alice.run(() => app.get(Drafts).save('a')), bob.run(() => app.get(Drafts).save('b'))]).toEqual([2, 2]);
  });

  it('may come from a mixin, each with its own objects', async () => {
    const basketOf = (label: string): Type<Basket & { label: string }> => {
      @SessionScoped()
      class MixedBasket extends Basket {
        readonly label = label;
      }
      return mixin(MixedBasket);
    };
    const [First, Second] = [basketOf('first'), basketOf('second')];
    const app = await startScopedApp({ providers: [First, Second, PriceList] });
    const { run } = await app.user();
    run(() => app.get(First).add('apple'));
    expect(run(() => [First, Second].map((token) => app.get(token).items))).toEqual([['apple'], []]);
    expect(run(() => [First, Second].map((token) => app.get(token).label))).toEqual(['first', 'second']);
  });
});
