import { Scope as NestScope, type Type } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { ScopeMisuseError, SessionEndedError } from '../errors.js';
import { isUnknownElement } from '../nest-internals.js';
import { dependenciesOf, type Dependency, type Token } from './injection-metadata.js';
import type { Scope } from './scope.js';
import { providerOf } from './scoped-provider.js';

/** The child injector of a session, or group: it knows all providers of the application, and gives this session's instances. */
export abstract class SessionModuleRef {
  /**
   * The provider behind `token`: this session's instance where it is scoped, else the application's.
   * @throws SessionEndedError after the end; Nest's own error for an unknown token
   */
  abstract get<T>(token: Token<T>): T;

  /** Like {@link get}, also for what must be awaited: a transient provider is made anew. */
  abstract resolve<T>(token: Token<T>): Promise<T>;

  /**
   * Makes an instance of a class that need not be a provider, with this session's instances injected. It is the
   * caller's: give it to `takeOwnership()` to have it disposed with the session.
   */
  abstract create<T>(type: Type<T>): Promise<T>;

  /** Whether there is a provider for `token`. */
  abstract has(token: Token): boolean;
}

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
    const found: unknown = this.moduleRef.get(token, { strict: false });
    return (providerOf(found)?.resolveIn(this.scope) ?? found) as T;
  }

  override async resolve<T>(token: Token<T>): Promise<T> {
    this.assertOpen();
    const { scope } = this.moduleRef.introspect(token as Type<unknown>);
    if (scope === NestScope.REQUEST)
      throw new ScopeMisuseError(
        `${nameOf(token)} is request-scoped: a session has no request. Make it session-scoped.`,
      );
    if (scope !== NestScope.TRANSIENT) return this.get(token);
    return this.run(() => this.moduleRef.resolve<T>(token as Type<T>, undefined, { strict: false }));
  }

  override async create<T>(type: Type<T>): Promise<T> {
    const { parameters, properties } = dependenciesOf(type);
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
    try {
      this.moduleRef.introspect(token as Type<unknown>);
      return true;
    } catch (error) {
      if (isUnknownElement(error)) return false;
      throw error;
    }
  }

  private async resolveDependency({ token, isOptional }: Dependency): Promise<unknown> {
    if (isOptional && !this.has(token)) return undefined;
    return this.resolve(token);
  }

  private run<R>(fn: () => R): R {
    // What was awaited before may have taken longer than the session.
    this.assertOpen();
    return this.scope.runClean(fn);
  }

  private assertOpen(): void {
    if (this.scope.isEmpty)
      throw new SessionEndedError(this.scope.endReason ?? 'terminated', `The ${this.scope.level}`);
  }
}

function nameOf(token: Token): string {
  return typeof token === 'function' ? token.name : String(token);
}
