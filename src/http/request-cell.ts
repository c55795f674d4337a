import type { Scope, ScopeLevel } from '../scope/scope.js';
import { ContextCell } from '../scope/context.js';
import type { SessionRequest } from '../options.js';
import type { LiveSession } from '../session/live-session.js';
import type { LiveGroup } from '../session/live-group.js';
import type { UnavailableReason } from '../session/unavailable.js';
import { unavailableError } from '../session/unavailable.js';

/** Finds sessions for requests. */
export interface SessionFinder {
  /** The session that is there already. */
  find(req: SessionRequest, suffix: string): { group: LiveGroup; session: LiveSession | undefined } | undefined;
  /** Why there can be none; undefined where it is there, or can be made. */
  whyUnavailable(req: SessionRequest, suffix: string | undefined): UnavailableReason | undefined;
  /** @throws SessionUnavailableError, LimitReachedError */
  findOrCreate(req: SessionRequest, suffix: string, areHeadersSent: boolean): FoundSession;
}

export interface FoundSession {
  readonly session: LiveSession;
  /** Resolves when others can find it, too; never rejects. Undefined where they can already. */
  readonly saved: Promise<void> | undefined;
}

/** What is used of a response. */
export interface SessionResponse {
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
}

/**
 * The session of one request: found when the request comes, or made at first use, and pinned until the response closes.
 * As the cell of the request's context it can outlive the request, so it lets go of it then.
 */
export class RequestCell extends ContextCell {
  private session: LiveSession | undefined;
  private group: LiveGroup | undefined;
  private request: { readonly req: SessionRequest; readonly res: SessionResponse } | undefined;
  /** What is closed already, the response or its connection, never tells: then nothing is pinned. */
  readonly pins: boolean;
  private saving: Promise<void> | undefined;
  private isExpelled = false;
  /** Told when the response is closed. */
  onReleased: (() => void) | undefined;
  private lostListeners: Set<(error: unknown) => void> | undefined;

  constructor(
    readonly finder: SessionFinder,
    /** Undefined: no rule matches the request. */
    private readonly suffix: string | undefined,
    req: SessionRequest,
    res: SessionResponse,
  ) {
    super(undefined);
    this.request = { req, res };
    this.pins = !res.destroyed && !req.socket.destroyed;
  }

  /** Resolves when others can find the session, too. */
  get saved(): Promise<void> | undefined {
    return this.saving;
  }

  /** Pins the session if there is one; makes none. */
  bindExisting(): void {
    if (this.request === undefined || this.suffix === undefined || this.isExpelled) return;
    const found = this.finder.find(this.request.req, this.suffix);
    if (found === undefined) return;
    this.holdGroup(found.group);
    if (found.session !== undefined) this.bind(found.session);
  }

  /** The session, which may have ended meanwhile; made where there was none. @throws SessionUnavailableError */
  use(): LiveSession {
    if (this.session !== undefined) return this.session;
    const reason = this.whyUnavailable();
    if (reason !== undefined || this.request === undefined || this.suffix === undefined)
      throw unavailableError(reason ?? 'request-over');
    const { req, res } = this.request;
    const { session, saved } = this.finder.findOrCreate(req, this.suffix, res.headersSent);
    this.saving = saved;
    return this.bind(session);
  }

  /** The session of the request, if there is one. */
  peek(): LiveSession | undefined {
    if (this.session === undefined) this.bindExisting();
    return this.session;
  }

  /** After the end of its session: the next one. @throws SessionUnavailableError */
  refresh(): LiveSession {
    if (this.session?.isAvailable === false) {
      this.letGo();
      this.scope = undefined;
    }
    return this.use();
  }

  /** Whether the request belongs to this user session. */
  isOf(userSessionId: string): boolean {
    return this.request?.req.sessionID === userSessionId;
  }

  /** Whether the request's user session is kept in this store. */
  isIn(store: object): boolean {
    return this.request?.req.sessionStore === store;
  }

  /**
   * The user session has ended, or is that of another request now. This request gets nothing of it any more; and
   * express-session neither saves nor sends a cookie for a request without an id, while handlers can still read.
   */
  expel(ended: Scope): void {
    if (this.request !== undefined) this.request.req.sessionID = undefined;
    // A session that has ended tells so itself.
    if (this.session?.isAvailable === false) return;
    this.unbind();
    this.isExpelled = true;
    this.scope = ended;
    const error = unavailableError('user-session-ended');
    for (const tell of this.lostListeners ?? []) tell(error);
  }

  /** The request has another user session now: the next use finds the session of that. */
  unbind(): void {
    this.letGo();
    this.scope = undefined;
    this.letGroupGo();
  }

  override onLost(fn: (error: unknown) => void): () => void {
    (this.lostListeners ??= new Set()).add(fn);
    return () => this.lostListeners?.delete(fn);
  }

  whyUnavailable(): UnavailableReason | undefined {
    if (this.session !== undefined) return undefined;
    if (this.request === undefined) return 'request-over';
    if (this.isExpelled) return 'user-session-ended';
    return this.finder.whyUnavailable(this.request.req, this.suffix);
  }

  /** The response is closed: nothing is pinned any more. */
  release(): void {
    this.letGo();
    this.letGroupGo();
    this.request = undefined;
    this.onReleased?.();
  }

  override open(): Scope {
    return this.use().scope;
  }

  override owner(level: ScopeLevel): object {
    // In its request a session that has ended can still tell why; later only its emptied scope is left.
    const session = this.session ?? (this.scope === undefined ? this.use() : undefined);
    if (session === undefined) return super.owner(level);
    return level === 'group' ? session.group : session;
  }

  override isAvailable(level: ScopeLevel): boolean {
    return this.scope === undefined ? this.whyUnavailable() === undefined : super.isAvailable(level);
  }

  private bind(session: LiveSession): LiveSession {
    this.session = session;
    this.scope = session.scope;
    if (this.pins) session.pin();
    this.holdGroup(session.group);
    return session;
  }

  private letGo(): void {
    if (this.pins) this.session?.unpin();
    this.session = undefined;
  }

  private letGroupGo(): void {
    if (this.pins) this.group?.letGo();
    this.group = undefined;
  }

  /** A group does not end for lack of sessions while requests have it. */
  private holdGroup(group: LiveGroup): void {
    if (this.group === group) return;
    if (this.pins) {
      group.hold();
      this.group?.letGo();
    }
    this.group = group;
  }
}
