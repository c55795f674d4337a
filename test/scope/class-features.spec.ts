import { afterEach, describe, expect, it } from '@jest/globals';
import { Inject, Injectable, Optional, type Type } from '@nestjs/common';
import { SessionScoped } from 'nestjs-active-session';
import { EventEmitter, once } from 'node:events';
import { lastValueFrom, Subject, take, toArray } from 'rxjs';
import { closeApps } from '../support/test-app.js';
import { startScopedApp, type User } from './scoped-app.js';

afterEach(closeApps);

/** What a singleton has of a class, and two users. */
async function inject<T extends object>(type: Type<T>): Promise<{ client: T; alice: User; bob: User }> {
  const app = await startScopedApp({ providers: [type] });
  return { client: app.get(type), alice: await app.user(), bob: await app.user() };
}

describe('Through the reference that a singleton holds', () => {
  it('private fields, accessors and methods with them work', async () => {
    @SessionScoped()
    class Account {
      #balance = 0;
      get balance(): number {
        return this.#balance;
      }
      set balance(value: number) {
        if (value < 0) throw new RangeError('No debts');
        this.#balance = value;
      }
      #raise(by: number): void {
        this.#balance += by;
      }
      deposit(amount: number): number {
        this.#raise(amount);
        return this.#balance;
      }
      isSame(other: unknown): boolean {
        return typeof other === 'object' && other !== null && #balance in other;
      }
    }
    const { client, alice, bob } = await inject(Account);
    expect(alice.run(() => client.deposit(5))).toBe(5);
    bob.run(() => (client.balance = 7));
    expect([alice, bob].map(({ run }) => run(() => client.balance))).toEqual([5, 7]);
    expect(() => alice.run(() => (client.balance = -1))).toThrow(RangeError);
    expect(alice.run(() => client.isSame(alice.session.services.get(Account)))).toBe(true);
  });

  it('fields of any kind are read and written, in the session and nowhere else', async () => {
    const KEY = Symbol('key');
    class Helper {
      static readonly kind = 'helper';
    }
    @SessionScoped()
    class Fields {
      text = 'initial';
      [KEY] = 'initial';
      helper = Helper;
      callback = (): this => this;
      list: number[] = [1];
      nothing?: string;
    }
    const { client, alice, bob } = await inject(Fields);
    alice.run(() => Object.assign(client, { text: 'written', [KEY]: 'written' }));
    expect(alice.run(() => [client.text, client[KEY]])).toEqual(['written', 'written']);
    expect(bob.run(() => [client.text, client[KEY]])).toEqual(['initial', 'initial']);
    // Functions in fields are handed out as they are.
    expect(alice.run(() => client.helper)).toBe(Helper);
    expect(alice.run(() => client.callback())).toBe(alice.session.services.get(Fields));
    expect(alice.run(() => client.nothing)).toBeUndefined();
    expect(alice.run(() => ['text' in client, KEY in client, 'absent' in client])).toEqual([true, true, false]);
    expect(alice.run(() => Reflect.get(client, 'absent') as unknown)).toBeUndefined();
  });

  it('what the class does not allow fails as it does with the object itself', async () => {
    @SessionScoped()
    class Strict {
      readonly frozen = Object.freeze({ value: 1 });
      get computed(): number {
        return 1;
      }
      constructor() {
        Object.defineProperty(this, 'fixed', { value: 1 });
      }
    }
    const { client, alice } = await inject(Strict);
    const write = (key: string) => () => alice.run(() => ((client as unknown as Record<string, number>)[key] = 2));
    expect(write('computed')).toThrow(TypeError);
    expect(write('fixed')).toThrow(TypeError);
    expect(write('free')).not.toThrow();
  });

  it('methods take what they are given, however many parameters they declare', async () => {
    @SessionScoped()
    class Methods {
      none(): unknown[] {
        return [this instanceof Methods];
      }
      one(a?: number): unknown[] {
        return [a];
      }
      two(a?: number, b?: number): unknown[] {
        return [a, b];
      }
      three(a?: number, b?: number, c?: number): unknown[] {
        return [a, b, c];
      }
      four(a: number, b: number, c: number, d: number): unknown[] {
        return [a, b, c, d];
      }
      withDefault(a: number, b = 10): unknown[] {
        return [a, b];
      }
      withRest(a: number, ...rest: number[]): unknown[] {
        return [a, ...rest];
      }
      destructured({ a, b = 2 }: { a: number; b?: number }, [c] = [3]): unknown[] {
        return [a, b, c];
      }
      // eslint-disable-next-line @typescript-eslint/no-unused-vars -- counting what was passed is the point
      counted(a?: number, b?: number): number {
        return arguments.length;
      }
    }
    const { client, alice } = await inject(Methods);
    alice.run(() => {
      expect(client.none()).toEqual([true]);
      expect([client.one(1), client.one()]).toEqual([[1], [undefined]]);
      expect([client.two(1, 2), client.two(1)]).toEqual([
        [1, 2],
        [1, undefined],
      ]);
      expect(client.three(1, 2, 3)).toEqual([1, 2, 3]);
      expect(client.four(1, 2, 3, 4)).toEqual([1, 2, 3, 4]);
      expect([client.withDefault(1), client.withDefault(1, 2), client.withDefault(1, undefined)]).toEqual([
        [1, 10],
        [1, 2],
        [1, 10],
      ]);
      expect([client.withRest(1), client.withRest(1, 2, 3)]).toEqual([[1], [1, 2, 3]]);
      expect([client.destructured({ a: 1 }), client.destructured({ a: 1, b: 5 }, [6])]).toEqual([
        [1, 2, 3],
        [1, 5, 6],
      ]);
      expect([client.counted(), client.counted(1), client.counted(1, 2)]).toEqual([0, 1, 2]);
      expect(Reflect.apply(client.counted, client, [1, 2, 3])).toBe(3);
    });
  });

  it('methods keep their name, length and identity', async () => {
    @SessionScoped()
    class Named {
      // eslint-disable-next-line @typescript-eslint/no-unused-vars -- the number of parameters is the point
      method(a: number, b: number, c: number): void {}
      // eslint-disable-next-line @typescript-eslint/no-unused-vars -- see above
      optional(a?: number, b = 1): void {}
    }
    const { client } = await inject(Named);
    expect([client.method.name, client.method.length, client.optional.length]).toEqual(['method', 3, 1]);
    expect(client.method).toBe(client.method);
  });

  it('a method that was taken from it belongs to the session that calls it', async () => {
    @SessionScoped()
    class Counter {
      private count = 0;
      next(): number {
        return ++this.count;
      }
    }
    const { client, alice, bob } = await inject(Counter);
    const { next } = client;
    expect([alice.run(next), alice.run(next), bob.run(next)]).toEqual([1, 2, 1]);
  });

  it('a method that returns `this` hands out the object of the session', async () => {
    @SessionScoped()
    class Builder {
      readonly parts: string[] = [];
      with(part: string): this {
        this.parts.push(part);
        return this;
      }
    }
    const { client, alice, bob } = await inject(Builder);
    const built = alice.run(() => client.with('a').with('b'));
    expect(built).toBe(alice.session.services.get(Builder));
    expect(bob.run(() => built.with('c').parts)).toEqual(['a', 'b', 'c']);
    expect(bob.run(() => client.parts)).toEqual([]);
  });

  it('methods replace inherited ones, and call them', async () => {
    class Base {
      protected readonly log: string[] = [];
      get entries(): readonly string[] {
        return this.log;
      }
      write(text: string): void {
        this.log.push(`base ${text}`);
      }
      inherited(): string {
        return 'inherited';
      }
    }
    @SessionScoped()
    class Derived extends Base {
      override write(text: string): void {
        super.write(text);
        this.log.push(`derived ${text}`);
      }
    }
    const { client, alice } = await inject(Derived);
    alice.run(() => client.write('x'));
    expect(alice.run(() => client.entries)).toEqual(['base x', 'derived x']);
    expect(alice.run(() => client.inherited())).toBe('inherited');
    expect(client).toBeInstanceOf(Base);
  });

  it('generators, iterators and async ones work', async () => {
    @SessionScoped()
    class Numbers {
      private readonly numbers = [1, 2, 3];
      *all(): Generator<number> {
        yield* this.numbers;
      }
      async *later(): AsyncGenerator<number> {
        for (const number of this.numbers) yield await Promise.resolve(number);
      }
      [Symbol.iterator](): Iterator<number> {
        return this.all();
      }
      [Symbol.asyncIterator](): AsyncIterator<number> {
        return this.later();
      }
    }
    const { client, alice } = await inject(Numbers);
    await alice.run(async () => {
      expect([...client.all()]).toEqual([1, 2, 3]);
      expect([...client]).toEqual([1, 2, 3]);
      const found: number[] = [];
      for await (const number of client) found.push(number);
      for await (const number of client.later()) found.push(number);
      expect(found).toEqual([1, 2, 3, 1, 2, 3]);
    });
  });

  it('symbol members are those of the session', async () => {
    @SessionScoped()
    class Symbols {
      amount = 5;
      get [Symbol.toStringTag](): string {
        return `Amount${this.amount}`;
      }
      [Symbol.toPrimitive](hint: string): number | string {
        return hint === 'number' ? this.amount : `${this.amount} apples`;
      }
    }
    const { client, alice } = await inject(Symbols);
    alice.run(() => (client.amount = 7));
    const asText: (value: unknown) => string = String;
    expect(alice.run(() => [Number(client), asText(client), Object.prototype.toString.call(client)])).toEqual([
      7,
      '7 apples',
      '[object Amount7]',
    ]);
    // Loggers and assertions ask for such tags anywhere.
    expect(Object.prototype.toString.call(client)).toBe('[object Object]');
  });

  it('subclasses of Map, Set, EventEmitter and Subject work', async () => {
    @SessionScoped()
    class Scores extends Map<string, number> {}
    @SessionScoped()
    class Tags extends Set<string> {}
    @SessionScoped()
    class Events extends EventEmitter {}
    @SessionScoped()
    class News extends Subject<string> {}
    @Injectable()
    class Holder {
      constructor(
        readonly scores: Scores,
        readonly tags: Tags,
        readonly events: Events,
        readonly news: News,
      ) {}
    }
    const app = await startScopedApp({ providers: [Scores, Tags, Events, News, Holder] });
    const [alice, bob] = [await app.user(), await app.user()];
    const { scores, tags, events, news } = app.get(Holder);

    alice.run(() => [scores.set('x', 1), tags.add('a')]);
    expect(alice.run(() => [[...scores], scores.size, scores.get('x'), [...tags]])).toEqual([[['x', 1]], 1, 1, ['a']]);
    expect(bob.run(() => [scores.size, tags.size])).toEqual([0, 0]);

    const heard = alice.run(() => once(events, 'ping'));
    expect([bob.run(() => events.emit('ping', 'bob')), alice.run(() => events.emit('ping', 'alice'))]).toEqual([
      false,
      true,
    ]);
    expect(await heard).toEqual(['alice']);

    const read = alice.run(() => lastValueFrom(news.pipe(take(1), toArray())));
    bob.run(() => news.next('from bob'));
    alice.run(() => news.next('from alice'));
    expect(await read).toEqual(['from alice']);
  });

  it('asynchronous methods keep the session after their awaits', async () => {
    @SessionScoped()
    class Other {
      name = 'nobody';
    }
    @SessionScoped()
    class Slow {
      async double(value: number): Promise<number> {
        await Promise.resolve();
        return value * 2;
      }
    }
    @Injectable()
    class Singleton {
      constructor(
        private readonly other: Other,
        readonly slow: Slow,
      ) {}
      async name(): Promise<string> {
        await new Promise((resolve) => setImmediate(resolve));
        return this.other.name;
      }
    }
    const app = await startScopedApp({ providers: [Other, Slow, Singleton] });
    const [alice, bob] = [await app.user(), await app.user()];
    const { slow } = app.get(Singleton);
    alice.run(() => (app.get(Other).name = 'alice'));
    bob.run(() => (app.get(Other).name = 'bob'));
    const names = [alice, bob].map(({ run }) => run(() => app.get(Singleton).name()));
    expect(await Promise.all(names)).toEqual(['alice', 'bob']);
    expect(await alice.run(() => slow.double(4))).toBe(8);
  });
});

