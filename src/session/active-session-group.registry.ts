import { Injectable } from '@nestjs/common';
import { Observable } from 'rxjs';
import { checkObject } from '../check-arguments.js';
import { SessionContext } from '../scope/context.js';
import type { ActiveSessionGroup } from './active-session-group.js';
import type { GroupEvent } from './events.js';
import { LiveGroup } from './live-group.js';
import type { CleanupReport } from './local-session.js';
import { Sessions } from './sessions.js';

/** Names the user session of a request, and nothing else of it. */
export abstract class UserSessionNamer {
  abstract userSessionIdOf(req: object): string | undefined;
}

/** All groups of this process: one for each user session that has an active session. */
@Injectable()
export class ActiveSessionGroupRegistry {
  /** Tells of groups that are created, begin to end, and have ended. Subscribers run outside of any session. */
  readonly events$: Observable<GroupEvent>;

  /** @internal */
  constructor(
    private readonly sessions: Sessions,
    private readonly context: SessionContext,
    private readonly userSessions: UserSessionNamer,
  ) {
    this.events$ = sessions.groupEvents.events$;
  }

  /** The group with this id. */
  get(id: string): ActiveSessionGroup | undefined {
    return this.sessions.groupByPublicId(id);
  }

  /** The group of the running code, if it has a session in use. It creates none. */
  current(): ActiveSessionGroup | undefined {
    const scope = this.context.current()?.scope;
    const owner = scope?.isOpenAt('group') === true ? scope.ownerAt('group') : undefined;
    return owner instanceof LiveGroup ? owner : undefined;
  }

  /** All groups that have not begun to end. */
  all(): ActiveSessionGroup[] {
    return [...this.sessions.allGroups()];
  }

  /**
   * Ends all sessions of the user session of this request; undefined where it has none. For logout with `identify`.
   * @throws BadArgumentError for what is no object
   */
  terminateFor(req: object): Promise<CleanupReport> | undefined {
    checkObject('the request of terminateFor()', req);
    const userSessionId = this.userSessions.userSessionIdOf(req);
    return userSessionId === undefined ? undefined : this.sessions.findGroup(userSessionId)?.terminate();
  }
}
