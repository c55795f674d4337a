import type { Scope } from '../scope.js';
import type { ScopedProvider } from '../providers/scoped-provider.js';

/** The object that a client stands for. */
export interface Target {
  /** For members that only make sense with an object. @throws NotInSessionError */
  readonly find: (member: PropertyKey) => object;
  /** For what anybody may ask of any object; undefined outside of a session. */
  findIfAvailable(): object | undefined;
  /** For what only looks, and must not create a session. */
  findIfInUse(): object | undefined;
}

/** The object of the session that the calling code runs in. */
export function currentTarget(provider: ScopedProvider): Target {
  const look = (scope: Scope | undefined): object | undefined =>
    scope === undefined ? undefined : provider.resolveIfPossible(scope);
  return {
    find: (member) => provider.resolveCurrent(member),
    findIfAvailable: () => look(provider.findScope(true)),
    findIfInUse: () => look(provider.findScope(false)),
  };
}

/** The object of one given scope. */
export function boundTarget(provider: ScopedProvider, scope: Scope): Target {
  const look = (): object | undefined => provider.resolveIfPossible(scope);
  return { find: () => provider.resolveIn(scope), findIfAvailable: look, findIfInUse: look };
}
