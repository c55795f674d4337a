import type { SessionEndReason } from '../errors.js';
import type { ActiveSession } from './active-session.js';
import type { ActiveSessionGroup } from './active-session-group.js';
import type { CleanupReport } from './local-session.js';

/** What `ActiveSessionRegistry.events$` tells. */
export type SessionEvent =
  | { type: 'created'; session: ActiveSession }
  /** It is going to idle out in `expiryWarningMs`, unless it is used: `session.touch()` does that, too. */
  | { type: 'expiring'; session: ActiveSession }
  | { type: 'ending'; session: ActiveSession; reason: SessionEndReason }
  | { type: 'ended'; session: ActiveSession; reason: SessionEndReason; report: CleanupReport };

/** What `ActiveSessionGroupRegistry.events$` tells. */
export type GroupEvent =
  | { type: 'created'; group: ActiveSessionGroup }
  | { type: 'ending'; group: ActiveSessionGroup; reason: SessionEndReason }
  | { type: 'ended'; group: ActiveSessionGroup; reason: SessionEndReason; report: CleanupReport };

/** Numbers of one moment, and of the life of the application. */
export interface SessionStats {
  hostId: string;
  sessions: number;
  groups: number;
  /** Sessions whose clean-up is under way; they are among `sessions`. */
  ending: number;
  /** Sessions whose cookie has not come back yet. */
  unconfirmed: number;
  /** Sessions that requests are using. */
  pinned: number;
  /** For how long the session that was not used for longest has been idle, in ms; 0 where none is. */
  oldestIdleMs: number;
  /** Runners of all sessions, by status. */
  runners: Record<string, number>;
  created: number;
  ended: Record<SessionEndReason, number>;
}
