import { inspect, type InspectOptions } from 'node:util';
import type { ScopedClassProvider } from './scoped-class-provider.js';
import type { Scope } from './scope.js';
import { PROVIDER, type ScopedProvider } from './scoped-provider.js';

/** A stand-in for the object of the current session; what it is good for stands in docs/architecture.md. */
export type Client = object;
type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;
type Members = Record<PropertyKey, unknown>;

/** The object that a client stands for. */
interface Target {
  /** For members that only make sense with an object. @throws NotInSessionError */
  readonly find: (member: PropertyKey) => object;
  /** For what anybody may ask of any object; undefined outside of a session. */
  findIfAvailable(): object | undefined;
  /** For what only looks, and must not create a session. */
  findIfInUse(): object | undefined;
}

/** Own key of a new client: `Object.assign(placeholder, client)`, as Nest does it for `forwardRef`, calls its setter. */
export const MEND = Symbol('nestjs-active-session.mend');

const INSPECT = inspect.custom;

/** `undefined` on every client, always: otherwise Nest would end one user's object at shutdown, and `await` would call it. */
const NEVER_ANSWERED: ReadonlySet<PropertyKey> = new Set<PropertyKey>([
  'then',
  'onModuleInit',
  'onModuleDestroy',
  'onApplicationBootstrap',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
  Symbol.dispose,
  Symbol.asyncDispose,
]);

/** What frameworks look for on any object, also at start-up, where no session is there. */
const PROBED =
  /^(\$\$typeof|@@.*|_?isMockFunction|asymmetricMatch|nodeType|tagName|toJSON|inspect|__esModule|href|protocol|lift|subscribe|isSinonProxy|handleConnection|handleDisconnect|afterInit|getReader|length)$/;

/** The client that Nest keeps in place of instances of `type`. */
export function createClient(provider: ScopedClassProvider, type: abstract new (...args: never[]) => object): Client {
  const client = Object.create(clientPrototype(provider, type, currentTarget(provider))) as Client;
  Object.defineProperty(client, MEND, { value: client, enumerable: true, configurable: true });
  queueMicrotask(() => Reflect.deleteProperty(client, MEND));
  return client;
}

/** A client for one given scope: it closes a circle between the constructors of two scoped classes. */
export function createBoundClient(
  provider: ScopedClassProvider,
  type: abstract new (...args: never[]) => object,
  scope: Scope,
): Client {
  const find = (): object => scope.resolve(provider);
  return Object.create(clientPrototype(provider, type, { find, findIfAvailable: find, findIfInUse: find })) as Client;
}

/** A client for the session, or group, object itself. `peeked` members are answered without a session. */
export function createOwnerClient(
  provider: ScopedProvider,
  type: abstract new (...args: never[]) => object,
  peeked: Readonly<Record<string, () => unknown>>,
): Client {
  const prototype = clientPrototype(provider, type, currentTarget(provider));
  for (const [name, get] of Object.entries(peeked))
    Object.defineProperty(prototype, name, { configurable: true, enumerable: false, get });
  return Object.create(prototype) as Client;
}

/** The setter behind {@link MEND}: turns a placeholder that Nest handed out before into a client like the real one. */
export function mendPlaceholder(this: object, client: Client): void {
  Object.setPrototypeOf(this, Object.getPrototypeOf(client) as object);
}

/**
 * What a client inherits from: a forwarding method for each method of the class, as a data property, so that reading it
 * needs no session; forwarding accessors; and behind them a Proxy for fields.
 */
function clientPrototype(
  provider: ScopedProvider,
  type: abstract new (...args: never[]) => object,
  target: Target,
): object {
  const prototype = Object.create(fieldProxy(provider, type, target)) as object;
  Object.defineProperty(prototype, 'constructor', { value: type, configurable: true, writable: true });
  for (const [key, member] of membersOf(type)) {
    if (key === MEND || NEVER_ANSWERED.has(key) || Object.hasOwn(prototype, key)) continue;
    Object.defineProperty(prototype, key, {
      configurable: true,
      enumerable: false,
      ...(typeof member.value === 'function'
        ? { writable: true, value: forwardingMethod(target, key, member.value as AnyFunction) }
        : forwardingAccessor(provider, target, key)),
    });
  }
  return prototype;
}

function* membersOf(type: abstract new (...args: never[]) => object): Iterable<[PropertyKey, PropertyDescriptor]> {
  for (let level = type.prototype as object; level !== Object.prototype; level = Object.getPrototypeOf(level) as object)
    for (const key of Reflect.ownKeys(level)) {
      if (key === 'constructor') continue;
      yield [key, Object.getOwnPropertyDescriptor(level, key) as PropertyDescriptor];
    }
}

