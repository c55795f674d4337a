import { isObject } from '../is-object.js';
import type { ScopeHost } from '../scope-host.js';
import type { Scope, ScopeLevel } from '../scope.js';

/** How a client proxy answers for its provider: see client-proxy.ts. */
export const PROVIDER = Symbol('nestjs-active-session.provider');

/**
 * Something of which every session, or every group, has its own: a scoped class, or the session object itself. Nest
 * gets a client proxy in its place, which finds the one of the session that the calling code runs in.
 */
export abstract class ScopedProvider {
  abstract readonly level: ScopeLevel;
  /** How messages name it. */
  abstract readonly label: string;
  protected constructor(readonly host: ScopeHost) {}

  /** What a group-scoped provider could do instead of depending on it, where it is session-scoped. */
  get groupAlternative(): string {
    return `${this.label} group-scoped`;
  }

  /** The one of this scope. */
  abstract resolveIn(scope: Scope): object;

  /** Like {@link resolveIn}, for what is being constructed in the scope: a circle is closed by a client for that scope. */
  resolveFor(scope: Scope): object {
    return this.resolveIn(scope);
  }

  /** The one of this scope for who only looks; undefined where there is none, and none can be made now. */
  abstract resolveIfPossible(scope: Scope): object | undefined;

  /** The one of the session that the calling code runs in. @throws NotInSessionError */
  abstract resolveCurrent(member: PropertyKey): object;

  /** The scope of the running code for who only looks. @param mayOpen whether a request may get its session by that */
  findScope(mayOpen: boolean): Scope | undefined {
    const cell = this.host.context.current();
    return cell?.scope ?? (mayOpen && cell?.isAvailable(this.level) === true ? cell.open() : undefined);
  }

  /** Takes what Nest injects into a property of a client; false when it is no injection. */
  acceptInjection(_key: PropertyKey, _value: unknown): boolean {
    return false;
  }

  hasInjectedKey(_key: PropertyKey): boolean {
    return false;
  }
}

/** The provider behind a client proxy, also through proxies that others have put around it. */
export function providerOf(value: unknown): ScopedProvider | undefined {
  if (!isObject(value)) return undefined;
  const provider = (value as { [PROVIDER]?: unknown })[PROVIDER];
  return provider instanceof ScopedProvider ? provider : undefined;
}

/** Like {@link providerOf}, in one application: a client of another one is a value there like any other. */
export function ownProviderOf(value: unknown, host: ScopeHost): ScopedProvider | undefined {
  const provider = providerOf(value);
  return provider?.host === host ? provider : undefined;
}
