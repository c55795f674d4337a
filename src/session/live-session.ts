import type { Clock } from '../clock.js';
import { SessionEndedError, type SessionEndReason } from '../errors.js';
import type { Expirable, Expiry } from '../expiry.js';
import type { ResolvedOptions } from '../options.js';
import type { ProcessBody, ProcessRunner } from '../runners/process/process-runner.js';
import type { RunnerHome } from '../runners/runner-home.js';
import type { Runner } from '../runners/runner.js';
import type { RunnerKey } from '../runners/runner-key.js';
import type { SequenceRunner } from '../runners/sequence/sequence-runner.js';
import type { SequenceSource } from '../runners/sequence/source.js';
import {
  SessionRunners,
  type RunnerOptions,
  type RunnerWanted,
  type SequenceRunnerOptions,
} from '../runners/session-runners.js';
import type { Scope } from '../scope/scope.js';
import type { SessionModuleRef } from '../scope/session-module-ref.js';
import { ActiveSession } from './active-session.js';
import type { SessionEnvironment } from './environment.js';
import { Life } from './life.js';
import type { LiveGroup } from './live-group.js';
import type { CleanupReport, Owned, Ownership } from './local-session.js';
import type { SessionProperties } from './session-properties.js';

/** Without its cookie having come back, and without work, a session is kept for so long. */
const UNCONFIRMED_IDLE_MS = 2 * 60_000;

/** What a session tells those who keep it. */
export interface SessionKeeper {
  onEnding(session: LiveSession): void;
  onEnded(session: LiveSession, report: CleanupReport): void;
}

/** An active session that is, or was, there. */
export class LiveSession extends ActiveSession implements Expirable, RunnerHome {
  /** Scheduled by `Expiry`. */
  expiryBucket: number | undefined;
  private readonly life: Life;
  private readonly createdMs: number;
  private lastUseMs: number;
  private pinCount = 0;
  private isRetired = false;
  private isUsed = false;
  private runnersMade: SessionRunners | undefined;

  constructor(
    override readonly group: LiveGroup,
    override readonly suffix: string,
    override readonly generation: number,
    private readonly environment: SessionEnvironment,
    private readonly keeper: SessionKeeper,
  ) {
    super();
    this.life = new Life(this, 'session', environment, group.scope);
    this.createdMs = this.lastUseMs = environment.options.clock.now();
  }

  // ---- what everybody sees

  override get id(): string {
    return this.suffix === '' ? this.group.id : `${this.group.id}-${this.suffix}`;
  }

  override get baseId(): string {
    return this.group.id;
  }

  override get stamp(): string {
    return this.group.stamp;
  }

  override get isAvailable(): boolean {
    return this.life.endReason === undefined;
  }

  override get endReason(): SessionEndReason | undefined {
    return this.life.endReason;
  }

  override get isFresh(): boolean {
    return !this.isUsed;
  }

  override get properties(): SessionProperties {
    return this.life.properties;
  }

  override get services(): SessionModuleRef {
    return this.life.services;
  }

  override get completionSignal(): AbortSignal {
    return this.life.signal;
  }

  override get cleanupCompletion(): Promise<CleanupReport> {
    return this.life.cleanupCompletion;
  }

  override get runners(): ReadonlyMap<number, Runner> {
    return this.ownRunners.view;
  }

  /** Like {@link runners}, for who goes through all sessions: most have none. */
  get runnersSoFar(): ReadonlyMap<number, Runner> | undefined {
    return this.runnersMade?.view;
  }

  override terminate(): Promise<CleanupReport> {
    this.end('terminated');
    return this.life.completionForCaller();
  }

  override takeOwnership(owned: Owned): Ownership {
    return this.life.takeOwnership(owned);
  }

