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
  completion: Promise<CleanupReport> | undefined;
  /** Where the completion was asked for before the clean-up began. */
  complete: ((report: CleanupReport) => void) | undefined;
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
    return (extras.completion ??= this.clean(() => new Promise((resolve) => (extras.complete = resolve))));
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

  /**
   * Ends what it holds, once.
   * @param first what comes before its instances; undefined where there is nothing to wait for
   * @param last what comes before others learn of it
   */
  cleanUp(first: ((cleanup: Cleanup) => Promise<void>) | undefined, last: (report: CleanupReport) => void): void {
    const { extras } = this;
    const begin = (): Promise<CleanupReport> => this.cleanUpNow(first, last);
    // Where nothing of the application's is going to run, there is no need of a scope for it to run in.
    const hasNothing = this.scopeMade === undefined && extras.ownerships === undefined;
    const over = hasNothing ? this.clean(begin) : this.runAwaited(begin);
    extras.completion ??= over;
  }

  private async cleanUpNow(
    first: ((cleanup: Cleanup) => Promise<void>) | undefined,
    last: (report: CleanupReport) => void,
  ): Promise<CleanupReport> {
    const { environment, extras } = this;
    const reason = this.endReason ?? 'terminated';
    const cleanup = new Cleanup(reason, environment, (what, error) =>
      // A timer calls it, too, outside of the session.
      this.runAwaited(() => this.warn(what, error)),
    );
    // What has begun the end is told of it first.
    await first?.(cleanup);
    if (this.scopeMade !== undefined) cleanup.disposed = await this.scopeMade.dispose(cleanup.run, reason);
    if (extras.ownerships !== undefined) {
      cleanup.disposed += extras.ownerships.size;
      await extras.ownerships.disposeAll(cleanup.run);
    }
    this.scopeMade?.empty();
    const report = (extras.report = cleanup.finish());
    last(report);
    extras.complete?.(report);
    return report;
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
