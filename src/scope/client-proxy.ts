import { inspect, type InspectOptions } from 'node:util';
import type { ScopedClassProvider } from './scoped-class-provider.js';
import type { Scope } from './scope.js';
import { HOST_MARK } from './scope-host.js';
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
  HOST_MARK,
]);

/** Members of a class that the Proxy behind the prototype answers for. */
const ANSWERED_BY_PROXY: ReadonlySet<PropertyKey> = new Set([...NEVER_ANSWERED, MEND, INSPECT, 'toJSON']);

/** What frameworks look for on any object, also at start-up, where no session is there. */
const PROBED =
  /^(\$\$typeof|@@.*|_?isMockFunction|asymmetricMatch|nodeType|tagName|toJSON|inspect|__esModule|href|protocol|lift|subscribe|isSinonProxy|handleConnection|handleDisconnect|afterInit|getReader|length)$/;

/** Of what may be a guard, interceptor, pipe or filter Nest before 11.2.1 asks the `name`, too. */
const ENHANCER_METHODS = ['canActivate', 'intercept', 'transform', 'catch'];

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
  const look = (): object | undefined => scope.resolveIfPossible(provider);
  return Object.create(clientPrototype(provider, type, { find, findIfAvailable: look, findIfInUse: look })) as Client;
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
    if (ANSWERED_BY_PROXY.has(key) || Object.hasOwn(prototype, key)) continue;
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
  let level = type.prototype as object;
  // All but the root, which is an Object.prototype, but in Jest and vm contexts not always the one of this realm.
  for (let parent = parentOf(level); parent !== null; parent = parentOf(level)) {
    for (const key of Reflect.ownKeys(level)) {
      if (key === 'constructor') continue;
      yield [key, Object.getOwnPropertyDescriptor(level, key) as PropertyDescriptor];
    }
    level = parent;
  }
}

function parentOf(prototype: object): object | null {
  return Object.getPrototypeOf(prototype) as object | null;
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
      if (!provider.acceptInjection(key, value)) (target.find(key) as Members)[key] = value;
    },
  };
}

function fieldProxy(provider: ScopedProvider, type: abstract new (...args: never[]) => object, target: Target): object {
  const isEnhancer = ENHANCER_METHODS.some((method) => method in (type.prototype as object));
  const isProbe = (key: PropertyKey): boolean =>
    typeof key === 'symbol' || PROBED.test(key as string) || (key === 'name' && isEnhancer);
  return new Proxy(Object.create(null) as Members, {
    get(_target, key) {
      if (key === PROVIDER) return provider;
      if (NEVER_ANSWERED.has(key)) return undefined;
      if (key === INSPECT) return inspector(provider, target);
      // Reading it creates nothing, and it is a method wherever the class may have one.
      if (key === 'toJSON') return () => jsonOf(target.findIfAvailable());
      if (key in Object.prototype) return (Object.prototype as unknown as Members)[key];
      const object = isProbe(key) ? target.findIfAvailable() : target.find(key);
      return object === undefined ? undefined : (object as Members)[key];
    },
    set(_target, key, value) {
      return provider.acceptInjection(key, value) || Reflect.set(target.find(key), key, value);
    },
    has(_target, key) {
      const object = target.findIfInUse();
      return object === undefined ? key in (type.prototype as object) || provider.hasInjectedKey(key) : key in object;
    },
    getPrototypeOf: () => type.prototype as object,
  });
}

function currentTarget(provider: ScopedProvider): Target {
  const { context } = provider.host;
  const look = (scope: Scope | undefined): object | undefined =>
    scope === undefined ? undefined : provider.resolveIfPossible(scope);
  return {
    find: (member) => provider.resolveCurrent(member),
    findIfAvailable: () => {
      const cell = context.current();
      return look(cell?.scope ?? (cell?.isAvailable(provider.level) === true ? cell.open() : undefined));
    },
    findIfInUse: () => look(context.current()?.scope),
  };
}

/** The objects that are being printed: `inspect` does not see a circle that a client closes. */
const printing = new Set<object>();

function inspector(provider: ScopedProvider, target: Target) {
  return (depth: number, options: InspectOptions): string => {
    const object = depth < 0 ? undefined : target.findIfInUse();
    if (object === undefined || printing.has(object)) return `[${provider.label}: one per ${provider.level}]`;
    printing.add(object);
    try {
      return inspect(object, { ...options, depth });
    } finally {
      printing.delete(object);
    }
  };
}

function jsonOf(object: object | undefined): unknown {
  const { toJSON } = (object ?? {}) as { toJSON?: unknown };
  return typeof toJSON === 'function' ? (toJSON.call(object) as unknown) : (object ?? {});
}