  override touch(): void {
    this.life.assertAvailable();
    this.lastUseMs = this.clock.now();
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any function keeps its own type
  override bind<F extends (...args: any[]) => unknown>(fn: F): F {
    const { context } = this.environment;
    const { cell } = this.scope;
    return function (this: unknown, ...args: unknown[]) {
      return context.run(cell, () => fn.apply(this, args));
    } as F;
  }

  override createSequenceRunner<T>(source: SequenceSource<T>, options?: SequenceRunnerOptions): SequenceRunner<T> {
    return this.useRunners().createSequence(source, options);
  }

  override createProcessRunner<T>(body: ProcessBody<T>, options?: RunnerOptions): ProcessRunner<T> {
    return this.useRunners().createProcess(body, options);
  }

  override getRunner<T>(key: number | RunnerKey | string, want?: RunnerWanted) {
    this.life.assertAvailable();
    const runner = this.runnersMade?.get(key, want);
    if (runner !== undefined) this.isUsed = true;
    // `want.kind` decides which of the overloads this is.
    return runner as (SequenceRunner<T> & ProcessRunner<T>) | undefined;
  }

  override trackRunnerCleanup(number: number): Promise<void> | undefined {
    return this.runnersMade?.trackCleanup(number);
  }

  // ---- what runners need of it

  get owner(): this {
    return this;
  }

  get clock(): Clock {
    return this.environment.options.clock;
  }

  get expiry(): Expiry {
    return this.environment.expiry;
  }

  get idleTimeoutMs(): number {
    return this.environment.options.runnerIdleTimeoutMs;
  }

  get limit(): number {
    return this.environment.options.limits.runnersPerSession;
  }

  get sequence(): ResolvedOptions['sequence'] {
    return this.environment.options.sequence;
  }

  run<R>(fn: () => R): R {
    return this.life.runAwaited(fn);
  }

  onCallerLost(fn: (reason: unknown) => void): () => void {
    return this.environment.context.current()?.onLost(fn) ?? (() => undefined);
  }

  warn(what: string, error: unknown): void {
    this.life.warn(what, error);
  }

  // ---- being kept, and ending

  get scope(): Scope {
    return this.life.scope;
  }

  get isPinned(): boolean {
    return this.pinCount > 0;
  }

  /** When it was last used, in ms of the clock; `Infinity` while it is in use. */
  get idleSinceMs(): number {
    return this.isPinned ? Infinity : this.lastUseMs;
  }

  get unfinishedRunners(): number {
    return this.runnersMade?.unfinishedCount ?? 0;
  }

  /** A request uses it: it neither idles out nor is evicted until {@link unpin}. */
  pin(): void {
    this.pinCount++;
  }

  unpin(): void {
    this.pinCount--;
    this.lastUseMs = this.clock.now();
    if (this.isPinned || !this.isAvailable) return;
    if (this.isRetired) this.end('max-lifetime');
    else this.expiry.schedule(this);
  }

  dueAt(nowMs: number): number {
    const { maxLifetimeMs, cleanupTimeoutMs } = this.environment.options;
    if (this.isRetired) return this.createdMs + maxLifetimeMs + cleanupTimeoutMs;
    return Math.min(this.isPinned ? Infinity : this.idleDueAt(nowMs), this.createdMs + maxLifetimeMs);
  }

  expire(): void {
    const isOld = this.clock.now() >= this.createdMs + this.environment.options.maxLifetimeMs;
    if (isOld && this.isPinned && !this.isRetired) this.retire();
    else this.end(isOld ? 'max-lifetime' : 'idle');
  }

  /** Begins the end, whatever uses it. What must not wait has happened when this returns. */
  end(reason: SessionEndReason): void {
    if (!this.life.begin(reason)) return;
    this.group.forget(this);
    this.expiry.remove(this);
    this.keeper.onEnding(this);
    this.life.abortSignal();
    const runners = this.runnersMade?.endAll(new SessionEndedError(reason)) ?? [];
    void this.life
      .cleanUp(
        (cleanup) => cleanup.waitForRunners(runners),
        () => this.group.release(this, reason),
      )
      .then((report) => this.keeper.onEnded(this, report));
  }

  private idleDueAt(nowMs: number): number {
    const dueMs = this.lastUseMs + this.environment.options.idleTimeoutMs;
    if (this.group.isConfirmed) return dueMs;
    // Its work may be over at any time: then this is asked again, and by then at the latest.
    const sinceMs = this.unfinishedRunners > 0 ? nowMs : this.lastUseMs;
    return Math.min(dueMs, sinceMs + UNCONFIRMED_IDLE_MS);
  }

  /** Its lifetime is over, but requests use it: they may finish, reads that wait answer, and new requests get the next one. */
  private retire(): void {
    this.isRetired = true;
    this.group.retire(this);
    this.runnersMade?.releaseWaits();
    this.expiry.schedule(this);
  }

  private useRunners(): SessionRunners {
    this.life.assertAvailable();
    this.isUsed = true;
    return this.ownRunners;
  }

  private get ownRunners(): SessionRunners {
    return (this.runnersMade ??= new SessionRunners(this));
  }
}
