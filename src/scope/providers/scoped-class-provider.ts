import { createClient, createMendingClient } from '../clients/client-proxy.js';
import type { Client } from '../clients/client-members.js';
import { injectedPropertyKeys } from '../injection-metadata.js';
import { InstanceProvider } from './instance-provider.js';
import { isAsyncFunction } from './pending.js';
import type { ScopeHost } from '../scope-host.js';
import type { Scope, ScopeLevel } from '../scope.js';
import type { ScopedOptions } from '../scoped-options.js';
import { boundTarget } from '../clients/target.js';

export type ScopedClass = new (...args: unknown[]) => object;

/** Provides the instances of a scoped class: what Nest wants to construct is constructed by every session instead. */
export class ScopedClassProvider extends InstanceProvider {
  override readonly client: Client;
  private readonly injectedKeys: ReadonlySet<PropertyKey>;

  constructor(
    level: ScopeLevel,
    override readonly metatype: ScopedClass,
    args: readonly unknown[],
    host: ScopeHost,
    options: ScopedOptions,
  ) {
    super(level, metatype.name, args, host, options);
    this.injectedKeys = injectedPropertyKeys(metatype);
    this.client = createMendingClient(this, metatype);
    host.shared.add(this.client);
  }

  override createBoundClient(scope: Scope): Client {
    return createClient(this, this.metatype, boundTarget(this, scope));
  }

  override acceptInjection(key: PropertyKey, value: unknown): boolean {
    if (this.isSealed || !this.injectedKeys.has(key) || this.hasNoted(key)) return false;
    this.noteProperty(key, value);
    return true;
  }

  override hasInjectedKey(key: PropertyKey): boolean {
    return this.injectedKeys.has(key);
  }

  protected override readonly isFactory = false;

  protected override readonly create = (args: readonly unknown[]): object => new this.metatype(...args);

  protected override get isAsyncItself(): boolean {
    return isAsyncFunction((this.metatype.prototype as { onModuleInit?: unknown }).onModuleInit);
  }
}
