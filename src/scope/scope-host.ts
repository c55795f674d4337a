import type { SessionContext } from './context.js';
import { HOST_MARK } from './host-mark.js';
import type { InstanceProvider } from './providers/instance-provider.js';
import type { ScopeLevel } from './scope.js';

/**
 * The hidden last argument of every scoped class and factory: by it a constructor knows that Nest calls it. It stands
 * for one application, so two applications in one process share nothing.
 */
export abstract class ScopeHost {
  /** What Nest injects, made by it or by us: whoever only hands it on does not own it. */
  readonly shared = new WeakSet<object>();

  constructor(readonly context: SessionContext) {
    if (context !== undefined) Object.defineProperty(this, HOST_MARK, { value: HOST_MARK });
  }

  /** Called while Nest constructs a provider. @throws ScopeMisuseError where Nest constructs it for each request, or consumer */
  abstract refuseRequestScope(metatype: unknown): void;

  /** Tells of an error that nobody else is told of. */
  abstract logError(what: string, error: unknown): void;

  /** Nest has constructed a provider. */
  abstract admit(provider: InstanceProvider): void;

  /** At the start of the application. @throws ScopeMisuseError that tells of all that is wrong */
  abstract checkAll(): void;

  /** Before the first instance of a provider. @throws ScopeMisuseError */
  abstract check(provider: InstanceProvider): void;

  /** The providers that are made before a handler runs. The list is another one when it has changed. */
  abstract providersToPrepare(): readonly InstanceProvider[];

  /** The number of a new provider, by which a scope finds its instance. */
  abstract nextIndex(level: ScopeLevel): number;
}

// Nest names the missing dependency by the class: its message then names the fix.
Object.defineProperty(ScopeHost, 'name', { value: 'ActiveSessionModule.forRoot()' });

export function isScopeHost(value: unknown): value is ScopeHost {
  return typeof value === 'object' && value !== null && (value as { [HOST_MARK]?: unknown })[HOST_MARK] === HOST_MARK;
}
