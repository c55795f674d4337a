import { describeError } from '../describe-error.js';
import { disown } from '../is-thenable.js';
import { SafeLogger } from '../safe-logger.js';
import type { OnRegenerate, SessionRequest } from '../options.js';
import type { LiveGroup } from '../session/live-group.js';
import type { Sessions } from '../session/sessions.js';
import type { RequestCell } from './request-cell.js';
import { cellOf } from './request-state.js';
import { RequestsInFlight } from './requests-in-flight.js';
import { hasFailed, type EndedUserSessions, type StoreCallback } from './ended-user-sessions.js';
import { UserSessionStores, type UserSessionEvents } from './user-session-store.js';
import type { UserSessionPort } from './user-session.js';

/**
 * Ends, or keeps, the active sessions of a user session that ends or gets another id, and sees to it that the requests
 * which are still being handled neither use it on nor bring it back.
 */
export class Logouts implements UserSessionEvents {
  readonly inFlight = new RequestsInFlight();
  private readonly logger = new SafeLogger();
  private readonly stores: UserSessionStores;
  private readonly storeOf = new WeakMap<LiveGroup, object>();

  constructor(
    private readonly sessions: Sessions,
    private readonly userSessions: UserSessionPort,
    private readonly ended: EndedUserSessions,
    private readonly onRegenerateOption: OnRegenerate,
  ) {
    this.stores = new UserSessionStores(this, ended);
  }

  /** Learns of the store of a request; and a request of a user session that has ended meanwhile is logged out at once. */
  watch(req: SessionRequest, cell: RequestCell): void {
    this.stores.watch(req.sessionStore);
    if (this.hasEnded(req)) cell.logOut();
  }

  /** Whether the user session of a request has ended meanwhile. */
  hasEnded(req: SessionRequest): boolean {
    return (req.sessionID !== undefined && this.ended.has(req.sessionID)) || this.stores.isLate(req);
  }

  /** Remembers in which store the user session of a group is kept. */
  note(group: LiveGroup, store: unknown): void {
    this.stores.watch(store);
    if (typeof store === 'object' && store !== null) this.storeOf.set(group, store);
  }

  /** Leaves the stores alone again. */
  close(): void {
    this.stores.unwatchAll();
    this.ended.close();
  }

  onDestroy(userSessionId: string): void {
    this.sessions.findGroup(userSessionId)?.end('user-session-ended');
    for (const cell of this.cellsOf(userSessionId)) cell.logOut();
  }

  onClear(store: object): string[] {
    const groups = [...this.sessions.allGroups()].filter((group) => this.storeOf.get(group) === store);
    for (const group of groups) group.end('user-session-ended');
    const cells = this.inFlight.filter((cell) => cell.userSessionStore === store);
    const ids = cells.flatMap(({ userSessionId }) => userSessionId ?? []);
    for (const cell of cells) cell.logOut();
    return [...groups.map(({ userSessionId }) => userSessionId), ...ids];
  }

  onRegenerate(req: SessionRequest): StoreCallback {
    const { sessionID: oldId } = req;
    const cell = cellOf(req);
    if (oldId === undefined) return () => cell?.logIn();
    cell?.replace(oldId);
    const group = this.sessions.findGroup(oldId);
    const mayKeep = group !== undefined && cell?.canStillSetCookie === true;
    // The application's function may have ended the group.
    const isKept = mayKeep && this.decide(req) === 'keep' && group.isAvailable;
    // Passport's `keepSessionInfo` copies the old user session over the new one.
    this.userSessions.forget(req);
    if (isKept) return this.keep(group, oldId, req, cell);
    this.onDestroy(oldId);
    return () => cell?.logIn();
  }

  /** The group goes on under the id that the user session is going to have, for this request and nobody else. */
  private keep(group: LiveGroup, oldId: string, req: SessionRequest, own: RequestCell): StoreCallback {
    const warn = (error: unknown): void =>
      this.logger.error(`An answer could not be withheld, and was cut off: ${describeError(error).text}`);
    this.sessions.detach(group);
    for (const cell of this.cellsOf(oldId)) if (cell !== own) cell.loseSession(warn);
    for (const session of group.sessionsInUse()) session.releaseWaits();
    return (error) => {
      const { sessionID: newId } = req;
      const hasChanged = !hasFailed(error) && newId !== undefined && newId !== oldId && own.canStillSetCookie;
      if (hasChanged && this.sessions.attach(group, newId))
        this.userSessions.note(req, { generation: group.generations.highest, groupId: group.id });
      else {
        group.end('user-session-ended');
        own.logIn();
      }
    };
  }

  isBeingReplaced(userSessionId: string): boolean {
    return this.inFlight.some((cell) => cell.isReplacing(userSessionId));
  }

  private decide(req: SessionRequest): 'end' | 'keep' {
    const option = this.onRegenerateOption;
    if (option === 'end') return 'end';
    try {
      const answer: unknown = option(req);
      if (answer === 'end' || answer === 'keep') return answer;
      disown(answer);
      this.logger.error(`Expected "onRegenerate" to return 'end' or 'keep', at once, got ${typeof answer}: it ends`);
    } catch (error) {
      this.logger.error(
        `The option "onRegenerate" has thrown, so the active sessions end: ${describeError(error).text}`,
      );
    }
    return 'end';
  }

  private cellsOf(userSessionId: string): RequestCell[] {
    return this.inFlight.filter((cell) => cell.userSessionId === userSessionId);
  }
}
