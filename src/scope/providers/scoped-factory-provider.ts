import { inspect } from 'node:util';
import { ScopeMisuseError } from '../../errors.js';
import type { Client } from '../clients/client-members.js';
import { createClient } from '../clients/client-proxy.js';
import { InstanceProvider } from './instance-provider.js';
import { nameOfToken, type Token } from '../injection-metadata.js';
import { createObjectClient } from '../clients/object-proxy.js';
import { isAsyncFunction, whenSettled } from './pending.js';
import type { ScopeHost } from '../scope-host.js';
import type { Scope, ScopeLevel } from '../scope.js';
import type { ScopedOptions } from '../scoped-options.js';
import { boundTarget, type Target } from '../clients/target.js';

/** What `sessionScoped()` and `groupScoped()` take. */
export interface ScopedFactoryOptions<T = unknown> extends ScopedOptions {
  /** The token: a class, also an abstract one, a string or a symbol. */
  provide: Token<T>;
  /**
   * Makes the object of a session: an object, or a promise of one. Called in the session, with its own instances of
   * what `inject` names.
   */
  // Each factory takes what its `inject` names, which TypeScript cannot follow.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  useFactory: (...args: any[]) => T | Promise<T>;
  /** As in a factory provider of Nest: tokens, `forwardRef()`, or `{ token, optional }`. */
  inject?: readonly unknown[];
  /** Ends the object, instead of its own hooks. It is awaited. */
  dispose?: (made: T) => unknown;
  /** `true`: the factory makes functions, or classes, and what is injected can be called. @default false */
  callable?: boolean;
}

/** Provides what a factory makes for every session. */
export class ScopedFactoryProvider extends InstanceProvider {
  override readonly client: Client;
  override readonly dispose: ((made: object) => unknown) | undefined;
  private readonly isCallable: boolean;

  constructor(
    level: ScopeLevel,
    private readonly factory: ScopedFactoryOptions,
    override readonly metatype: unknown,
    args: readonly unknown[],
    host: ScopeHost,
  ) {
    super(level, nameOfToken(factory.provide), args, host, factory);
    this.isCallable = factory.callable ?? false;
    this.dispose = factory.dispose;
    this.client = this.createClient();
    host.shared.add(this.client);
  }

  override createBoundClient(scope: Scope): Client {
    return this.createClient(boundTarget(this, scope));
  }

  protected override readonly isFactory = true;

  protected override readonly create = (args: readonly unknown[]): unknown =>
    whenSettled(this.factory.useFactory(...args), (made) => this.checked(made));

  protected override get isAsyncItself(): boolean {
    return isAsyncFunction(this.factory.useFactory);
  }

  private createClient(target?: Target): Client {
    const { provide } = this.factory;
    // A class as token has methods to forward, which is cheaper, and `instanceof` works without a session.
    return typeof provide === 'function' && !this.isCallable
      ? createClient(this, provide as abstract new (...args: never[]) => object, target)
      : createObjectClient(this, this.isCallable, target);
  }

  private checked(made: unknown): object {
    const expected = this.isCallable ? 'function' : 'object';
    if (made !== null && typeof made === expected) return made as object;
    const fix =
      typeof made === 'function'
        ? 'Set the option "callable: true".'
        : this.isCallable
          ? 'Remove the option "callable": it is only for factories that make functions.'
          : 'What is injected can only stand for objects: wrap the value, as in { value }.';
    throw new ScopeMisuseError(
      `The factory of ${this.label} made ${inspect(made, { depth: 0 })}, expected: ${expected}. ${fix}`,
    );
  }
}
