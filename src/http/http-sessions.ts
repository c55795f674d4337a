import { Inject, Injectable, type Logger } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { describeError } from '../describe-error.js';
import type { ResolvedOptions, SessionRequest } from '../options.js';
import type { InstanceProvider } from '../scope/providers/instance-provider.js';
import { UserSessionNamer } from '../session/active-session-group.registry.js';
import { SESSION_ENVIRONMENT, type SessionEnvironment } from '../session/environment.js';
import type { LiveGroup } from '../session/live-group.js';
import type { LiveSession } from '../session/live-session.js';
import { Sessions } from '../session/sessions.js';
import { unavailableError, unavailableMessage, type UnavailableReason } from '../session/unavailable.js';
import { DurableProviders } from './durable-providers.js';
import { EndedUserSessions } from './ended-user-sessions.js';
import { Logouts } from './logouts.js';
import { RequestCell, type FoundSession, type SessionFinder, type SessionResponse } from './request-cell.js';
import { RequestScope } from './request-scope.js';
import { bindCell, cellOf } from './request-state.js';
import { SessionRules } from './session-rules.js';
import { UserSessionPort } from './user-session.js';

/** What the application, or its surroundings, must mend. */
const FAULTS: ReadonlySet<UnavailableReason> = new Set<UnavailableReason>([
  'no-user-session',
  'user-session-missing',
  'no-session-id',
  'too-late',
]);

/** For so long, in ms, a shutdown waits for answers. */
const ANSWERS_MS = 1_000;

type Next = (error?: unknown) => void;

/** The middleware: gives each request that a rule maps its session, and the context in which it is found. */
@Injectable()
export class HttpSessions extends UserSessionNamer implements SessionFinder {
  private readonly options: ResolvedOptions;
  private readonly logger: Logger;
  private readonly rules: SessionRules;
  private readonly userSessions: UserSessionPort;
  private readonly logouts: Logouts;
  private readonly durableProviders: DurableProviders | undefined;
  private answersDone: Promise<void> | undefined;
  private isClosed = false;
  private readonly loggedReasons = new Set<UnavailableReason>();
  /** Of requests without a session that have not been answered. */
  private readonly requestScopes = new Set<RequestScope>();

  constructor(
    @Inject(SESSION_ENVIRONMENT) private readonly environment: SessionEnvironment,
    private readonly sessions: Sessions,
  ) {
    super();
    const { options, logger, moduleRef } = environment;
    const { context } = environment.scopeHost;
    this.options = options;
    this.logger = logger;
    if (options.bindDurableProviders) {
      const modules = moduleRef.get(ModulesContainer, { strict: false });
      this.durableProviders = new DurableProviders((req) => this.ownCellOf(req), modules);
    }
    this.rules = new SessionRules(options.rules);
    this.userSessions = new UserSessionPort(options.identify, options.idSecret, options.userSession !== undefined);
    const ended = new EndedUserSessions(options.clock, options.userSessionTimeoutMs, (fn) =>
      context.runClean(undefined, fn),
    );
    this.logouts = new Logouts(sessions, this.userSessions, ended, options.onRegenerate);
  }

  /** Handles one request. It does nothing when it is called again for it. */
  handle(req: SessionRequest, res: SessionResponse, next: Next): void {
    if (this.ownCellOf(req) !== undefined) {
      next();
      return;
    }
    if (!this.isClosed) this.durableProviders?.ensureAsked();
    try {
      const suffix = this.rules.suffixFor(req);
      const cleanup = this.cleanupBefore(req, suffix);
      if (cleanup === undefined) this.enter(req, res, suffix, next);
      else void cleanup.then(() => this.enter(req, res, suffix, next)).catch(next);
    } catch (error) {
      next(forExpress(error));
    }
  }

  private ownCellOf(req: object): RequestCell | undefined {
    const cell = cellOf(req);
    return cell?.finder === this ? cell : undefined;
  }

  private enter(req: SessionRequest, res: SessionResponse, suffix: string | undefined, next: Next): void {
    let cell: RequestCell;
    let ready: Promise<unknown> | undefined;
    try {
      cell = new RequestCell(this, suffix, req, res);
      bindCell(req, res, cell);
      if (cell.pins) this.logouts.inFlight.add(cell);
      if (this.options.identify === undefined) this.logouts.watch(req, cell);
      cell.bindExisting();
      ready = this.preload(cell);
    } catch (error) {
      next(forExpress(error));
      return;
    }
    this.environment.scopeHost.context.run(cell, () => {
      if (this.options.onRegenerate !== 'end') cell.watchAnswer();
      if (ready === undefined) next();
      else ready.then(() => next(), next);
    });
  }

  /** What must be there before the handler runs: the session, and what is awaited of its providers. */
  private preload(cell: RequestCell): Promise<unknown> | undefined {
    const { preload } = this.options;
    const providers = preload === false ? [] : this.environment.scopeHost.providersToPrepare();
    if (preload !== true && providers.length === 0) return undefined;
    if (cell.whyUnavailable() !== undefined) return this.prepareFallbacks(cell, providers);
    const session = cell.use();
    const prepared = session.scope.prepareAll(providers);
    const saved = preload === true ? cell.saved : undefined;
    return prepared !== undefined && saved !== undefined ? Promise.all([prepared, saved]) : (prepared ?? saved);
  }

  private prepareFallbacks(cell: RequestCell, providers: readonly InstanceProvider[]): Promise<unknown> | undefined {
    const fallbacks = providers.filter(({ fallback }) => fallback === 'request');
    if (fallbacks.length === 0) return undefined;
    return cell.openFallback()?.prepareAll(fallbacks);
  }

