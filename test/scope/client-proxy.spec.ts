import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Optional } from '@nestjs/common';
import { GroupScoped, NotInSessionError, SessionEndedError, SessionScoped } from 'nestjs-active-session';
import { format, inspect } from 'node:util';
import { from, isObservable } from 'rxjs';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

@Injectable()
class PriceList {}

@SessionScoped()
class Cart {
  items: string[] = ['apple'];
  @Inject() prices!: PriceList;
  @Optional() @Inject('absent') absent?: string;

  constructor(readonly list: PriceList) {}

  get size(): number {
    return this.items.length;
  }

  set size(value: number) {
    this.items.length = value;
  }

  add(item: string): number {
    return this.items.push(item);
  }
}

const providers = [Cart, PriceList];

afterEach(async () => {
  jest.restoreAllMocks();
  await closeApps();
});

/** The cart as a singleton has it. */
async function startWithCart() {
  const app = await startScopedApp({ providers });
  return { app, cart: app.get(Cart), user: () => app.user() };
}

function read(object: object, key: PropertyKey): unknown {
  return Reflect.get(object, key) as unknown;
}

describe('Outside of a session, what a singleton has of a session-scoped class', () => {
  it('throws what names the class, the member and the fix, for a field, a getter and a call', async () => {
    const { cart } = await startWithCart();
    const uses: Record<string, () => unknown> = {
      items: () => cart.items,
      size: () => cart.size,
      add: () => cart.add('pear'),
      unknown: () => read(cart, 'unknown'),
    };
    for (const [member, use] of Object.entries(uses)) {
      expect(use).toThrow(NotInSessionError);
      expect(use).toThrow(
        `Cart.${member} was used outside of an active session. Use it while a request of a session is handled, ` +
          'or run the code with ActiveSessionRegistry.run(session, fn) or session.bind(fn).',
      );
    }
  });

  it('throws the same, and not "not iterable", where it is iterated', async () => {
    @SessionScoped()
    class Names extends Set<string> {}
    const app = await startScopedApp({ providers: [Names] });
    const names = app.get(Names);
    expect(() => [...names]).toThrow('Names.Symbol(Symbol.iterator) was used outside of an active session');
    expect(() => names.size).toThrow(NotInSessionError);
  });

  it('has an error that clients of the application learn nothing from', async () => {
    const { cart } = await startWithCart();
    try {
      throw new Error(`expected to fail: ${cart.items.length}`);
    } catch (error) {
      expect(error).toMatchObject({ code: 'NOT_IN_SESSION', detail: 'The server could not process the request.' });
      expect((error as NotInSessionError).getStatus()).toBe(500);
      expect(JSON.stringify((error as NotInSessionError).getResponse())).not.toContain('Cart');
    }
  });

  it('refuses every write', async () => {
    const { app, cart } = await startWithCart();
    const writes = [
      () => (cart.items = []),
      () => (cart.size = 0),
      () => Object.assign(cart, { extra: 1 }),
      () => (cart.prices = new PriceList()),
      () => Reflect.set(cart, 'anything', 1),
    ];
    for (const write of writes) expect(write).toThrow(NotInSessionError);
    const { session } = await app.user();
    expect(session.services.get(Cart)).toMatchObject({ items: ['apple'], prices: app.get(PriceList) });
  });

  it('lets its methods be read: calling them is what needs a session', async () => {
    const { cart, user } = await startWithCart();
    const { add } = cart;
    expect(add).toBe(cart.add);
    const { run } = await user();
    expect(run(() => add('pear'))).toBe(2);
  });

  it('is an object of its class', async () => {
    const { cart } = await startWithCart();
    expect(cart).toBeInstanceOf(Cart);
    expect(cart).toBeInstanceOf(Object);
    expect(cart.constructor).toBe(Cart);
    expect(typeof cart).toBe('object');
    expect(['add' in cart, 'size' in cart, 'prices' in cart, 'toString' in cart, 'other' in cart]).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
    expect(Cart.prototype.isPrototypeOf.call(Cart.prototype, cart)).toBe(true);
  });

  it('has what every object has', async () => {
    const { cart } = await startWithCart();
    const asText: (value: unknown) => string = String;
    expect(asText(cart)).toBe('[object Object]');
    expect(cart.toString).toBe(Object.prototype.toString);
    expect(cart.valueOf()).toBe(cart);
    expect(Object.keys(cart)).toEqual([]);
    expect(Object.assign({}, cart)).toEqual({});
    const names: string[] = [];
    for (const name in cart) names.push(name);
    expect(names).toEqual([]);
  });

  it('can be printed', async () => {
    const { cart } = await startWithCart();
    expect(inspect(cart)).toBe('[Cart: one per session]');
    expect(inspect({ cart })).toBe('{ cart: [Cart: one per session] }');
    // What console.log() does.
    expect(format('%s %o %j', cart, cart, cart)).toBe('[Cart: one per session] [Cart: one per session] {}');
    expect(JSON.stringify(cart)).toBe('{}');
    expect(JSON.stringify({ cart, list: [cart] })).toBe('{"cart":{},"list":[{}]}');
    expect(inspect(new Error('failed', { cause: cart }))).toContain('[Cart: one per session]');
  });

  it('can be awaited, and is no observable and no promise', async () => {
    const { cart } = await startWithCart();
    expect(await Promise.resolve(cart)).toBe(cart);
    expect(isObservable(cart)).toBe(false);
    expect(() => from(cart as never)).toThrow(/You provided an invalid object where a stream was expected/);
  });

  it('can be looked at by assertions of Jest', async () => {
    const { cart } = await startWithCart();
    const called = jest.fn();
    called(cart);
    expect(called).toHaveBeenCalledWith(cart);
    expect(cart).toEqual(cart);
    expect(cart).toBe(cart);
    expect(cart).toBeDefined();
    expect([cart]).toContain(cart);
    expect(cart).not.toEqual({ items: ['apple'] });
    expect(cart).not.toMatchObject({ items: ['apple'] });
    expect(() => expect(cart).toBe(undefined)).toThrow(/toBe/);
    expect(() => expect(called).not.toHaveBeenCalledWith(cart)).toThrow(/toHaveBeenCalledWith/);
  });

  it('can be spied on: that replaces the method for all sessions', async () => {
    const { cart, user } = await startWithCart();
    const spy = jest.spyOn(cart, 'add').mockReturnValue(42);
    const { run } = await user();
    expect(run(() => cart.add('pear'))).toBe(42);
    expect(spy).toHaveBeenCalledWith('pear');
    spy.mockRestore();
    expect(run(() => cart.add('pear'))).toBe(2);
  });

  it.each(['then', 'onModuleInit', 'onModuleDestroy', 'onApplicationBootstrap', 'onApplicationShutdown'])(
    'has no %s, and neither has it inside, even if the class has',
    async (name) => {
      @SessionScoped()
      class Hooked {}
      Object.defineProperty(Hooked.prototype, name, { value: () => 'called' });
      const app = await startScopedApp({ providers: [Hooked] });
      const { run, session } = await app.user();
      expect(read(app.get(Hooked), name)).toBeUndefined();
      expect(run(() => read(app.get(Hooked), name))).toBeUndefined();
      expect(typeof read(session.services.get(Hooked), name)).toBe('function');
    },
  );

  it.each([Symbol.dispose, Symbol.asyncDispose])('cannot be disposed of: it has no %s', async (symbol) => {
    @SessionScoped()
    class Disposable {
      [symbol](): void {}
    }
    const app = await startScopedApp({ providers: [Disposable] });
    const { run } = await app.user();
    expect(read(app.get(Disposable), symbol)).toBeUndefined();
    expect(run(() => read(app.get(Disposable), symbol))).toBeUndefined();
  });

  it.each([
    'asymmetricMatch',
    'nodeType',
    '$$typeof',
    '@@__IMMUTABLE_ITERABLE__@@',
    'href',
    'lift',
    'getReader',
    'length',
    '_isMockFunction',
    '__esModule',
    'handleConnection',
    'handleDisconnect',
    'afterInit',
  ])('answers %s, which frameworks look for, with undefined', async (name) => {
    const { cart, user } = await startWithCart();
    expect(read(cart, name)).toBeUndefined();
    expect(read(cart, Symbol('any'))).toBeUndefined();
    const { run } = await user();
    expect(run(() => read(cart, name))).toBeUndefined();
  });

  it('can be read by an explorer that looks at all members of all providers', async () => {
    const { cart } = await startWithCart();
    const seen: PropertyKey[] = [];
    for (let level: object | null = cart; level !== null; level = Object.getPrototypeOf(level) as object | null)
      for (const key of Reflect.ownKeys(level)) {
        const { value, get } = Object.getOwnPropertyDescriptor(level, key)!;
        if (get === undefined && typeof value === 'function' && typeof read(cart, key) === 'function') seen.push(key);
      }
    expect(seen).toContain('add');
  });
});

