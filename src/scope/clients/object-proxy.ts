import {
  Forwarders,
  INSPECT,
  inspector,
  isProbe,
  NEVER_ANSWERED,
  type Client,
  type Members,
} from './client-members.js';
import { PROVIDER, type ScopedProvider } from '../providers/scoped-provider.js';
import { currentTarget, type Target } from './target.js';

/**
 * A client for what a factory makes, where no class tells what to forward: a Proxy that passes on every operation. It
 * costs two to four times as much per call as a client of a class.
 * @param isCallable whether it stands for functions: a Proxy must know that from the start
 */
export function createObjectClient(
  provider: ScopedProvider,
  isCallable: boolean,
  target = currentTarget(provider),
): Client {
  const shell = isCallable ? callableShell() : {};
  // Node prints the object behind a Proxy.
  Object.defineProperty(shell, INSPECT, { value: inspector(provider, target), configurable: true });
  return new Proxy<object>(shell, new ObjectHandler(provider, target, isCallable ? Function : Object));
}

/** A bound function can be called and constructed, and has no own property that a Proxy would have to admit. */
function callableShell(): object {
  const shell = function () {
    // Never called: the Proxy is.
  }.bind(undefined);
  for (const key of Reflect.ownKeys(shell)) Reflect.deleteProperty(shell, key);
  return shell;
}

const CALLERS: ReadonlySet<PropertyKey> = new Set(['bind', 'call', 'apply']);

class ObjectHandler implements ProxyHandler<object> {
  private readonly forwarders: Forwarders;

  constructor(
    private readonly provider: ScopedProvider,
    private readonly target: Target,
    /** What it is taken for outside of a session. */
    private readonly kind: ObjectConstructor | FunctionConstructor,
  ) {
    this.forwarders = new Forwarders(target);
  }

  get(_shell: object, key: PropertyKey): unknown {
    if (key === PROVIDER) return this.provider;
    if (NEVER_ANSWERED.has(key)) return undefined;
    if (key === INSPECT) return inspector(this.provider, this.target);
    // They call the Proxy: what they return may be kept, and used in another session.
    if (this.kind === Function && CALLERS.has(key)) return (Function.prototype as unknown as Members)[key];
    const isCommon = isProbe(key) || key in this.kind.prototype;
    const object = isCommon ? this.target.findIfAvailable() : this.target.find(key);
    if (object !== undefined) return this.forwarders.member(object, key);
    return key === 'constructor' ? this.kind : (this.kind.prototype as Members)[key];
  }

  set(_shell: object, key: PropertyKey, value: unknown): boolean {
    return Reflect.set(this.target.find(key), key, value);
  }

  has(_shell: object, key: PropertyKey): boolean {
    return !NEVER_ANSWERED.has(key) && key in (this.target.findIfInUse() ?? this.kind.prototype);
  }

  ownKeys(): (string | symbol)[] {
    return Reflect.ownKeys(this.target.find('keys'));
  }

  getOwnPropertyDescriptor(_shell: object, key: PropertyKey): PropertyDescriptor | undefined {
    const object = isProbe(key) ? this.target.findIfAvailable() : this.target.find(key);
    const descriptor = object === undefined ? undefined : Reflect.getOwnPropertyDescriptor(object, key);
    // A Proxy may not report a property as non-configurable unless its own target has it so.
    return descriptor === undefined ? undefined : { ...descriptor, configurable: true };
  }

  defineProperty(_shell: object, key: PropertyKey, descriptor: PropertyDescriptor): boolean {
    return descriptor.configurable !== false && Reflect.defineProperty(this.target.find(key), key, descriptor);
  }

  deleteProperty(_shell: object, key: PropertyKey): boolean {
    return Reflect.deleteProperty(this.target.find(key), key);
  }

  getPrototypeOf(): object | null {
    const object = this.target.findIfAvailable();
    return object === undefined ? this.kind.prototype : Reflect.getPrototypeOf(object);
  }

  setPrototypeOf(_shell: object, prototype: object | null): boolean {
    return Reflect.setPrototypeOf(this.target.find('prototype'), prototype);
  }

  /** It stands for objects that do not exist yet: it can be neither sealed nor frozen. */
  preventExtensions(): boolean {
    return false;
  }

  apply(_shell: object, self: unknown, args: unknown[]): unknown {
    return Reflect.apply(this.target.find('()') as () => unknown, self, args);
  }

  construct(_shell: object, args: unknown[]): object {
    return Reflect.construct(this.target.find('new') as new () => object, args) as object;
  }
}
