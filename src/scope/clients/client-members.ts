import { inspect, type InspectOptions } from 'node:util';
import { HOST_MARK } from '../host-mark.js';
import type { ScopedProvider } from '../providers/scoped-provider.js';
import type { Target } from './target.js';

/** What Nest injects in place of a scoped instance: see docs/architecture.md. */
export type Client = object;
export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;
export type Members = Record<PropertyKey, unknown>;

export const INSPECT = inspect.custom;

/** `undefined` on every client, always: otherwise Nest would end one user's object at shutdown, and `await` would call it. */
export const NEVER_ANSWERED: ReadonlySet<PropertyKey> = new Set<PropertyKey>([
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

/** What frameworks look for on any object, also at start-up, where no session is there. */
const PROBED =
  /^(\$\$typeof|@@.*|_?isMockFunction|asymmetricMatch|nodeType|tagName|toJSON|inspect|__esModule|href|protocol|lift|subscribe|isSinonProxy|handleConnection|handleDisconnect|afterInit|getReader|length)$/;

/** Whether anybody may ask any object for this member: then a client outside of a session answers undefined. */
export function isProbe(key: PropertyKey): boolean {
  return typeof key === 'symbol' || PROBED.test(String(key));
}

/** A method for each number of parameters: half the price of one with rest parameters. */
export function forwardingMethod(target: Target, key: PropertyKey, original: AnyFunction): AnyFunction {
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

function isMethod(object: object, key: PropertyKey): boolean {
  let holder: object | null = object;
  while (holder !== null && !Object.hasOwn(holder, key)) holder = Object.getPrototypeOf(holder) as object | null;
  return holder !== null && holder !== object && Object.getOwnPropertyDescriptor(holder, key)?.get === undefined;
}

/** Gives each method of an object, other than functions in its fields, one stable function that forwards to it. */
export class Forwarders {
  private readonly byKey = new Map<PropertyKey, AnyFunction>();

  constructor(private readonly target: Target) {}

  /** What a client answers for a member of its object. Functions in fields, or behind accessors, are values. */
  member(object: object, key: PropertyKey): unknown {
    const value = (object as Members)[key];
    if (typeof value !== 'function' || !isMethod(object, key)) return value;
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const method = forwardingMethod(this.target, key, value as AnyFunction);
    this.byKey.set(key, method);
    return method;
  }
}

/** The objects that are being printed: `inspect` does not see a circle that a client closes. */
const printing = new Set<object>();

export function inspector(provider: ScopedProvider, target: Target) {
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

export function jsonOf(object: object | undefined): unknown {
  const { toJSON } = (object ?? {}) as { toJSON?: unknown };
  return typeof toJSON === 'function' ? (toJSON.call(object) as unknown) : (object ?? {});
}
