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

/** Whose life it is. */
export interface Living extends LocalSession {
  /** How logs and errors name it. */
  readonly name: string;
  readonly environment: SessionEnvironment;
  readonly level: ScopeLevel;
  /** The group, where it is a session. */
  readonly outer: { readonly scope: Scope } | undefined;
}

/** What is made at first access, in an object of its own: an idle session, of which nothing of it was asked, is small. */
class Extras {
  endReason: SessionEndReason | undefined;
  properties: SessionProperties | undefined;
  services: SessionModuleRef | undefined;
  ownerships: Ownerships | undefined;
  signalSource: IsolatedAbort | undefined;
  report: CleanupReport | undefined;
  completion: { readonly promise: Promise<CleanupReport>; resolve(report: CleanupReport): void } | undefined;
}

/**
 * What an active session and a group have in common, from their creation to their end. Most of it is made at first
 * access: a session of which nothing was asked costs little.
 */
export class Life {
  private scopeMade: Scope | undefined;
  private extrasMade: Extras | undefined;

  constructor(private readonly owner: Living) {}

  /** Undefined until the end has begun. */
  get endReason(): SessionEndReason | undefined {
    return this.extrasMade?.endReason;
  }

  get scope(): Scope {
    return (this.scopeMade ??= this.makeScope());
  }

  get properties(): SessionProperties {
    return (this.extras.properties ??= new SessionProperties(() => this.endReason));
  }

  get services(): SessionModuleRef {
    return (this.extras.services ??= new ScopeModuleRef(this.scope, this.environment.moduleRef));
  }

  get signal(): AbortSignal {
    const { extras } = this;
    if (extras.signalSource === undefined) {
      extras.signalSource = this.clean(
        () => new IsolatedAbort((error) => this.warn('listener of completionSignal', error)),
      );
      this.abortSignal();
    }
    return extras.signalSource.signal;
  }

  get cleanupCompletion(): Promise<CleanupReport> {
    const { extras } = this;
    extras.completion ??= this.clean(() => {
      if (extras.report !== undefined) return { promise: Promise.resolve(extras.report), resolve: () => undefined };
      let resolve: (report: CleanupReport) => void = () => undefined;
      const promise = new Promise<CleanupReport>((resolvePromise) => (resolve = resolvePromise));
      return { promise, resolve };
    });
    return extras.completion.promise;
  }

  assertAvailable(): void {
    if (this.endReason !== undefined) throw new SessionEndedError(this.endReason, this.name);
  }

  takeOwnership(owned: Owned): Ownership {
    disposerOf(owned);
    const ownerships = (this.extras.ownerships ??= new Ownerships());
    const ownership = ownerships.add(owned);
    if (this.endReason !== undefined)
      ownership.dispose().catch((error: unknown) => this.warn('takeOwnership() after the end', error));
    return ownership;
  }

  /** From here on it is not available. @returns false when its end had begun before */
  begin(reason: SessionEndReason): boolean {
    if (this.endReason !== undefined) return false;
    this.extras.endReason = reason;
    this.scopeMade?.close(reason);
    return true;
  }

  /** Tells those who asked for the signal. */
  abortSignal(): void {
    const { endReason } = this;
    const signalSource = this.extrasMade?.signalSource;
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
      const { extras } = this;
      cleanup.disposed = instances + (extras.ownerships?.size ?? 0);
      await extras.ownerships?.disposeAll(cleanup.run);
      this.scope.empty();
      const report = (extras.report = cleanup.finish());
      last(report);
      extras.completion?.resolve(report);
    });
  }

  /** What `terminate()` returns: whoever is part of the clean-up cannot wait for it. */
  completionForCaller(): Promise<CleanupReport> {
    const cell = this.environment.scopeHost.context.current();
    if (this.extrasMade?.report !== undefined || cell?.isAwaited !== true || cell.scope?.isWithin(this.scope) !== true)
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
    return `The ${this.owner.name}`;
  }

  private get environment(): SessionEnvironment {
    return this.owner.environment;
  }

  private get extras(): Extras {
    return (this.extrasMade ??= new Extras());
  }

  private makeScope(): Scope {
    const { owner, endReason } = this;
    const scope = new Scope(owner.level, this.environment.scopeHost, owner, owner.outer);
    if (endReason !== undefined) scope.close(endReason);
    if (this.extrasMade?.report !== undefined) scope.empty();
    return scope;
  }

  private clean<R>(fn: () => R): R {
    return this.environment.scopeHost.context.runClean(undefined, fn);
  }
}
