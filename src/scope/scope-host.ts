import type { SessionContext } from './context.js';
import type { ScopeLevel } from './scope.js';

/** A host refers to itself under this key: no mock, and no proxy that answers every question, does that. */
const SELF = Symbol('nestjs-active-session.scope-host');

/**
 * The hidden last argument of every scoped class: by it a constructor knows that Nest calls it. It stands for one
 * application, so two applications in one process share nothing.
 */
export class ScopeHost {
  private readonly counts: Record<ScopeLevel, number> = { session: 0, group: 0 };

  constructor(readonly context: SessionContext) {
    Object.defineProperty(this, SELF, { value: this });
  }

  /** The number of a new provider, by which a scope finds its instance. */
  nextIndex(level: ScopeLevel): number {
    return this.counts[level]++;
  }
}

// Nest names the missing dependency by the class: its message then names the fix.
Object.defineProperty(ScopeHost, 'name', { value: 'ActiveSessionModule.forRoot()' });

export function isScopeHost(value: unknown): value is ScopeHost {
  return typeof value === 'object' && value !== null && (value as { [SELF]?: unknown })[SELF] === value;
}
