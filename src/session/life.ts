import { describeError } from '../describe-error.js';
import { SessionEndedError, type SessionEndReason } from '../errors.js';
import { IsolatedAbort } from '../isolated-abort.js';
import { Scope, type ScopeLevel } from '../scope/scope.js';
import { ScopeModuleRef, type SessionModuleRef } from '../scope/session-module-ref.js';
import { Cleanup } from './cleanup.js';
import type { SessionEnvironment } from './environment.js';
import type { CleanupReport, LocalSession, Owned, Ownership } from './local-session.js';
import { disposerOf, Ownerships } from './ownerships.js';
import { SessionProperties } from './session-properties.js';

/**
 * What an active session and a group have in common, from their creation to their end. Most of it is made at first
 * access: a session of which nothing was asked costs little.
 */
export class Life {
  endReason: SessionEndReason | undefined;
  readonly scope: Scope;
  private propertiesMade: SessionProperties | undefined;
  private servicesMade: SessionModuleRef | undefined;
  private ownerships: Ownerships | undefined;
  private signalSource: IsolatedAbort | undefined;
  private report: CleanupReport | undefined;
  private completion: { readonly promise: Promise<CleanupReport>; resolve(report: CleanupReport): void } | undefined;

  constructor(
    owner: LocalSession,
    level: ScopeLevel,
    /** How logs and errors name the owner. */
    private readonly nameOf: () => string,
    private readonly environment: SessionEnvironment,
    parent?: Scope,
  ) {
    this.scope = new Scope(level, environment.scopeHost, owner, parent);
  }

  get properties(): SessionProperties {
    return (this.propertiesMade ??= new SessionProperties(() => this.endReason));
  }

  get services(): SessionModuleRef {
    return (this.servicesMade ??= new ScopeModuleRef(this.scope, this.environment.moduleRef));
  }

  get signal(): AbortSignal {
    if (this.signalSource === undefined) {
      this.signalSource = this.clean(
        () => new IsolatedAbort((error) => this.warn('listener of completionSignal', error)),
      );
      this.abortSignal();
    }
    return this.signalSource.signal;
  }

  get cleanupCompletion(): Promise<CleanupReport> {
    this.completion ??= this.clean(() => {
      if (this.report !== undefined) return { promise: Promise.resolve(this.report), resolve: () => undefined };
      let resolve: (report: CleanupReport) => void = () => undefined;
      const promise = new Promise<CleanupReport>((resolvePromise) => (resolve = resolvePromise));
      return { promise, resolve };
    });
    return this.completion.promise;
  }

  assertAvailable(): void {
    if (this.endReason !== undefined) throw new SessionEndedError(this.endReason, this.name);
  }

  takeOwnership(owned: Owned): Ownership {
    disposerOf(owned);
    this.ownerships ??= new Ownerships();
    const ownership = this.ownerships.add(owned);
    if (this.endReason !== undefined)
      ownership.dispose().catch((error: unknown) => this.warn('takeOwnership() after the end', error));
    return ownership;
  }

  /** From here on it is not available. @returns false when its end had begun before */
  begin(reason: SessionEndReason): boolean {
    if (this.endReason !== undefined) return false;
    this.endReason = reason;
    this.scope.close(reason);
    return true;
  }

  /** Tells those who asked for the signal. */
  abortSignal(): void {
    const { endReason, signalSource } = this;
    if (endReason === undefined || signalSource === undefined) return;
    this.runAwaited(() => signalSource.abort(new SessionEndedError(endReason, this.name)));
  }

  /** Ends what it holds. `first` is what comes before its instances, `last` what comes before others learn of it. */
  cleanUp(first: (cleanup: Cleanup) => Promise<void>, last: (report: CleanupReport) => void): Promise<void> {
    return this.runAwaited(async () => {
      const { options } = this.environment;
      const reason = this.endReason ?? 'terminated';
      const cleanup = new Cleanup(reason, options.clock, options.cleanupTimeoutMs, (what, error) =>
        this.warn(what, error),
      );
      await first(cleanup);
      const instances = await this.scope.dispose(cleanup.run, reason);
      cleanup.disposed = instances + (this.ownerships?.size ?? 0);
      await this.ownerships?.disposeAll(cleanup.run);
      this.scope.empty();
      this.report = cleanup.finish();
      last(this.report);
      this.completion?.resolve(this.report);
    });
  }

  /** What `terminate()` returns: whoever is part of the clean-up cannot wait for it. */
  completionForCaller(): Promise<CleanupReport> {
    const cell = this.environment.scopeHost.context.current();
    if (this.report !== undefined || cell?.isAwaited !== true || cell.scope?.isWithin(this.scope) !== true)
      return this.cleanupCompletion;
    const reason = this.endReason ?? 'terminated';
    return Promise.resolve({
      reason,
      pending: true,
      disposed: 0,
      failed: [],
      timedOut: [],
      leftBehind: [],
      durationMs: 0,
    });
  }

  /** Runs code of which the end waits: hooks and runners. */
  runAwaited<R>(fn: () => R): R {
    return this.environment.scopeHost.context.runClean(this.scope.cellOfAwaited, fn);
  }

  warn(what: string, error: unknown): void {
    const { text, stack } = describeError(error);
    const reason = this.endReason === undefined ? '' : ` (${this.endReason})`;
    this.environment.logger.error(`${this.name}${reason}, ${what}: ${text}`, stack);
  }

  /** Made only where something must be told: the public id is a hash. */
  private get name(): string {
    return `The ${this.nameOf()}`;
  }

  private clean<R>(fn: () => R): R {
    return this.environment.scopeHost.context.runClean(undefined, fn);
  }
}
