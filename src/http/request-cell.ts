import type { ServerResponse } from 'node:http';
import { SessionEndedError } from '../errors.js';
import type { SessionRequest } from '../options.js';
import { ContextCell } from '../scope/context.js';
import type { Scope, ScopeLevel } from '../scope/scope.js';
import type { LiveGroup } from '../session/live-group.js';
import type { LiveSession } from '../session/live-session.js';
import { unavailableError, type UnavailableReason } from '../session/unavailable.js';
import { Answer } from './answer.js';
import type { RequestScope } from './request-scope.js';

/** Finds sessions for requests. */
export interface SessionFinder {
  /** The session that is there already. */
  find(req: SessionRequest, suffix: string): { group: LiveGroup; session: LiveSession | undefined } | undefined;
  /** Why there can be none; undefined where it is there, or can be made. */
  whyUnavailable(
    req: SessionRequest,
    suffix: string | undefined,
    areHeadersSent: boolean,
  ): UnavailableReason | undefined;
  /** @throws SessionUnavailableError, LimitReachedError */
  findOrCreate(req: SessionRequest, suffix: string): FoundSession;
  openRequestScope(why: UnavailableReason): RequestScope | undefined;
  closeRequestScope(scope: RequestScope): void;
  /** The request is over. */
  onReleased(cell: RequestCell): void;
  /** How long the user session of a request is going to last from now on, in ms. */
  userSessionLeftMs(req: SessionRequest): number;
}

export interface FoundSession {
  readonly session: LiveSession;
  /** Resolves when others can find it, too; never rejects. Undefined where they can already. */
  readonly saved: Promise<void> | undefined;
}

/** A response of Express. */
export type SessionResponse = ServerResponse;

/**
 * The session of one request: found when the request comes, or made at first use, and pinned until the response closes.
 * As the cell of the request's context it can outlive the request, so it lets go of it then.
 */
export class RequestCell extends ContextCell {
  /** Kept by {@link RequestsInFlight}. */
  place = -1;
  private session: LiveSession | undefined;
  private group: LiveGroup | undefined;
  /** Undefined when the request is over. */
  private request: { readonly req: SessionRequest; readonly res: SessionResponse } | undefined;
  /** What is closed already, the response or its connection, never tells: then nothing is pinned. */
  readonly pins: boolean;
  /** The user sessions that this request has replaced, or is replacing, by others. */
  private replaced: Set<string> | undefined;
  private answer: Answer | undefined;
  private isLoggedOut = false;
  private saving: Promise<void> | undefined;
  private requestScope: RequestScope | undefined;

  override scope: Scope | undefined;
  override readonly isOfOneRequest = true;

  constructor(
    readonly finder: SessionFinder,
    /** Undefined: no rule matches the request. */
    private readonly suffix: string | undefined,
    req: SessionRequest,
    res: SessionResponse,
  ) {
    super();
    this.request = { req, res };
    this.pins = !res.destroyed && !req.socket.destroyed;
  }

  /** Resolves when others can find the session, too. */
  get saved(): Promise<void> | undefined {
    return this.saving;
  }

  get hasGroup(): boolean {
    return this.group !== undefined;
  }

  get userSessionId(): string | undefined {
    return this.request?.req.sessionID;
  }

  /** Whether the browser can be told the new id of its user session. */
  get canStillSetCookie(): boolean {
    return this.request?.res.headersSent === false;
  }

  get userSessionStore(): unknown {
    return this.request?.req.sessionStore as unknown;
  }

  /** Pins the session if there is one; makes none. */
  bindExisting(): void {
    if (this.request === undefined || this.suffix === undefined || this.isLoggedOut) return;
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
    const { session, saved } = this.finder.findOrCreate(req, this.suffix);
    if (saved !== undefined) this.holdResponse(res, saved);
    return this.bind(session);
  }

  /** The session of the request, if there is one. */
  peek(): LiveSession | undefined {
    if (this.session === undefined) this.bindExisting();
    return this.session;
  }

