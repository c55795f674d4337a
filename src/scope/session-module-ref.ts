import { inspect } from 'node:util';
import { Scope as NestScope, type Type } from '@nestjs/common';
import { ModulesContainer, type ModuleRef } from '@nestjs/core';
import { ScopeMisuseError } from '../errors.js';
import { areDependenciesKnown, isProvided, providersOf, withoutAlias } from '../nest-internals.js';
import { checkToken, isClass, isToken, wantedBy, nameOfToken, type Wanted, type Token } from './injection-metadata.js';
import { Attempt } from './providers/attempt.js';
import { InstanceProvider } from './providers/instance-provider.js';
import { Pending } from './providers/pending.js';
import type { Keeper } from './created.js';
import type { Scope } from './scope.js';
import { ownProviderOf } from './providers/scoped-provider.js';
import { Transient, wantsAnything } from './providers/transient.js';

/** The child injector of a session, or group: it knows all providers of the application, and gives this session's instances. */
export abstract class SessionModuleRef {
  /**
   * The provider behind `token`: this session's instance where it is scoped, else the application's.
   * @throws ScopeMisuseError for what must be awaited and is not ready (use {@link resolve}), for what cannot be used here, and for
   * what is no token
   * @throws SessionEndedError after the end; Nest's own error for an unknown, request-scoped or transient token
   */
  abstract get<T>(token: Token<T>): T;

  /**
   * Like {@link get}, but awaits what must be awaited. A transient provider is made anew and is the caller's to end.
   * @throws ScopeMisuseError for a request-scoped token, and for what is none
   * @example
   * ```ts
   * const index = await session.services.resolve(SearchIndex);
   * ```
   */
  abstract resolve<T>(token: Token<T>): Promise<T>;

  /**
   * Makes an instance of a class that need not be a provider, with this session's instances injected. It is the
   * caller's: give it to `takeOwnership()` to have it disposed with the session.
   * @throws ScopeMisuseError for what is no class, and what {@link resolve} throws
   */
  abstract create<T>(type: Type<T>): Promise<T>;

  /** Whether there is a provider for `token`. */
  abstract has(token: Token): boolean;
}

/** What it is given belongs to the caller. */
const CALLERS_OWN: Keeper = { keep: () => undefined, release: (created) => [...created] };

/** {@link SessionModuleRef} over one scope. */
export class ScopeModuleRef extends SessionModuleRef {
  constructor(
    private readonly scope: Scope,
    private readonly moduleRef: ModuleRef,
  ) {
    super();
  }

  override get<T>(token: Token<T>): T {
    this.assertOpen();
    checkToken('a token', token);
    const found: unknown = this.moduleRef.get(token, { strict: false });
    return (ownProviderOf(found, this.scope.host)?.resolveIn(this.scope) ?? found) as T;
  }

  override async resolve<T>(token: Token<T>): Promise<T> {
    this.assertOpen();
    checkToken('a token', token);
    const { scope } = this.moduleRef.introspect(token as Type<unknown>);
    if (scope === NestScope.REQUEST)
      throw new ScopeMisuseError(
        `${nameOfToken(token)} is request-scoped: a session has no request. Make it session-scoped.`,
      );
    if (scope === NestScope.TRANSIENT) return (await this.makeTransient(token)) as T;
    const found: unknown = this.moduleRef.get(token, { strict: false });
    const provider = ownProviderOf(found, this.scope.host);
    if (provider instanceof InstanceProvider) return (await this.scope.prepare(provider)) as T;
    return (provider?.resolveIn(this.scope) ?? found) as T;
  }

  override async create<T>(type: Type<T>): Promise<T> {
    if (!isClass(type)) throw new ScopeMisuseError(`services.create() takes a class, got ${inspect(type)}`);
    const { parameters, properties } = wantedBy(type);
    const args = await Promise.all(parameters.map((dependency) => this.resolveDependency(dependency)));
    const values = await Promise.all(properties.map((dependency) => this.resolveDependency(dependency)));
    return this.run(() => {
      const instance = new type(...(args as never[]));
      properties.forEach(({ key }, i) => {
        if (values[i] !== undefined) Reflect.set(instance as object, key, values[i]);
      });
      return instance;
    });
  }

  override has(token: Token): boolean {
    return isToken(token) && isProvided(this.moduleRef, token);
  }

  private async resolveDependency({ token, isOptional }: Wanted): Promise<unknown> {
    if (isOptional && !this.has(token)) return undefined;
    return this.resolve(token);
  }

  /** It is the caller's, as it is with Nest. */
  private async makeTransient(token: Token): Promise<unknown> {
    const modules = this.moduleRef.get(ModulesContainer, { strict: false });
    const found = [...providersOf(modules)].findLast((provider) => provider.token === token);
    if (found === undefined) return this.moduleRef.resolve(token, undefined, { strict: false });
    const nestProvider = withoutAlias(found);
    // Nest looks when it makes one.
    if (wantsAnything(nestProvider) && !areDependenciesKnown(nestProvider))
      await this.moduleRef.resolve(token, undefined, { strict: false });
    const transient = new Transient(nestProvider);
    for (const dependency of transient.scopedDependencies(this.scope.host)) {
      if (dependency.level === 'session' && this.scope.level === 'group')
        throw new ScopeMisuseError(
          `${transient.label} -> (session-scoped) ${dependency.label}: a group has several sessions. Use session.services.`,
        );
      if (dependency instanceof InstanceProvider) await this.scope.prepare(dependency);
    }
    const consumer = { level: this.scope.level, label: 'session.services', asInquirer: undefined };
    const attempt = new Attempt(this.scope, CALLERS_OWN);
    const made = this.run(() => attempt.run(() => transient.makeFor(consumer, this.scope, attempt)));
    return made instanceof Pending ? made.promise : made;
  }

  private run<R>(fn: () => R): R {
    // What was awaited before may have taken longer than the session.
    this.assertOpen();
    return this.scope.runCleanForCaller(fn);
  }

  private assertOpen(): void {
    if (this.scope.isEmptied) throw this.scope.endedError();
  }
}
