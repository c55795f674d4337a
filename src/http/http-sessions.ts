import { Inject, Injectable, Logger } from '@nestjs/common';
import { SessionUnavailableError } from '../errors.js';
import { RESOLVED_OPTIONS, type ResolvedOptions, type SessionRequest } from '../options.js';
import { SessionContext } from '../scope/context.js';
import { Scope } from '../scope/scope.js';
import { UserSessionNamer } from '../session/active-session-group.registry.js';
import type { LiveGroup } from '../session/live-group.js';
import type { LiveSession } from '../session/live-session.js';
import { Sessions } from '../session/sessions.js';
import { unavailableMessage, type UnavailableReason } from '../session/unavailable.js';
import { RequestCell, type FoundSession, type SessionFinder, type SessionResponse } from './request-cell.js';
import { bindCell, cellOf } from './request-state.js';
import { SessionRules } from './session-rules.js';
import { UserSessionPort } from './user-session.js';
import { UserSessionStores, type UserSessionEvents } from './user-session-store.js';

type Next = (error?: unknown) => void;

/** The middleware: gives each request that a rule maps its session, and the context in which it is found. */
@Injectable()
export class HttpSessions extends UserSessionNamer implements SessionFinder, UserSessionEvents {
  private readonly logger = new Logger('ActiveSession');
  private readonly rules: SessionRules;
  private readonly userSessions: UserSessionPort;
  private readonly stores: UserSessionStores;
  /** The requests that are being handled. */
  private readonly inFlight = new Set<RequestCell>();
  /** Requests that are getting a new user session, and take their group along. */
  private readonly moving = new WeakSet<RequestCell>();
  private readonly storeOf = new WeakMap<LiveGroup, object>();
  private readonly loggedReasons = new Set<UnavailableReason>();

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    private readonly sessions: Sessions,
    private readonly context: SessionContext,
  ) {
    super();
    this.rules = new SessionRules(options.rules);
    this.userSessions = new UserSessionPort(options.identify);
    this.stores = new UserSessionStores(this);
  }

  /** Handles one request. It does nothing when it is called again for it. */
  handle(req: SessionRequest, res: SessionResponse, next: Next): void {
    if (cellOf(req)?.finder === this) {
      next();
      return;
    }
    let cell: RequestCell;
    try {
      cell = new RequestCell(this, this.rules.suffixFor(req), req, res);
      this.watch(req);
      bindCell(req, res, cell, this.inFlight);
      cell.bindExisting();
      if (this.options.preload === true && cell.whyUnavailable() === undefined) cell.use();
    } catch (error) {
      next(error);
      return;
    }
    this.context.run(cell, () => {
      if (this.options.preload === true && cell.saved !== undefined) void cell.saved.then(() => next());
      else next();
    });
  }

  // ---- what the cell of a request asks

  find(req: SessionRequest, suffix: string): { group: LiveGroup; session: LiveSession | undefined } | undefined {
    const identity = this.userSessions.identityOf(req);
    const group = 'id' in identity ? this.sessions.findGroup(identity.id) : undefined;
    if (group === undefined || !('id' in identity)) return undefined;
    if (!group.isConfirmed && this.userSessions.isConfirmed(req, identity.id)) this.sessions.confirm(group);
    return { group, session: group.sessions.get(suffix) };
  }

  whyUnavailable(req: SessionRequest, suffix: string | undefined): UnavailableReason | undefined {
    const reason = suffix === undefined ? 'not-mapped' : this.whyNone(req);
    if (reason !== undefined) this.logOnce(reason);
    return reason;
  }

  findOrCreate(req: SessionRequest, suffix: string, areHeadersSent: boolean): FoundSession {
    const identity = this.userSessions.identityOf(req);
    if ('missing' in identity) throw new SessionUnavailableError(unavailableMessage(identity.missing));
    const found = this.find(req, suffix)?.session;
    if (found !== undefined) return { session: found, saved: undefined };
    if (this.userSessions.isTooLate(req, areHeadersSent))
      throw new SessionUnavailableError(
        'The session was first used after the headers of the response had gone out, so its cookie cannot be sent any more. ' +
          'Use the session before the first byte, or set the option `preload: true`.',
      );
    this.warnOfMissingShutdownHooks();
    const hint = this.userSessions.hintOf(req);
    const session = this.sessions.findOrCreate({
      userSessionId: identity.id,
      suffix,
      generationHint: hint.generation,
      publicId: hint.publicId,
      isConfirmed: this.userSessions.isConfirmed(req, identity.id),
    });
    this.watch(req);
    if (typeof req.sessionStore === 'object' && req.sessionStore !== null)
      this.storeOf.set(session.group, req.sessionStore as object);
    return { session, saved: this.remember(req, session) };
  }

  // ---- what happens to user sessions

  onDestroy(userSessionId: string): void {
    this.sessions.findGroup(userSessionId)?.end('user-session-ended');
    this.expel((cell) => cell.isOf(userSessionId));
  }

  onClear(store: object): void {
    for (const group of [...this.sessions.allGroups()])
      if (this.storeOf.get(group) === store) group.end('user-session-ended');
    this.expel((cell) => cell.isIn(store));
  }

  onRegenerate(req: SessionRequest): () => void {
    const cell = cellOf(req);
    const group = req.sessionID === undefined ? undefined : this.sessions.findGroup(req.sessionID);
    if (cell === undefined || group === undefined || !this.isKept(req)) return () => cell?.unbind();
    const { generation } = this.userSessions.hintOf(req);
    this.sessions.unlink(group);
    this.moving.add(cell);
    return () => {
      this.moving.delete(cell);
      if (req.sessionID === undefined) return group.end('user-session-ended');
      this.sessions.relink(group, req.sessionID);
      this.userSessions.moveHint(req, { n: generation, id: group.id });
    };
  }

  /** Leaves the stores of user sessions alone again. */
  close(): void {
    this.stores.unwatchAll();
  }

  private watch(req: SessionRequest): void {
    if (this.options.identify === undefined) this.stores.watch(req.sessionStore);
  }

  private isKept(req: SessionRequest): boolean {
    const { onRegenerate } = this.options;
    if (onRegenerate === 'end') return false;
    try {
      return onRegenerate(req) === 'keep';
    } catch (error) {
      this.logger.error(`The option "onRegenerate" has thrown; the sessions of the user are ended: ${String(error)}`);
      return false;
    }
  }

  private expel(isConcerned: (cell: RequestCell) => boolean): void {
    for (const cell of this.inFlight)
      if (!this.moving.has(cell) && isConcerned(cell)) cell.expel(Scope.ended(this.context, 'user-session-ended'));
  }

  override userSessionIdOf(req: object): string | undefined {
    const identity = this.userSessions.identityOf(req as SessionRequest);
    return 'id' in identity ? identity.id : undefined;
  }

  private remember(req: SessionRequest, session: LiveSession): Promise<void> | undefined {
    return this.userSessions.remember(req, session.generation)?.catch((error: unknown) => {
      this.logger.error(`The user session of ${session.id} could not be saved: ${String(error)}`);
    });
  }

  private whyNone(req: SessionRequest): UnavailableReason | undefined {
    const identity = this.userSessions.identityOf(req);
    if ('missing' in identity) return identity.missing;
    return this.sessions.isDraining ? 'shutting-down' : undefined;
  }

  private logOnce(reason: UnavailableReason): void {
    if (this.loggedReasons.has(reason)) return;
    this.loggedReasons.add(reason);
    const isFault = reason === 'no-user-session' || reason === 'no-session-id';
    this.logger[isFault ? 'error' : 'log'](unavailableMessage(reason));
  }

  private warnOfMissingShutdownHooks(): void {
    if (!this.sessions.isEmpty || process.listenerCount('SIGTERM') > 0) return;
    this.logger.warn(
      'Nothing listens to SIGTERM: sessions will not be ended when the process is stopped. Call app.enableShutdownHooks().',
    );
  }
}
