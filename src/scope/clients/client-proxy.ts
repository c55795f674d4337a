import {
  forwardingMethod,
  Forwarders,
  INSPECT,
  inspector,
  isProbe,
  jsonOf,
  NEVER_ANSWERED,
  type AnyFunction,
  type Client,
  type Members,
} from './client-members.js';
import { PROVIDER, type ScopedProvider } from '../providers/scoped-provider.js';
import { currentTarget, type Target } from './target.js';

type Class = abstract new (...args: never[]) => object;

/** Own key of a new client: `Object.assign(placeholder, client)`, as Nest does it for `forwardRef`, calls its setter. */
export const MEND = Symbol('nestjs-active-session.mend');

/** Members of a class that the Proxy behind the prototype answers for. */
const ANSWERED_BY_PROXY: ReadonlySet<PropertyKey> = new Set([...NEVER_ANSWERED, MEND, INSPECT, 'toJSON']);

/** Of what may be a guard, interceptor, pipe or filter Nest before 11.2.1 asks the `name`, too. */
const ENHANCER_METHODS = ['canActivate', 'intercept', 'transform', 'catch'];

/** A client for instances of `type`: of the running code's session, or of one given scope. */
export function createClient(provider: ScopedProvider, type: Class, target = currentTarget(provider)): Client {
  return Object.create(clientPrototype(provider, type, target)) as Client;
}

/** A client that can take the place of a placeholder that Nest has handed out before. */
export function createMendingClient(provider: ScopedProvider, type: Class): Client {
  const client = createClient(provider, type);
  Object.defineProperty(client, MEND, { value: client, enumerable: true, configurable: true });
  queueMicrotask(() => Reflect.deleteProperty(client, MEND));
  return client;
}

/** A client for the session, or group, object itself. `peeked` members are answered without a session. */
export function createOwnerClient(
  provider: ScopedProvider,
  type: Class,
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
function clientPrototype(provider: ScopedProvider, type: Class, target: Target): object {
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

function* membersOf(type: Class): Iterable<[PropertyKey, PropertyDescriptor]> {
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

function fieldProxy(provider: ScopedProvider, type: Class, target: Target): object {
  const isEnhancer = ENHANCER_METHODS.some((method) => method in (type.prototype as object));
  const forwarders = new Forwarders(target);
  return new Proxy(Object.create(null) as Members, {
    get(_target, key) {
      if (key === PROVIDER) return provider;
      if (NEVER_ANSWERED.has(key)) return undefined;
      if (key === INSPECT) return inspector(provider, target);
      // Reading it creates nothing, and it is a method wherever the class may have one.
      if (key === 'toJSON') return () => jsonOf(target.findIfAvailable());
      if (key in Object.prototype) return (Object.prototype as unknown as Members)[key];
      const object = isProbe(key) || (key === 'name' && isEnhancer) ? target.findIfAvailable() : target.find(key);
      return object === undefined ? undefined : forwarders.member(object, key);
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
