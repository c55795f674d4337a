import { Inject, Injectable, Logger } from '@nestjs/common';
import { SessionUnavailableError } from '../errors.js';
import { RESOLVED_OPTIONS, type ResolvedOptions, type SessionRequest } from '../options.js';
import { SessionContext } from '../scope/context.js';
import { UserSessionNamer } from '../session/active-session-group.registry.js';
import type { LiveGroup } from '../session/live-group.js';
import type { LiveSession } from '../session/live-session.js';
import { Sessions } from '../session/sessions.js';
import { unavailableMessage, type UnavailableReason } from '../session/unavailable.js';
import { RequestCell, type FoundSession, type SessionFinder, type SessionResponse } from './request-cell.js';
import { bindCell, cellOf } from './request-state.js';
import { SessionRules } from './session-rules.js';
import { UserSessionPort } from './user-session.js';

type Next = (error?: unknown) => void;

/** The middleware: gives each request that a rule maps its session, and the context in which it is found. */
@Injectable()
export class HttpSessions extends UserSessionNamer implements SessionFinder {
  private readonly logger = new Logger('ActiveSession');
  private readonly rules: SessionRules;
  private readonly userSessions: UserSessionPort;
  private readonly loggedReasons = new Set<UnavailableReason>();

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    private readonly sessions: Sessions,
    private readonly context: SessionContext,
  ) {
    super();
    this.rules = new SessionRules(options.rules);
    this.userSessions = new UserSessionPort(options.identify);
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
      bindCell(req, res, cell);
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

  whyUnavailable(req: SessionRequest): UnavailableReason | undefined {
    const identity = this.userSessions.identityOf(req);
    const reason = 'missing' in identity ? identity.missing : this.sessions.isDraining ? 'shutting-down' : undefined;
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
    const session = this.sessions.findOrCreate({
      userSessionId: identity.id,
      suffix,
      generationHint: this.userSessions.hintOf(req),
      isConfirmed: this.userSessions.isConfirmed(req, identity.id),
    });
    return { session, saved: this.remember(req, session) };
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

  private logOnce(reason: UnavailableReason): void {
    if (this.loggedReasons.has(reason)) return;
    this.loggedReasons.add(reason);
    if (reason === 'shutting-down') this.logger.log(unavailableMessage(reason));
    else this.logger.error(unavailableMessage(reason));
  }

  private warnOfMissingShutdownHooks(): void {
    if (!this.sessions.isEmpty || process.listenerCount('SIGTERM') > 0) return;
    this.logger.warn(
      'Nothing listens to SIGTERM: sessions will not be ended when the process is stopped. Call app.enableShutdownHooks().',
    );
  }
}
