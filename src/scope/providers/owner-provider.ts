import { NotInSessionError } from '../../errors.js';
import type { Client } from '../clients/client-members.js';
import { createOwnerClient } from '../clients/client-proxy.js';
import type { ScopeHost } from '../scope-host.js';
import type { Scope, ScopeLevel } from '../scope.js';
import { ScopedProvider } from './scoped-provider.js';

/** Provides the session, or group, object itself: what `@InjectActiveSession()` in a constructor stands for. */
export class OwnerProvider extends ScopedProvider {
  readonly client: Client;

  constructor(
    readonly level: ScopeLevel,
    readonly label: string,
    type: abstract new (...args: never[]) => object,
    host: ScopeHost,
  ) {
    super(host);
    this.client = createOwnerClient(this, type, {
      isAvailable: () => host.context.current()?.isAvailable(level) ?? false,
    });
  }

  override get groupAlternative(): string {
    return 'inject ActiveSessionGroup instead';
  }

  override resolveIn(scope: Scope): object {
    return scope.ownerAt(this.level);
  }

  override resolveIfPossible(scope: Scope): object | undefined {
    return scope.isOpenAt(this.level) ? scope.ownerAt(this.level) : undefined;
  }

  override resolveCurrent(member: PropertyKey): object {
    const cell = this.host.context.current();
    if (cell === undefined) throw new NotInSessionError(`${this.label}.${String(member)}`);
    return cell.owner(this.level);
  }
}
