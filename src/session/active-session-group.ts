import type { ActiveSession } from './active-session.js';
import { LocalSession } from './local-session.js';

/** What all active sessions of one user session share. It ends with the last of them. */
export abstract class ActiveSessionGroup extends LocalSession {
  /** By suffix, a live view. */
  abstract readonly sessions: ReadonlyMap<string, ActiveSession>;
}
