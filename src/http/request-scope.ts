import { SessionUnavailableError } from '../errors.js';
import { Scope } from '../scope/scope.js';
import { Cleanup } from '../session/cleanup.js';
import type { SessionEnvironment } from '../session/environment.js';
import {
  unavailableGroup,
  unavailableMessage,
  unavailableSession,
  type UnavailableReason,
} from '../session/unavailable.js';
import { describeError } from '../describe-error.js';

/** What providers with `fallback: 'request'` live in where a request has no session. It ends with the request. */
export class RequestScope {
  readonly scope: Scope;
  private readonly groupScope: Scope;
  private ended: Promise<void> | undefined;

  constructor(
    private readonly environment: SessionEnvironment,
    why: UnavailableReason,
  ) {
    const whyMissing = (what: string): Error =>
      new SessionUnavailableError(`${what} has no "fallback: 'request'". ${unavailableMessage(why)}`);
    const { scopeHost } = environment;
    this.groupScope = new Scope('group', scopeHost, unavailableGroup(why), undefined, whyMissing);
    this.scope = new Scope('session', scopeHost, unavailableSession(why), { scope: this.groupScope }, whyMissing);
  }

  /** Ends what was made in it. Never rejects. */
  end(reason: 'terminated' | 'shutdown' = 'terminated'): Promise<void> {
    const { context } = this.environment.scopeHost;
    return (this.ended ??= context.runClean(this.scope.cellOfAwaited, async () => {
      const cleanup = new Cleanup(reason, this.environment, (what, error) =>
        // A timer calls it, too, outside of the scope.
        context.runClean(this.scope.cellOfAwaited, () => this.warn(what, error)),
      );
      for (const scope of [this.scope, this.groupScope]) {
        scope.close(reason);
        await scope.dispose(cleanup.run, reason);
      }
      for (const scope of [this.scope, this.groupScope]) scope.empty();
      cleanup.finish();
    }));
  }

  private warn(what: string, error: unknown): void {
    const { text, stack } = describeError(error);
    this.environment.logger.error(`The end of a request without a session, ${what}: ${text}`, stack);
  }
}