  /** The clean-up of the session that this request is going to replace, where requests are to wait for that. */
  private cleanupBefore(req: SessionRequest, suffix: string | undefined): Promise<unknown> | undefined {
    if (!this.options.replaceAfterCleanup || suffix === undefined) return undefined;
    const userSessionId = this.userSessionIdOf(req);
    return userSessionId === undefined ? undefined : this.sessions.cleanupOf(userSessionId, suffix);
  }

  // ---- what the cell of a request asks

  find(req: SessionRequest, suffix: string): { group: LiveGroup; session: LiveSession | undefined } | undefined {
    const identity = this.userSessions.identityOf(req);
    const group = 'id' in identity ? this.sessions.findGroup(identity.id) : undefined;
    if (group === undefined || !('id' in identity)) return undefined;
    if (!group.isConfirmed && this.userSessions.isConfirmed(req, identity.id)) this.sessions.confirm(group);
    return { group, session: group.sessions.get(suffix) };
  }

  whyUnavailable(
    req: SessionRequest,
    suffix: string | undefined,
    areHeadersSent: boolean,
  ): UnavailableReason | undefined {
    const reason = this.findReason(req, suffix, areHeadersSent);
    if (reason !== undefined) this.logOnce(reason);
    return reason;
  }

  private findReason(
    req: SessionRequest,
    suffix: string | undefined,
    areHeadersSent: boolean,
  ): UnavailableReason | undefined {
    if (suffix === undefined) return 'not-mapped';
    if (this.options.identify === undefined && this.logouts.hasEnded(req)) return 'user-session-ended';
    const identity = this.userSessions.identityOf(req);
    if ('missing' in identity) return identity.missing;
    if (this.sessions.isDraining) return 'shutting-down';
    if (!this.userSessions.isTooLate(req, areHeadersSent)) return undefined;
    return this.find(req, suffix)?.session === undefined ? 'too-late' : undefined;
  }

  userSessionLeftMs(req: SessionRequest): number {
    return this.userSessions.leftMs(req);
  }

  findOrCreate(req: SessionRequest, suffix: string): FoundSession {
    const identity = this.userSessions.identityOf(req);
    if ('missing' in identity) throw unavailableError(identity.missing);
    const found = this.find(req, suffix)?.session;
    if (found !== undefined) return { session: found, saved: undefined };
    this.warnOfMissingShutdownHooks();
    const session = this.sessions.findOrCreate({
      userSessionId: identity.id,
      suffix,
      hint: this.userSessions.hintOf(req),
      isConfirmed: this.userSessions.isConfirmed(req, identity.id),
    });
    if (this.options.identify === undefined) this.logouts.note(session.group, req.sessionStore);
    return { session, saved: this.remember(req, session) };
  }

  openRequestScope(why: UnavailableReason): RequestScope | undefined {
    if (this.isClosed) return undefined;
    const scope = new RequestScope(this.environment, why);
    this.requestScopes.add(scope);
    return scope;
  }

  closeRequestScope(scope: RequestScope): void {
    void scope.end().then(() => this.requestScopes.delete(scope));
  }

  onReleased(cell: RequestCell): void {
    this.logouts.inFlight.remove(cell);
  }

  /**
   * At shutdown, when the reads that waited have been released with their sessions: their answers go out before Nest may cut all
   * connections. A stream may never end.
   */
  answerAll(): Promise<void> {
    return (this.answersDone ??= this.logouts.inFlight.none(({ hasGroup }) => hasGroup, ANSWERS_MS));
  }

  /** Ends what requests without a session have, and makes nothing for them any more; leaves the stores of user sessions alone again. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.logouts.close();
    this.durableProviders?.close();
    await Promise.all([...this.requestScopes].map((scope) => scope.end('shutdown')));
  }

  override userSessionIdOf(req: object): string | undefined {
    const identity = this.userSessions.identityOf(req as SessionRequest);
    return 'id' in identity ? identity.id : undefined;
  }

  /** Resolves when the user session is saved; also when its store fails, or says nothing for too long. */
  private remember(req: SessionRequest, session: LiveSession): Promise<void> | undefined {
    const saving = this.userSessions.remember(req, session.generation);
    if (saving === undefined) return undefined;
    const { clock, userSessionTimeoutMs } = this.options;
    return new Promise((resolve) => {
      const giveUp = (why: string): void => {
        this.logger.error(`The user session of ${session.id} could not be saved: ${why}`);
        resolve();
      };
      const timer = clock.setTimeout(
        () => giveUp(`no answer within userSessionTimeoutMs (${userSessionTimeoutMs})`),
        userSessionTimeoutMs,
      );
      saving.then(resolve, (error: unknown) => giveUp(describeError(error).text)).finally(() => timer.cancel());
    });
  }

  private logOnce(reason: UnavailableReason): void {
    if (this.loggedReasons.has(reason)) return;
    this.loggedReasons.add(reason);
    this.logger[FAULTS.has(reason) ? 'error' : 'log'](unavailableMessage(reason));
  }

  private warnOfMissingShutdownHooks(): void {
    if (!this.sessions.isEmpty || process.listenerCount('SIGTERM') > 0) return;
    this.logger.warn(
      'Nothing listens to SIGTERM: sessions will not be ended when the process is stopped. Call app.enableShutdownHooks().',
    );
  }
}

/** What the application's functions throw is handed on. To Express much that is no error says that there is none. */
function forExpress(thrown: unknown): unknown {
  // Also what is no Error: Nest answers what has a `statusCode` and a `message` with these.
  if (typeof thrown === 'object' && thrown !== null) return thrown;
  return new Error(`The request was refused by what is no error: ${describeError(thrown).text}`, { cause: thrown });
}
