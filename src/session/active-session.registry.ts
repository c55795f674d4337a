import { Injectable } from '@nestjs/common';
import { Observable } from 'rxjs';
import { checkFunction } from '../check-arguments.js';
import { BadArgumentError } from '../errors.js';
import { SessionContext } from '../scope/context.js';
import type { ActiveSession } from './active-session.js';
import type { SessionEvent, SessionStats } from './events.js';
import { splitSessionId } from './identity.js';
import { LiveSession } from './live-session.js';
import type { CleanupReport } from './local-session.js';
import { Sessions } from './sessions.js';

/** All active sessions of this process. Inject it where work is not for the session of the current request. */
@Injectable()
export class ActiveSessionRegistry {
  /** Tells of sessions that are created, begin to end, and have ended. Subscribers run outside of any session. */
  readonly events$: Observable<SessionEvent>;

  /** @internal */
  constructor(
    private readonly sessions: Sessions,
    private readonly context: SessionContext,
  ) {
    this.events$ = sessions.events.events$;
  }

  /** The session with this id. */
  get(id: string): ActiveSession | undefined {
    const { groupId, suffix } = splitSessionId(id);
    const session = this.sessions.groupByPublicId(groupId)?.sessions.get(suffix);
    return session?.id === id ? session : undefined;
  }

  /** The session of the running code, if it has one in use. It creates none. */
  current(): ActiveSession | undefined {
    const scope = this.context.current()?.scope;
    const owner = scope?.level === 'session' && scope.isOpenAt('session') ? scope.ownerAt('session') : undefined;
    return owner instanceof LiveSession ? owner : undefined;
  }

  /** All sessions that have not begun to end. */
  all(): ActiveSession[] {
    return [...this.sessions.all()];
  }

  /** Ends the session with this id; undefined where there is none. */
  terminate(id: string): Promise<CleanupReport> | undefined {
    return this.get(id)?.terminate();
  }

  stats(): SessionStats {
    return this.sessions.stats();
  }

  /**
   * Runs `fn` in a session, as if a request of that session did: scoped services are that session's.
   * @throws BadArgumentError for what is no session of this application, and where `fn` is no function
   */
  run<R>(session: ActiveSession, fn: () => R): R {
    const live: unknown = session;
    if (!(live instanceof LiveSession) || live.scope.context !== this.context)
      throw new BadArgumentError(
        'run() takes an active session of its application, as get(), all() or current() give it',
      );
    checkFunction('what run() runs', fn);
    return this.context.run(live.scope.cell, fn);
  }
}
