import { NotInSessionError, ScopeMisuseError } from '../errors.js';
import { createBoundClient, createClient, type Client } from './client-proxy.js';
import { injectedPropertyKeys } from './injection-metadata.js';
import type { ScopeHost } from './scope-host.js';
import type { Scope, ScopeLevel } from './scope.js';
import { providerOf, ScopedProvider } from './scoped-provider.js';

const UNUSED = -1;

export type ScopedClass = new (...args: unknown[]) => object;

/**
 * What Nest resolved once for a scoped class: its constructor's arguments and injected properties. Each session makes
 * its own instance from them. It belongs to one construction by Nest, that is, to a token in a module.
 */
export class ScopedClassProvider extends ScopedProvider {
  /** Where scopes keep the instance; taken at the first one, as many providers never have any. */
  index = UNUSED;
  readonly label: string;
  readonly client: Client;
  private readonly injectedKeys: ReadonlySet<PropertyKey>;
  private readonly properties = new Map<PropertyKey, unknown>();
  /** From the first instance on, writes to the client go to instances. */
  private isSealed = false;

  constructor(
    readonly level: ScopeLevel,
    readonly scopedClass: ScopedClass,
    private readonly args: readonly unknown[],
    host: ScopeHost,
  ) {
    super(host);
    this.label = scopedClass.name;
    this.injectedKeys = injectedPropertyKeys(scopedClass);
    this.client = createClient(this, scopedClass);
  }

  override resolveIn(scope: Scope): object {
    return scope.resolve(this);
  }

  override resolveIfPossible(scope: Scope): object | undefined {
    return scope.resolveIfPossible(this);
  }

  override resolveCurrent(member: PropertyKey): object {
    const cell = this.host.context.current();
    if (cell === undefined) throw new NotInSessionError(`${this.label}.${String(member)}`);
    return (cell.scope ?? cell.open()).resolve(this);
  }

  takeIndex(): void {
    if (this.index === UNUSED) this.index = this.host.nextIndex(this.level);
  }

  override acceptInjection(key: PropertyKey, value: unknown): boolean {
    if (this.isSealed || !this.injectedKeys.has(key) || this.properties.has(key)) return false;
    this.properties.set(key, value);
    return true;
  }

  override hasInjectedKey(key: PropertyKey): boolean {
    return this.injectedKeys.has(key);
  }

  /** A new instance, whose scoped dependencies are those of the same scope. */
  construct(scope: Scope): object {
    this.isSealed = true;
    const instance = new this.scopedClass(...this.args.map((argument) => this.ownOf(argument, scope)));
    for (const [key, value] of this.properties) Reflect.set(instance, key, this.ownOf(value, scope));
    return instance;
  }

  private ownOf(value: unknown, scope: Scope): unknown {
    const provider = providerOf(value);
    if (provider === undefined) return value;
    if (this.level === 'group' && provider.level === 'session')
      throw new ScopeMisuseError(
        `The group-scoped ${this.label} -> session-scoped ${provider.label}: a group has several sessions. ` +
          `Make ${this.label} session-scoped, or ${provider.label} group-scoped.`,
      );
    const isCycle = provider instanceof ScopedClassProvider && scope.isBuilding(provider);
    return isCycle ? createBoundClient(provider, provider.scopedClass, scope) : provider.resolveIn(scope);
  }
}
