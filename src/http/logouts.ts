import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { OnRegenerate, SessionRequest } from '../options.js';
import type { LiveGroup } from '../session/live-group.js';
import type { Sessions } from '../session/sessions.js';
import type { RequestCell } from './request-cell.js';
import { cellOf } from './request-state.js';
import { hasFailed, UserSessionStores, type UserSessionEvents } from './user-session-store.js';
import type { UserSessionPort } from './user-session.js';

/**
 * Ends, or keeps, the active sessions of a user session that ends or gets another id, and sees to it that the requests
 * which are still being handled neither use it on nor bring it back.
 */
export class Logouts implements UserSessionEvents {
  /** The cells of the requests that are being handled. */
  readonly inFlight = new Set<RequestCell>();
  private readonly logger = new Logger('ActiveSession');
  private readonly stores = new UserSessionStores(this);
  private readonly storeOf = new WeakMap<LiveGroup, object>();

  constructor(
    private readonly sessions: Sessions,
    private readonly userSessions: UserSessionPort,
    private readonly onRegenerateOption: OnRegenerate,
  ) {}

  /** Learns of the store of a request; and a request of a user session that has ended meanwhile is logged out at once. */
  watch(req: SessionRequest, cell: RequestCell): void {
    this.stores.watch(req.sessionStore);
    const hasEnded = req.sessionID !== undefined && this.stores.hasEnded(req.sessionID);
    if (hasEnded || this.isBeingReplaced(this.stores.formerIdOf(req))) cell.logOut();
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
    for (const cell of this.cellsOf(userSessionId)) cell.logOut();
  }

  onClear(store: object): string[] {
    const groups = [...this.sessions.allGroups()].filter((group) => this.storeOf.get(group) === store);
    for (const group of groups) group.end('user-session-ended');
    const cells = [...this.inFlight].filter((cell) => cell.userSessionStore === store);
    const ids = cells.flatMap(({ userSessionId }) => userSessionId ?? []);
    for (const cell of cells) cell.logOut();
    return [...groups.map(({ userSessionId }) => userSessionId), ...ids];
  }

  onRegenerate(req: SessionRequest): (error?: unknown) => void {
    const { sessionID: oldId } = req;
    const cell = cellOf(req);
    if (oldId === undefined || cell === undefined) return () => cell?.logIn();
    cell.movesOnFrom = oldId;
    const group = this.sessions.findGroup(oldId);
    if (group !== undefined && cell.canStillSetCookie && this.decide(req) === 'keep')
      return this.keep(group, oldId, req, cell);
    this.onDestroy(oldId);
    return () => cell.logIn();
  }

  /** The group goes on under the id that the user session is going to have, for this request and nobody else. */
  private keep(group: LiveGroup, oldId: string, req: SessionRequest, own: RequestCell): (error?: unknown) => void {
    this.sessions.detach(group);
    for (const cell of this.cellsOf(oldId)) if (cell !== own) cell.loseSession();
    for (const session of group.sessionsInUse()) session.releaseWaits();
    const hint = { generation: group.generations.highest, groupId: group.id };
    // Passport's `keepSessionInfo` copies the old user session over the new one.
    this.userSessions.note(req, hint);
    return (error) => {
      const { sessionID: newId } = req;
      const hasChanged = !hasFailed(error) && newId !== undefined && newId !== oldId;
      if (hasChanged && this.sessions.attach(group, newId)) this.userSessions.note(req, hint);
      else {
        group.end('user-session-ended');
        own.logIn();
      }
    };
  }

  /**
   * Whether a request in flight has replaced a user session: its browser is about to get a new cookie. A session for
   * another request with the old one would send a cookie that takes its place.
   */
  private isBeingReplaced(userSessionId: string | undefined): boolean {
    if (userSessionId === undefined) return false;
    for (const cell of this.inFlight) if (cell.movesOnFrom === userSessionId) return true;
    return false;
  }

  private decide(req: SessionRequest): 'end' | 'keep' {
    const option = this.onRegenerateOption;
    if (option === 'end') return 'end';
    try {
      const answer: unknown = option(req);
      if (answer === 'end' || answer === 'keep') return answer;
      this.logger.error(`Expected "onRegenerate" to return 'end' or 'keep', at once, got ${typeof answer}: it ends`);
    } catch (error) {
      this.logger.error(
        `The option "onRegenerate" has thrown, so the active sessions end: ${describeError(error).text}`,
      );
    }
    return 'end';
  }

  private cellsOf(userSessionId: string): RequestCell[] {
    return [...this.inFlight].filter((cell) => cell.userSessionId === userSessionId);
  }
}
