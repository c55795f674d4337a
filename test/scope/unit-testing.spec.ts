import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Inject, Injectable, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { NotInSessionError, SessionScoped } from 'nestjs-active-session';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

afterEach(closeApps);

@Injectable()
class PriceList {
  priceOf(_item: string): number {
    throw new Error('The real price list was asked');
  }
}

@SessionScoped()
class Cart {
  readonly items: string[] = [];
  @Inject() currency?: string;

  constructor(private readonly prices: PriceList) {}

  add(item: string): number {
    this.items.push(item);
    return this.total();
  }

  total(): number {
    return this.items.reduce((sum, item) => sum + this.prices.priceOf(item), 0);
  }
}

@Injectable()
class Checkout {
  constructor(readonly cart: Cart) {}

  buy(item: string): string {
    return `${item}: ${this.cart.add(item)}`;
  }
}

const onePrice: PriceList = { priceOf: () => 5 };

describe('A session-scoped class that a test constructs', () => {
  it('is the plain class: it needs no session and no module', () => {
    const cart = new Cart(onePrice);
    expect([cart.add('apple'), cart.add('pear')]).toEqual([5, 10]);
    expect(cart).toEqual(expect.objectContaining({ items: ['apple', 'pear'] }));
    expect(Object.keys(cart)).toEqual(expect.arrayContaining(['items', 'prices']));
    expect(new Cart(onePrice).items).toEqual([]);
  });

  it('takes a mock of any kind as its last argument', () => {
    const answersAll = new Proxy({}, { get: () => () => 7 }) as PriceList;
    expect(new Cart(answersAll).add('apple')).toBe(7);
    const strict = new Proxy(onePrice, {
      get(target, key) {
        if (typeof key === 'string' && !(key in target)) throw new Error(`Unexpected ${key}`);
        return Reflect.get(target, key) as unknown;
      },
    });
    expect(new Cart(strict).add('apple')).toBe(5);
    expect(new Cart(null as never).items).toEqual([]);
    expect(() => new (Cart as unknown as Type<Cart>)()).not.toThrow();
  });

  it('takes what a singleton has of another one, and makes nothing of it', async () => {
    let made = 0;
    @SessionScoped()
    class ScopedPrices extends PriceList {
      constructor() {
        super();
        made++;
      }
    }
    const app = await startScopedApp({ providers: [ScopedPrices] });
    const { run } = await app.user();
    expect(run(() => new Cart(app.get(ScopedPrices)).items)).toEqual([]);
    expect(made).toBe(0);
  });

  it('can be a test double that extends it', () => {
    class FakeCart extends Cart {
      constructor() {
        super(onePrice);
      }
      override total(): number {
        return 1;
      }
    }
    expect(new FakeCart().add('apple')).toBe(1);
  });

  it('can be handed to the singleton under test', () => {
    expect(new Checkout(new Cart(onePrice)).buy('apple')).toBe('apple: 5');
  });
});

describe('In a testing module without ActiveSessionModule', () => {
  it('the error of Nest names what is missing', async () => {
    const compiled = Test.createTestingModule({
      providers: [Cart, PriceList, { provide: String, useValue: 'EUR' }],
    }).compile();
    await expect(compiled).rejects.toThrow(/Nest can't resolve dependencies of the Cart \(PriceList, \?\)/);
    await expect(compiled).rejects.toThrow(/ActiveSessionModule\.forRoot\(\) at index \[1\]/);
  });

  it('mocks for all that is missing give the plain class', async () => {
    const automatic = (): unknown => ({ priceOf: jest.fn(() => 3) });
    const answersAll = (): unknown => new Proxy({}, { get: (_target, key) => (key === 'then' ? undefined : () => 3) });
    const constructed = (token: unknown): unknown => (token === PriceList ? onePrice : new (token as Type)());
    for (const mocker of [automatic, answersAll, constructed]) {
      const module = await Test.createTestingModule({ providers: [Cart, Checkout] })
        .useMocker(mocker)
        .compile();
      const cart = module.get(Cart);
      cart.add('apple');
      expect(module.get(Checkout).cart).toBe(cart);
      expect(cart.items).toEqual(['apple']);
      expect(module.get(Checkout).buy('pear')).toMatch(/^pear: /);
    }
  });

  it('a fake may stand in its place', async () => {
    const fake = { add: jest.fn((_item: string) => 9) };
    const module = await Test.createTestingModule({
      providers: [Checkout, { provide: Cart, useValue: fake }],
    }).compile();
    expect(module.get(Checkout).buy('apple')).toBe('apple: 9');
    expect(fake.add).toHaveBeenCalledWith('apple');
  });
});

describe('In an application under test', () => {
  const providers = [Cart, Checkout, PriceList, { provide: String, useValue: 'EUR' }];

  it('overrideProvider().useValue() puts one object in its place for all sessions', async () => {
    const fake = { add: () => 9 };
    const app = await startScopedApp(
      { providers },
      { override: (builder) => builder.overrideProvider(Cart).useValue(fake) },
    );
    expect(app.get(Checkout).buy('apple')).toBe('apple: 9');
    const { session } = await app.user();
    expect(session.services.get(Cart)).toBe(fake);
  });

  it('overrideProvider().useFactory() does, too', async () => {
    const app = await startScopedApp(
      { providers },
      {
        override: (builder) =>
          builder
            .overrideProvider(Cart)
            .useFactory({ factory: (prices: PriceList) => new Cart(prices), inject: [PriceList] }),
      },
    );
    expect(app.get(Checkout).cart.items).toEqual([]);
    expect(app.get(Checkout).cart).toBe(app.get(Cart));
  });

  it('overrideProvider().useClass() with a decorated class gives each session its own', async () => {
    @SessionScoped()
    class FakeCart extends Cart {
      private count = 0;
      override total(): number {
        return ++this.count;
      }
    }
    const app = await startScopedApp(
      { providers },
      { override: (builder) => builder.overrideProvider(Cart).useClass(FakeCart) },
    );
    const [alice, bob] = [await app.user(), await app.user()];
    const buy = (): string => app.get(Checkout).buy('apple');
    expect([alice.run(buy), alice.run(buy), bob.run(buy)]).toEqual(['apple: 1', 'apple: 2', 'apple: 1']);
    expect(buy).toThrow(NotInSessionError);
  });

  it('overrideProvider().useClass() with a class of its own gives one object, as Nest does', async () => {
    class Unrelated {
      add(): number {
        return 8;
      }
    }
    const app = await startScopedApp(
      { providers },
      { override: (builder) => builder.overrideProvider(Cart).useClass(Unrelated) },
    );
    expect(app.get(Checkout).buy('apple')).toBe('apple: 8');
  });

  it('overrideProvider().useClass() with a subclass that is not decorated is refused', async () => {
    class FakeCart extends Cart {}
    const starting = startScopedApp(
      { providers },
      { override: (builder) => builder.overrideProvider(Cart).useClass(FakeCart) },
    );
    await expect(starting).rejects.toThrow(
      'FakeCart extends Cart, which has @SessionScoped(), so all sessions would share one FakeCart. Decorate FakeCart with @SessionScoped(), too.',
    );
  });

  it('dependencies can be overridden', async () => {
    const app = await startScopedApp(
      { providers },
      { override: (builder) => builder.overrideProvider(PriceList).useValue(onePrice) },
    );
    const { run } = await app.user();
    expect(run(() => app.get(Checkout).buy('apple'))).toBe('apple: 5');
  });
});