  /** After the end of its session: the next one. @throws SessionUnavailableError */
  refresh(): LiveSession {
    if (this.session?.isAvailable === false) this.letSessionGo();
    return this.use();
  }

  whyUnavailable(): UnavailableReason | undefined {
    if (this.session !== undefined) return undefined;
    if (this.isLoggedOut) return 'user-session-ended';
    if (this.request === undefined) return 'request-over';
    return this.finder.whyUnavailable(this.request.req, this.suffix, this.request.res.headersSent);
  }

  /**
   * The user session has ended. express-session neither saves nor sends a cookie for a request without an id, while its
   * handler can still read what was there: so a slow request does not undo a logout. The request that gives its user
   * session another id is going to have one again.
   */
  logOut(): void {
    if (this.request === undefined || this.isReplacing(this.request.req.sessionID)) return;
    this.isLoggedOut = true;
    this.request.req.sessionID = undefined;
  }

  /** Makes {@link loseSession} possible. Call it in the context of the request. */
  watchAnswer(): void {
    if (this.request !== undefined) this.answer = new Answer(this.request.res);
  }

  /** The session goes on without this request, whose client may be somebody else: it learns nothing more of it. */
  loseSession(onError: (error: unknown) => void): void {
    this.logOut();
    if (this.group === undefined) return;
    this.letSessionGo();
    this.letGroupGo();
    this.answer?.withhold(new SessionEndedError('user-session-ended', 'The user session'), onError);
  }

  /** The request is giving its user session another id. */
  replace(userSessionId: string): void {
    (this.replaced ??= new Set()).add(userSessionId);
  }

  /** Whether the request has given this user session another id, or is about to. */
  isReplacing(userSessionId: string | undefined): boolean {
    return userSessionId !== undefined && this.replaced?.has(userSessionId) === true;
  }

  /** The request has a new user session: the next use finds the session of that. */
  logIn(): void {
    this.isLoggedOut = false;
    this.letSessionGo();
    this.letGroupGo();
  }

  /** The response, or its connection, is closed: nothing is pinned any more. */
  release(): void {
    if (this.request === undefined) return;
    // What runs on after the answer may use the session on, unpinned: its scope stays.
    const { scope } = this;
    this.letSessionGo();
    this.scope = scope;
    this.letGroupGo();
    this.request = undefined;
    this.answer = undefined;
    if (this.requestScope !== undefined) this.finder.closeRequestScope(this.requestScope);
    this.finder.onReleased(this);
  }

  override open(): Scope {
    return this.use().scope;
  }

  override get fallbackScope(): Scope | undefined {
    return this.scope === undefined ? this.requestScope?.scope : undefined;
  }

  override openFallback(): Scope | undefined {
    // What closed before it came never tells that it is over: nothing would end what is made for it.
    const why = this.pins && this.request !== undefined ? this.whyUnavailable() : undefined;
    if (why === undefined) return undefined;
    return (this.requestScope ??= this.finder.openRequestScope(why))?.scope;
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

  private letSessionGo(): void {
    const leftMs = this.request === undefined ? Infinity : this.finder.userSessionLeftMs(this.request.req);
    if (this.pins) this.session?.unpin(leftMs);
    this.session = undefined;
    this.scope = undefined;
  }

  /** A group does not end for lack of sessions while requests have it. */
  private holdGroup(group: LiveGroup): void {
    if (this.group === group) return;
    if (this.pins) group.hold();
    this.letGroupGo();
    this.group = group;
  }

  private letGroupGo(): void {
    if (this.pins) this.group?.letGo();
    this.group = undefined;
  }

  /** Whoever has the answer may ask again at once: it must not come before the user session can be found. */
  private holdResponse(res: SessionResponse, saved: Promise<void>): void {
    const end = res.end.bind(res) as (...args: unknown[]) => SessionResponse;
    let isSaved = false;
    this.saving = saved.then(() => {
      isSaved = true;
    });
    res.end = (...args: unknown[]) => {
      this.answer?.complete();
      if (isSaved) return end(...args);
      void this.saving?.then(() => end(...args));
      return res;
    };
  }
}