describe('The decorated class itself', () => {
  @SessionScoped()
  class Product {
    static made = 0;
    private static readonly rate = 0.2;
    static ofName(name: string): Product {
      return new Product(name);
    }
    static get vat(): number {
      return Product.rate;
    }

    constructor(@Optional() @Inject('name') readonly name = 'default') {
      Product.made++;
    }
  }

  it('keeps its name, its static members and its length', () => {
    expect(Product.name).toBe('Product');
    expect(Product.vat).toBe(0.2);
    expect(new Product().constructor).toBe(Product);
    const before = Product.made;
    expect(new Product()).toBeDefined();
    expect(Product.made).toBe(before + 1);
  });

  it('recognises its objects, wherever they were made', async () => {
    const { client, alice } = await inject(Product);
    expect(new Product()).toBeInstanceOf(Product);
    expect(Product.ofName('apple')).toBeInstanceOf(Product);
    expect(client).toBeInstanceOf(Product);
    expect(alice.session.services.get(Product)).toBeInstanceOf(Product);
    expect({}).not.toBeInstanceOf(Product);
    expect(client.constructor).toBe(Product);
    expect(alice.run(() => client.constructor)).toBe(Product);
  });

  it('can be extended, and then tells its own objects from those of its subclass', () => {
    class Special extends Product {
      readonly isSpecial = true;
    }
    const special = new Special('x');
    expect(special).toMatchObject({ name: 'x', isSpecial: true });
    expect(special).toBeInstanceOf(Product);
    expect(new Product()).not.toBeInstanceOf(Special);
  });

  it('keeps a check of its own for instanceof', () => {
    @SessionScoped()
    class Duck {
      static [Symbol.hasInstance](value: unknown): boolean {
        return typeof value === 'object' && value !== null && 'quack' in value;
      }
    }
    expect({ quack: true }).toBeInstanceOf(Duck);
    expect({}).not.toBeInstanceOf(Duck);
  });
});