describe('Classes that print themselves', () => {
  @SessionScoped()
  class Temperature {
    degrees = 20;
    toJSON(): unknown {
      return { celsius: this.degrees };
    }
    toString(): string {
      return `${this.degrees} °C`;
    }
    [inspect.custom](): string {
      return `Temperature<${this.degrees}>`;
    }
  }

  it('do so inside of a session', async () => {
    const app = await startScopedApp({ providers: [Temperature] });
    const { run } = await app.user();
    const temperature = app.get(Temperature);
    run(() => (temperature.degrees = 25));
    expect(run(() => [JSON.stringify({ temperature }), temperature.toString(), inspect(temperature)])).toEqual([
      '{"temperature":{"celsius":25}}',
      '25 °C',
      'Temperature<25>',
    ]);
  });

  it('can be logged outside, too', async () => {
    const app = await startScopedApp({ providers: [Temperature] });
    const temperature = app.get(Temperature);
    expect([JSON.stringify({ temperature }), inspect(temperature)]).toEqual([
      '{"temperature":{}}',
      '[Temperature: one per session]',
    ]);
  });
});

describe('Inside of a session', () => {
  it('it prints and serialises the object of the session', async () => {
    const { cart, user } = await startWithCart();
    const { run } = await user();
    run(() => cart.add('pear'));
    expect(run(() => JSON.parse(JSON.stringify({ cart })) as unknown)).toEqual({
      cart: { items: ['apple', 'pear'], prices: {}, list: {} },
    });
    expect(run(() => inspect(cart))).toMatch(/^Cart \{.* items: \[ 'apple', 'pear' \],/s);
  });

  it('it is printed as deep as other objects, also in a circle through a singleton', async () => {
    @Injectable()
    class Singleton {
      deep?: object;
    }
    @SessionScoped()
    class Deep {
      readonly a = { b: { c: { d: 'hidden' } } };
      constructor(readonly singleton: Singleton) {}
    }
    const app = await startScopedApp({ providers: [Deep, Singleton] });
    const { run, session } = await app.user();
    app.get(Singleton).deep = app.get(Deep);
    const client = app.get(Deep);

    expect(run(() => inspect(client))).not.toContain('hidden');
    expect(run(() => inspect({ one: { client } }))).toContain('a: [Object]');
    expect(run(() => inspect({ one: { two: { client } } }))).not.toContain('a:');
    expect(run(() => inspect(client, { depth: 3 }))).toContain('hidden');
    expect(run(() => inspect(client, { depth: null })).length).toBeLessThan(1000);
    expect(run(() => inspect(app.get(Singleton))).length).toBeLessThan(300);
    expect(run(() => inspect(session.services.get(Deep))).length).toBeLessThan(300);
  });

  it('looking at it does not make a session', async () => {
    const seen: unknown[] = [];
    @Controller('look')
    class LookController {
      constructor(private readonly cart: Cart) {}
      @Get()
      look(): void {
        seen.push(inspect(this.cart), 'items' in this.cart, this.cart instanceof Cart, this.cart.constructor === Cart);
      }
    }
    const app = await startScopedApp({ providers, controllers: [LookController] });
    await app.browser().get('/look');
    expect(seen).toEqual(['[Cart: one per session]', false, true, true]);
    expect(app.registry.all()).toEqual([]);
  });

  it.each(['toJSON', 'symbol'])('its first use makes the session, also if it only asks for %s', async (member) => {
    const SYMBOL = Symbol('field');
    @SessionScoped()
    class WithSymbol {
      [SYMBOL] = 'by symbol';
    }
    @Controller('ask')
    class AskController {
      constructor(private readonly subject: WithSymbol) {}
      @Get()
      ask(): boolean {
        return (member === 'toJSON' ? JSON.stringify(this.subject) : this.subject[SYMBOL]) !== undefined;
      }
    }
    const app = await startScopedApp({ providers: [WithSymbol], controllers: [AskController] });
    expect((await app.browser().get('/ask')).text).toBe('true');
    expect(app.registry.all()).toHaveLength(1);
  });

  it('it can be looked at while its object is being constructed', async () => {
    const seen: string[] = [];
    @Injectable()
    class Log {
      subject: unknown;
      write(): void {
        seen.push(inspect(this.subject), JSON.stringify(this.subject), String('x' in (this.subject as object)));
      }
    }
    @SessionScoped()
    class Logging {
      readonly x = 1;
      constructor(log: Log) {
        log.write();
      }
    }
    const app = await startScopedApp({ providers: [Log, Logging] });
    app.get(Log).subject = app.get(Logging);
    const { session } = await app.user();
    expect(session.services.get(Logging).x).toBe(1);
    expect(seen).toEqual(['[Logging: one per session]', '{}', 'false']);
  });

  it('its object can be used and looked at while the session ends, but none is made any more', async () => {
    const seen: unknown[] = [];
    const attempt = (fn: () => unknown): void => {
      try {
        seen.push(fn());
      } catch (error) {
        seen.push(error);
      }
    };
    const app = await startScopedApp({ providers: [...providers, PriceTag()] });
    function PriceTag() {
      @SessionScoped()
      class Tag {
        readonly text = 'tag';
      }
      return { provide: 'tag', useClass: Tag };
    }
    const { run, session } = await app.user();
    const [cart, tag] = [app.get(Cart), app.get<{ text: string }>('tag')];
    run(() => cart.add('pear'));
    session.takeOwnership(() => {
      attempt(() => cart.size);
      attempt(() => JSON.stringify(cart.items));
      attempt(() => inspect(cart).slice(0, 6));
      attempt(() => inspect(tag));
      attempt(() => tag.text);
    });
    await session.terminate();
    expect(seen).toEqual([2, '["apple","pear"]', 'Cart {', '[Tag: one per session]', expect.any(SessionEndedError)]);
    expect(String(seen.at(-1))).toContain('Tag was asked for, but the session has ended (terminated)');
    expect(() => run(() => cart.size)).toThrow(SessionEndedError);
    expect(run(() => inspect(cart))).toBe('[Cart: one per session]');
  });

  it('code of a group can look at what belongs to a session', async () => {
    const seen: string[] = [];
    @Injectable()
    class Holder {
      constructor(readonly cart: Cart) {}
    }
    @GroupScoped()
    class OfGroup {
      constructor(readonly holder: Holder) {
        seen.push(inspect(holder.cart), JSON.stringify(holder));
      }
    }
    const app = await startScopedApp({ providers: [...providers, Holder, OfGroup] });
    const { session } = await app.user();
    expect(session.services.get(OfGroup)).toBeInstanceOf(OfGroup);
    expect(seen).toEqual(['[Cart: one per session]', '{"cart":{}}']);
  });
});
