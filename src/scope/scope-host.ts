import type { ModulesContainer } from '@nestjs/core';
import { ScopeMisuseError } from '../errors.js';
import { pathToRequestScope } from '../nest-internals.js';
import type { SessionContext } from './context.js';
import type { ScopeLevel } from './scope.js';

/**
 * A host answers this key with the key itself, also through proxies that others put around it. A mock does not, were it
 * a proxy that answers every question, or made by `new ScopeHost()`.
 */
export const HOST_MARK = Symbol('nestjs-active-session.scope-host');

/**
 * The hidden last argument of every scoped class: by it a constructor knows that Nest calls it. It stands for one
 * application, so two applications in one process share nothing.
 */
export class ScopeHost {
  private readonly counts: Record<ScopeLevel, number> = { session: 0, group: 0 };

  constructor(
    readonly context: SessionContext,
    private readonly modules: ModulesContainer,
  ) {
    if (context !== undefined) Object.defineProperty(this, HOST_MARK, { value: HOST_MARK });
  }

  /** Nest is making a provider of this class. @throws ScopeMisuseError where it does so for each request */
  refuseRequestScope(type: unknown): void {
    const path = pathToRequestScope(this.modules, type);
    if (path !== undefined)
      throw new ScopeMisuseError(
        `${path}: the last one is request-scoped, and a session has no request. Make it session-scoped or a singleton, ` +
          'or pass what it has to the methods that need it.',
      );
  }

  /** The number of a new provider, by which a scope finds its instance. */
  nextIndex(level: ScopeLevel): number {
    return this.counts[level]++;
  }
}

// Nest names the missing dependency by the class: its message then names the fix.
Object.defineProperty(ScopeHost, 'name', { value: 'ActiveSessionModule.forRoot()' });

export function isScopeHost(value: unknown): value is ScopeHost {
  return typeof value === 'object' && value !== null && (value as { [HOST_MARK]?: unknown })[HOST_MARK] === HOST_MARK;
}
