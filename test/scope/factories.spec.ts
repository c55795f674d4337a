import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { forwardRef, Inject, Injectable, Optional, Scope } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  ActiveSession,
  groupScoped,
  GroupScoped,
  ScopeMisuseError,
  sessionScoped,
  SessionScoped,
} from 'nestjs-active-session';
import { settle } from '../support/fake-clock.js';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

afterEach(closeApps);

interface Bag {
  items: string[];
  add(item: string): number;
}
const makeBag = (): Bag => ({
  items: [],
  add(item) {
    return this.items.push(item);
  },
});

describe('What sessionScoped() provides', () => {
  it('is made once for each session, at its first use, with its own dependencies', async () => {
    @SessionScoped()
    class Owner {
      name = '';
    }
    let made = 0;
    const bag = sessionScoped({
      provide: 'BAG',
      inject: [Owner, 'PREFIX', { token: 'MISSING', optional: true }],
      useFactory: (owner: Owner, prefix: string, missing: unknown) => {
        made++;
        return { label: () => `${prefix} ${owner.name} ${String(missing)}` };
      },
    });
    @Injectable()
    class Holder {
      constructor(@Inject('BAG') readonly bag: { label(): string }) {}
    }
    const app = await startScopedApp({ providers: [Owner, bag, Holder, { provide: 'PREFIX', useValue: 'bag of' }] });
    const [alice, bob] = [await app.user(), await app.user()];
    alice.run(() => (app.get(Owner).name = 'Alice'));
    bob.run(() => (app.get(Owner).name = 'Bob'));
    expect(made).toBe(0);
    for (let i = 0; i < 2; i++) {
      expect(alice.run(() => app.get(Holder).bag.label())).toBe('bag of Alice undefined');
      expect(bob.run(() => app.get(Holder).bag.label())).toBe('bag of Bob undefined');
    }
    expect(made).toBe(2);
  });

  it('with groupScoped() is made once for all sessions of a user', async () => {
    const app = await startScopedApp({ providers: [groupScoped({ provide: 'BAG', useFactory: makeBag })] });
    const alice = await app.user();
    const tab = await alice.tab('second');
    const bob = await app.user();
    const bag = app.get<Bag>('BAG');
    alice.run(() => bag.add('apple'));
    expect(tab.run(() => bag.items)).toEqual(['apple']);
    expect(bob.run(() => bag.items)).toEqual([]);
    expect(tab.session.services.get('BAG')).toBe(alice.session.group.services.get('BAG'));
  });

  it('is the real object for scoped classes, which can close a circle with it', async () => {
    @SessionScoped()
    class Cart {
      constructor(
        @Inject('BAG') readonly bag: Bag & { cart?: Cart },
        @Inject('BAG') @Optional() readonly again?: unknown,
      ) {}
      size(): number {
        return this.bag.items.length;
      }
    }
    const bag = sessionScoped({
      provide: 'BAG',
      inject: [forwardRef(() => Cart)],
      useFactory: (cart: Cart) => ({ ...makeBag(), cart }),
    });
    const app = await startScopedApp({ providers: [Cart, bag] });
    const { session } = await app.user();
    const cart = session.services.get(Cart);
    expect(cart.bag).toBe(session.services.get('BAG'));
    expect(cart.again).toBe(cart.bag);
    cart.bag.add('apple');
    expect(cart.bag.cart?.size()).toBe(1);
  });

  it('needs no session to be injected, printed, looked at and awaited, and says what is missing for all else', async () => {
    const app = await startScopedApp({ providers: [sessionScoped({ provide: 'BAG', useFactory: makeBag })] });
    const bag = app.get<Bag>('BAG');
    expect(inspect(bag)).toBe('[BAG: one per session]');
    expect(await Promise.resolve(bag)).toBe(bag);
    expect('items' in bag).toBe(false);
    expect(Object.getPrototypeOf(bag)).toBe(Object.prototype);
    expect(bag.constructor).toBe(Object);
    expect(typeof bag).toBe('object');
    for (const use of [
      () => bag.items,
      () => bag.add('x'),
      () => (bag.items = []),
      () => Object.keys(bag),
      () => ({ ...bag }),
      () => delete (bag as Partial<Bag>).items,
    ])
      expect(use).toThrow(/^BAG\.\w+ was used outside of an active session/);
  });

  it('passes on every operation on an object', async () => {
    const app = await startScopedApp({
      providers: [sessionScoped({ provide: 'BAG', useFactory: () => makeBag() as unknown as Record<string, unknown> })],
    });
    const bag = app.get<Record<string, unknown>>('BAG');
    const { run, session } = await app.user();
    run(() => {
      const real = session.services.get<Record<string, unknown>>('BAG');
      bag.size = 3;
      expect(real.size).toBe(3);
      expect(Object.keys(bag)).toEqual(['items', 'add', 'size']);
      expect({ ...bag }).toEqual({ ...real });
      expect(JSON.stringify(bag)).toBe('{"items":[],"size":3}');
      expect('size' in bag).toBe(true);
      expect(delete bag.size).toBe(true);
      expect('size' in bag).toBe(false);
      Object.defineProperty(bag, 'hidden', { value: 1, configurable: true });
      expect(Object.getOwnPropertyDescriptor(real, 'hidden')).toMatchObject({ value: 1, enumerable: false });
      expect(Object.hasOwn(bag, 'hidden')).toBe(true);
      Object.freeze(real);
      expect(Object.getOwnPropertyDescriptor(bag, 'hidden')).toMatchObject({ value: 1, writable: false });
      expect(() => (bag.size = 4)).toThrow(TypeError);
      expect(() => Object.freeze(bag)).toThrow(TypeError);
      const prototype = { inherited: true };
      expect(() => Object.setPrototypeOf(bag, prototype)).toThrow(TypeError);
      expect(structuredClone({ ...bag, add: 0 })).toEqual({ items: [], add: 0 });
      expect(inspect(bag)).toBe(inspect(real));
    });
  });

  it('may be a Map, a class with private members, or an iterator', async () => {
    class Counter {
      #count = 0;
      static made = 0;
      increment(): number {
        return ++this.#count;
      }
      get count(): number {
        return this.#count;
      }
      set count(value: number) {
        this.#count = value;
      }
      *[Symbol.iterator](): Generator<number> {
        yield this.#count;
      }
    }
    const app = await startScopedApp({
      providers: [
        sessionScoped({ provide: 'MAP', useFactory: () => new Map([['a', 1]]) }),
        sessionScoped({ provide: 'COUNTER', useFactory: () => new Counter() }),
      ],
    });
    const [map, counter] = [app.get<Map<string, number>>('MAP'), app.get<Counter>('COUNTER')];
    const [alice, bob] = [await app.user(), await app.user()];
    alice.run(() => {
      map.set('b', 2);
      expect([map.size, [...map], map.get('b')]).toEqual([2, [['a', 1], ['b', 2]], 2]); // prettier-ignore
      expect(map).toBeInstanceOf(Map);
      counter.increment();
      counter.count += 5;
      expect([counter.count, [...counter]]).toEqual([6, [6]]);
      expect(counter).toBeInstanceOf(Counter);
      expect(counter.increment).toBe(counter.increment);
    });
    const increment = alice.run(() => counter.increment);
    expect(bob.run(() => [map.size, increment(), counter.count])).toEqual([1, 1, 1]);
  });

  it('keeps functions in fields as they are', async () => {
    const format = Object.assign((value: number) => value.toFixed(1), { locale: 'en' });
    const app = await startScopedApp({
      providers: [sessionScoped({ provide: 'FORMATS', useFactory: () => ({ format, type: Map }) })],
    });
    const formats = app.get<{ format: typeof format; type: MapConstructor }>('FORMATS');
    (await app.user()).run(() => {
      expect(formats.format).toBe(format);
      expect(formats.type).toBe(Map);
      expect(formats.format(1)).toBe('1.0');
    });
  });

  const counter = sessionScoped({
    provide: 'COUNT',
    callable: true,
    useFactory: () => {
      let count = 0;
      return Object.assign((by: number) => (count += by), { unit: 'items' });
    },
  });

  it('may be called, or constructed, with `callable`', async () => {
    const app = await startScopedApp({
      providers: [counter, sessionScoped({ provide: 'TYPE', callable: true, useFactory: () => class Row {} })],
    });
    const count = app.get<((by: number) => number) & { unit: string }>('COUNT');
    const Row = app.get<new () => object>('TYPE');
    expect(typeof count).toBe('function');
    expect(() => count(1)).toThrow(/^COUNT\.\(\) was used outside/);
    const [alice, bob] = [await app.user(), await app.user()];
    expect([alice.run(() => count(2)), alice.run(() => count(3)), bob.run(() => count(1))]).toEqual([2, 5, 1]);
    alice.run(() => {
      expect(count.unit).toBe('items');
      expect(count.call(undefined, 1)).toBe(6);
      expect([1].map(count)).toEqual([7]);
      expect(new Row()).toBeInstanceOf(alice.session.services.get<new () => object>('TYPE'));
    });
  });

  describe('and was there before, is initialised and ended by whom it belongs to', () => {
    let told: string[];
    class Told {
      constructor(readonly name = 'object') {}
      onModuleInit(): void {
        told.push(`init ${this.name}`);
      }
      onModuleDestroy(): void {
        told.push(`end ${this.name}`);
      }
    }
    beforeEach(() => {
      told = [];
    });

    it("be it the group's", async () => {
      @GroupScoped()
      class Connection extends Told {
        constructor() {
          super('connection');
        }
      }
      const chosen = sessionScoped({
        provide: 'CHOSEN',
        inject: [ActiveSession],
        useFactory: ({ services }: ActiveSession) => services.get(Connection),
      });
      const app = await startScopedApp({ providers: [Connection, chosen] });
      const alice = await app.user();
      const tab = await alice.tab('other');
      expect(tab.session.services.get('CHOSEN')).toBe(alice.session.services.get(Connection));
      expect(await tab.session.terminate()).toMatchObject({ disposed: 0 });
      expect(told).toEqual(['init connection']);
      await alice.session.group.terminate();
      expect(told).toEqual(['init connection', 'end connection']);
    });

    it('be it a singleton, which a transient factory looks up', async () => {
      const pool = { provide: 'POOL', useFactory: () => new Told('pool') };
      const found = {
        provide: 'FOUND',
        scope: Scope.TRANSIENT,
        inject: [ModuleRef],
        useFactory: (moduleRef: ModuleRef) => moduleRef.get<Told>('POOL', { strict: false }),
      };
      const user = sessionScoped({ provide: 'USER', inject: ['FOUND'], useFactory: (of: Told) => ({ of }) });
      const app = await startScopedApp({ providers: [pool, found, user] });
      told = [];
      const { session } = await app.user();
      expect(session.services.get<{ of: Told }>('USER').of).toBe(app.get('POOL'));
      await session.terminate();
      expect(told).toEqual([]);
    });

    it('be it what is injected for it', async () => {
      @SessionScoped()
      class Cart extends Told {
        constructor() {
          super('cart');
        }
      }
      @Injectable()
      class Holder {
        constructor(readonly cart: Cart) {}
      }
      const held = sessionScoped({ provide: 'HELD', inject: [Holder], useFactory: ({ cart }: Holder) => cart });
      const app = await startScopedApp({ providers: [Cart, Holder, held] });
      const { session, run } = await app.user();
      expect(run(() => app.get<Cart>('HELD').name)).toBe('cart');
      await session.terminate();
      expect(told).toEqual(['init cart', 'end cart']);
    });
  });

  it('bound by `bind()` still calls that of the session, also where none is there yet', async () => {
    const app = await startScopedApp({ providers: [counter] });
    const count = app.get<(by: number) => number>('COUNT');
    const early = count.bind(undefined, 2);
    const [alice, bob] = [await app.user(), await app.user()];
    const late = alice.run(() => count.bind(undefined, 3));
    expect([alice.run(() => early()), bob.run(() => early()), bob.run(() => late())]).toEqual([2, 2, 5]);
    expect([count.name, count.length]).toEqual(['', 0]);
  });

  it('with a class as its token is an instance of that, and forwards what only the object has', async () => {
    abstract class Db {
      abstract query(): string;
      describe(): string {
        return `Db: ${this.query()}`;
      }
    }
    class PgDb extends Db {
      #queries = 0;
      query(): string {
        return `query ${++this.#queries}`;
      }
    }
    const app = await startScopedApp({ providers: [sessionScoped({ provide: Db, useFactory: () => new PgDb() })] });
    const db = app.get(Db);
    expect(db).toBeInstanceOf(Db);
    const [alice, bob] = [await app.user(), await app.user()];
    expect(alice.run(() => [db.query(), db.describe(), db.query()])).toEqual(['query 1', 'Db: query 2', 'query 3']);
    const query = alice.run(() => db.query);
    expect(bob.run(() => [query(), db.query])).toEqual(['query 1', query]);
    expect(() => db.query()).toThrow(/^Db\.query was used outside/);
  });

  it.each([
    ['nothing', undefined, /BAG made undefined, expected: object\..*wrap the value, as in \{ value \}/],
    ['null', null, /BAG made null/],
    ['a primitive', 'text', /BAG made 'text', expected: object/],
    ['a function', () => 1, /BAG made \[Function.*Set the option "callable: true"/],
  ])('is refused where the factory makes %s', async (_what, value, message) => {
    const app = await startScopedApp({ providers: [sessionScoped({ provide: 'BAG', useFactory: () => value })] });
    const { run } = await app.user();
    const use = (): unknown => run(() => app.get<Bag>('BAG').items);
    expect(use).toThrow(ScopeMisuseError);
    expect(use).toThrow(message);
  });

  it('is refused where a factory with `callable` makes an object', async () => {
    const bag = sessionScoped({ provide: 'BAG', callable: true, useFactory: makeBag });
    const app = await startScopedApp({ providers: [bag] });
    expect(() => app.get<Bag>('BAG').items).toThrow(/outside/);
    const { session } = await app.user();
    expect(() => session.services.get('BAG')).toThrow(
      /expected: function\. Remove the option "callable": it is only for factories that make functions/,
    );
  });

  it('is tried again where the factory has thrown', async () => {
    let tries = 0;
    const bag = sessionScoped({
      provide: 'BAG',
      useFactory: () => {
        if (++tries === 1) throw new Error('not yet');
        return makeBag();
      },
    });
    const app = await startScopedApp({ providers: [bag] });
    const { run } = await app.user();
    const use = (): string[] => run(() => app.get<Bag>('BAG').items);
    expect(use).toThrow('not yet');
    expect(use()).toEqual([]);
  });
});

describe('It ends with its session', () => {
  it('by `dispose`, awaited, which takes the place of its hooks', async () => {
    const told: string[] = [];
    const connection = { onModuleDestroy: () => told.push('hook'), [Symbol.dispose]: () => told.push('symbol') };
    const app = await startScopedApp({
      providers: [
        sessionScoped({ provide: 'HOOKS', useFactory: () => ({ ...connection }) }),
        sessionScoped({
          provide: 'DISPOSED',
          inject: ['HOOKS'],
          useFactory: () => ({ ...connection, name: 'it' }),
          dispose: async ({ name }) => {
            await settle();
            told.push(`dispose ${name}`);
          },
        }),
      ],
    });
    const { session } = await app.user();
    session.services.get('DISPOSED');
    const report = await session.terminate();
    expect(told).toEqual(['dispose it', 'hook', 'symbol']);
    expect(report).toMatchObject({ disposed: 2, failed: [] });
  });

  it('unless the factory only hands on what it was given; `dispose` says otherwise', async () => {
    const told: string[] = [];
    class Pool {
      onModuleInit(): void {
        told.push('init');
      }
      onModuleDestroy(): void {
        told.push('end');
      }
    }
    const handOn = { inject: [Pool], useFactory: (pool: Pool) => pool };
    @SessionScoped()
    class Repository {
      constructor(@Inject('TRANSIENT') readonly pool: Pool) {}
    }
    const app = await startScopedApp({
      providers: [
        Pool,
        Repository,
        { provide: 'TRANSIENT', scope: Scope.TRANSIENT, ...handOn },
        sessionScoped({ provide: 'CHOSEN', ...handOn }),
        sessionScoped({ provide: 'LEASED', ...handOn, dispose: () => told.push('returned') }),
      ],
    });
    told.length = 0;
    const { session } = await app.user();
    for (const token of [Repository, 'CHOSEN', 'LEASED']) session.services.get<object>(token);
    await session.terminate();
    expect(told).toEqual(['returned']);
  });

  it('and a failing `dispose` stands in the report', async () => {
    const bag = sessionScoped({
      provide: Symbol.for('bag'),
      useFactory: makeBag,
      dispose: () => {
        throw new Error('stuck');
      },
    });
    const app = await startScopedApp({ providers: [bag] });
    const { session } = await app.user();
    session.services.get(Symbol.for('bag'));
    const { failed } = await session.terminate();
    expect(failed).toEqual([{ what: 'Symbol(bag), dispose()', error: new Error('stuck') }]);
  });
});

describe('In tests', () => {
  it('the provider can be overridden by a value', async () => {
    const fake = makeBag();
    const app = await startScopedApp(
      { providers: [sessionScoped({ provide: 'BAG', useFactory: makeBag })] },
      { override: (builder) => builder.overrideProvider('BAG').useValue(fake) },
    );
    expect(app.get('BAG')).toBe(fake);
  });

  it('without the module, a mock in its place gives the plain object of the factory', async () => {
    const module = await Test.createTestingModule({
      providers: [sessionScoped({ provide: 'BAG', useFactory: makeBag })],
    })
      .useMocker(() => ({}))
      .compile();
    expect(module.get<Bag>('BAG').add('apple')).toBe(1);
  });

  it('without the module and a mock, the error of Nest names what is missing', async () => {
    const module = Test.createTestingModule({ providers: [sessionScoped({ provide: 'BAG', useFactory: makeBag })] });
    await expect(module.compile()).rejects.toThrow(/ActiveSessionModule\.forRoot\(\)/);
  });
});
