import type { SessionRequest } from '../options.js';
import type { LiveGroup } from '../session/live-group.js';
import type { Sessions } from '../session/sessions.js';
import type { RequestCell } from './request-cell.js';
import { cellOf } from './request-state.js';
import { UserSessionStores, type UserSessionEvents } from './user-session-store.js';

/**
 * Ends the sessions of a user session that ends, and sees to it that the requests which are still being handled neither
 * use it on nor bring it back.
 */
export class Logouts implements UserSessionEvents {
  /** The cells of the requests that are being handled. */
  readonly inFlight = new Set<RequestCell>();
  private readonly stores = new UserSessionStores(this);
  private readonly storeOf = new WeakMap<LiveGroup, object>();

  constructor(private readonly sessions: Sessions) {}

  /** Learns of the store of a request; and a request of a user session that has ended meanwhile is logged out at once. */
  watch(req: SessionRequest, cell: RequestCell): void {
    this.stores.watch(req.sessionStore);
    if (req.sessionID !== undefined && this.stores.hasEnded(req.sessionID)) cell.logOut();
  }

  /** Remembers in which store the user session of a group is kept. */
  note(group: LiveGroup, store: unknown): void {
    this.stores.watch(store);
    if (typeof store === 'object' && store !== null) this.storeOf.set(group, store);
  }

  /** Leaves the stores alone again. */
  close(): void {
    this.stores.unwatchAll();
  }

  onDestroy(userSessionId: string): void {
    this.sessions.findGroup(userSessionId)?.end('user-session-ended');
    for (const cell of this.inFlight) if (cell.userSessionId === userSessionId) cell.logOut();
  }

  onClear(store: object): string[] {
    const groups = [...this.sessions.allGroups()].filter((group) => this.storeOf.get(group) === store);
    for (const group of groups) group.end('user-session-ended');
    const cells = [...this.inFlight].filter((cell) => cell.userSessionStore === store);
    const ids = cells.flatMap(({ userSessionId }) => userSessionId ?? []);
    for (const cell of cells) cell.logOut();
    return [...groups.map(({ userSessionId }) => userSessionId), ...ids];
  }

  onRegenerate(req: SessionRequest): () => void {
    return () => cellOf(req)?.logIn();
  }
}