/** A method for each number of parameters: half the price of one with rest parameters. */
function forwardingMethod(target: Target, key: PropertyKey, original: AnyFunction): AnyFunction {
  const { find } = target;
  const all = (args: ArrayLike<unknown>): unknown => {
    const object = find(key) as Members;
    return (object[key] as AnyFunction).apply(object, args as unknown[]);
  };
  type Methods = Record<PropertyKey, (...args: unknown[]) => unknown>;
  /* eslint-disable prefer-rest-params, @typescript-eslint/no-non-null-assertion -- rest parameters are what the fixed numbers avoid; the class has the method */
  const forward: AnyFunction =
    original.length === 0
      ? function () {
          return arguments.length > 0 ? all(arguments) : (find(key) as Methods)[key]!();
        }
      : original.length === 1
        ? function (a) {
            return arguments.length !== 1 ? all(arguments) : (find(key) as Methods)[key]!(a);
          }
        : original.length === 2
          ? function (a, b) {
              return arguments.length !== 2 ? all(arguments) : (find(key) as Methods)[key]!(a, b);
            }
          : function (...args) {
              return all(args);
            };
  /* eslint-enable prefer-rest-params, @typescript-eslint/no-non-null-assertion */
  Object.defineProperty(forward, 'length', { value: original.length, configurable: true });
  for (const metadataKey of Reflect.getMetadataKeys(original) as unknown[])
    Reflect.defineMetadata(metadataKey, Reflect.getMetadata(metadataKey, original), forward);
  for (const ownKey of Reflect.ownKeys(original))
    if (ownKey !== 'length' && ownKey !== 'prototype' && ownKey !== 'arguments' && ownKey !== 'caller')
      Object.defineProperty(forward, ownKey, Object.getOwnPropertyDescriptor(original, ownKey) as PropertyDescriptor);
  return forward;
}

function forwardingAccessor(provider: ScopedProvider, target: Target, key: PropertyKey): PropertyDescriptor {
  return {
    get: () => {
      // Well-known symbols (toStringTag) are read by loggers and assertions anywhere.
      const object = typeof key === 'symbol' ? target.findIfAvailable() : target.find(key);
      return object === undefined ? undefined : (object as Members)[key];
    },
    set: (value: unknown) => {
      if (!provider.acceptInjection(key, value)) Reflect.set(target.find(key), key, value);
    },
  };
}

function fieldProxy(provider: ScopedProvider, type: abstract new (...args: never[]) => object, target: Target): object {
  const isProbe = (key: PropertyKey): boolean => typeof key === 'symbol' || PROBED.test(String(key));
  return new Proxy(Object.create(null) as Members, {
    get(_target, key) {
      if (key === PROVIDER) return provider;
      if (NEVER_ANSWERED.has(key)) return undefined;
      if (key === INSPECT) return inspector(provider, target);
      if (key === 'toJSON') return jsonOf(target.findIfAvailable());
      if (key in Object.prototype) return (Object.prototype as unknown as Members)[key];
      const object = isProbe(key) ? target.findIfAvailable() : target.find(key);
      return object === undefined ? undefined : (object as Members)[key];
    },
    set(_target, key, value) {
      if (!provider.acceptInjection(key, value)) Reflect.set(target.find(key), key, value);
      return true;
    },
    has(_target, key) {
      const object = target.findIfInUse();
      return object === undefined ? key in (type.prototype as object) || provider.hasInjectedKey(key) : key in object;
    },
    getPrototypeOf: () => type.prototype as object,
  });
}

function currentTarget(provider: ScopedProvider): Target {
  return {
    find: (member) => provider.resolveCurrent(member),
    findIfAvailable: () =>
      provider.host.context.current()?.isAvailable(provider.level) === true ? provider.resolveCurrent('') : undefined,
    findIfInUse: () =>
      provider.host.context.current()?.scope?.isOpenAt(provider.level) === true
        ? provider.resolveCurrent('')
        : undefined,
  };
}

function inspector(provider: ScopedProvider, target: Target) {
  return (_depth: number, options: InspectOptions): string => {
    const object = target.findIfInUse();
    return object === undefined ? `[${provider.label}: one per ${provider.level}]` : inspect(object, options);
  };
}

function jsonOf(object: object | undefined): (() => unknown) | undefined {
  if (object === undefined) return undefined;
  const { toJSON } = object as { toJSON?: unknown };
  return () => (typeof toJSON === 'function' ? (toJSON.call(object) as unknown) : object);
}
