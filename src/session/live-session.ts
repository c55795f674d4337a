import { inspect } from 'node:util';
import { checkFunction, checkObject } from '../check-arguments.js';
import { SessionEndedError, type SessionEndReason } from '../errors.js';
import type { GivenLock } from '../runners/holding.js';
import type { ProcessBody, ProcessRunner } from '../runners/process/process-runner.js';
import type { Runner } from '../runners/runner.js';
import type { RunnerSetup } from '../runners/runner-setup.js';
import type { RunnerKey } from '../runners/runner-key.js';
import type { SequenceRunner } from '../runners/sequence/sequence-runner.js';
import type { SequenceSource } from '../runners/sequence/source.js';
import type {
  ProcessOptions,
  RunnerOptions,
  RunnerWanted,
  SequenceRunnerOptions,
  TimeSeriesOptions,
} from '../runners/runner-options.js';
import { SessionRunners } from '../runners/session-runners.js';
import type { Gauge } from '../runners/time-series/measurements.js';
import type { TimeSeriesRunner } from '../runners/time-series/time-series-runner.js';
import type { Scope } from '../scope/scope.js';
import type { SessionModuleRef } from '../scope/session-module-ref.js';
import { ActiveSession } from './active-session.js';
import type { SessionEnvironment } from './environment.js';
import { Life } from './life.js';
import { Lifetime, type ExpiryReason, type Mortal } from './lifetime.js';
import type { Keeper, LiveGroup } from './live-group.js';
import type { CleanupReport, Owned, Ownership } from './local-session.js';
import type { SessionProperties } from './session-properties.js';
import { GivenLocks } from './given-locks.js';
import { callFactory, checkFactory, type RunnerFactory } from './runner-factory.js';
import { SessionRunnerHome } from './session-runner-home.js';

/** What a session tells those who keep it. */
export interface SessionKeeper {
  onExpiring(session: LiveSession): void;
  onEnding(session: LiveSession): void;
  onEnded(session: LiveSession, report: CleanupReport): void;
}

/** An active session that is, or was, there. */
export class LiveSession extends ActiveSession implements Mortal {
  private readonly life: Life;
  private readonly lifetime: Lifetime;
  private isUsed = false;
  private runnersMade: SessionRunners | undefined;

  constructor(
    override readonly group: LiveGroup,
    override readonly suffix: string,
    override readonly generation: number,
  ) {
    super();
    this.life = new Life(this);
    this.lifetime = new Lifetime(this);
    this.lifetime.start();
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

  /** Printed and sent without what it holds. */
  toJSON(): object {
    const { id, generation, isAvailable, endReason } = this;
    return { id, generation, isAvailable, endReason };
  }

  [inspect.custom](): string {
    return `ActiveSession ${JSON.stringify(this)}`;
  }

  override takeOwnership(owned: Owned): Ownership {
    return this.life.takeOwnership(owned);
  }

  override touch(): void {
    this.life.assertAvailable();
    this.lifetime.touch();
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any function keeps its own type
  override bind<F extends (...args: any[]) => unknown>(fn: F): F {
    checkFunction('what bind() binds', fn);
    const { context } = this.environment.scopeHost;
    const { cell } = this.scope;
    return function (this: unknown, ...args: unknown[]) {
      return context.run(cell, () => fn.apply(this, args));
    } as F;
  }

  override createSequenceRunner<T>(source: SequenceSource<T>, options?: SequenceRunnerOptions): SequenceRunner<T> {
    return this.create(options, (runners, locks) => runners.createSequence(source, options, locks));
  }

  override createTimeSeriesRunner<T>(gauge: Gauge<T>, options: TimeSeriesOptions): TimeSeriesRunner<T> {
    return this.create(options, (runners, locks) => runners.createTimeSeries(gauge, options, locks));
  }

  override createProcessRunner<T>(body: ProcessBody<T>, options?: ProcessOptions): ProcessRunner<T> {
    return this.create(options, (runners, locks) => runners.createProcess(body, options, locks));
  }

  override async createRunner<Q, R>(
    factory: RunnerFactory<Q, R>,
    request: Q,
    options?: RunnerOptions,
  ): Promise<Runner<R>> {
    const make = (setup: RunnerSetup): Promise<unknown> =>
      callFactory(factory, request, Object.assign(setup, { session: this }), this.services);
    const runner = await this.create(options, (runners, locks) => {
      checkFactory(factory);
      return runners.create(make, options, locks);
    });
    // The factory says of what type its results are.
    return runner as Runner<R>;
  }

  override getRunner<T>(key: number | RunnerKey | string, want: RunnerWanted = {}) {
    this.life.assertAvailable();
    checkObject('what is wanted of a runner', want);
    const runner = this.runnersMade?.get(key, want);
    if (runner !== undefined) this.isUsed = true;
    // `want.kind` decides which of the overloads this is.
    return runner as (SequenceRunner<T> & ProcessRunner<T> & TimeSeriesRunner<T>) | undefined;
  }

  override trackRunnerCleanup(number: number): Promise<void> | undefined {
    return this.runnersMade?.trackCleanup(number);
  }

  // ---- being kept, and ending

  get scope(): Scope {
    return this.life.scope;
  }

  get environment(): SessionEnvironment {
    return this.keeper.environment;
  }

  private get keeper(): Keeper {
    return this.group.keeper;
  }

  get level(): 'session' {
    return 'session';
  }

  get outer(): LiveGroup {
    return this.group;
  }

  /** How logs name it. */
  get name(): string {
    return `active session ${this.id}:${this.generation}`;
  }

  get isPinned(): boolean {
    return this.lifetime.isPinned;
  }

  /** When it was last used, in ms of the clock; `Infinity` while it is in use. */
  get idleSinceMs(): number {
    return this.lifetime.idleSinceMs;
  }

  get isConfirmed(): boolean {
    return this.group.isConfirmed;
  }

  get hasUnfinishedRunners(): boolean {
    return (this.runnersMade?.unfinishedCount ?? 0) > 0;
  }

  /** A request uses it: it neither idles out nor is evicted until {@link unpin}. */
  pin(): void {
    this.lifetime.pin();
  }

  /** @param userSessionLeftMs how long the user session is going to last if it is not used again */
  unpin(userSessionLeftMs: number): void {
    this.lifetime.unpin(userSessionLeftMs);
  }

  onExpiring(): void {
    this.keeper.onExpiring(this);
  }

  /** Requests in flight may finish, reads that wait answer, and new requests get the next one. */
  onRetired(): void {
    this.group.retire(this);
    this.releaseWaits();
  }

  onExpired(reason: ExpiryReason): void {
    this.end(reason);
  }

  /** Reads that wait answer with what there is. */
  releaseWaits(): void {
    this.runnersMade?.releaseWaits();
  }

  /** Begins the end, whatever uses it. What must not wait has happened when this returns. */
  end(reason: SessionEndReason): void {
    if (!this.life.begin(reason)) return;
    this.group.forget(this);
    this.lifetime.stop();
    this.keeper.onEnding(this);
    this.life.abortSignal();
    const runners = this.runnersMade?.endAll(new SessionEndedError(reason)) ?? [];
    this.life.cleanUp(runners.length === 0 ? undefined : (cleanup) => cleanup.waitForRunners(runners), (report) => {
      this.group.release(this, reason);
      this.keeper.onEnded(this, report);
    });
  }

  private create<R>(
    options: RunnerOptions | undefined,
    make: (runners: SessionRunners, locks: readonly GivenLock[]) => R,
  ): R {
    const locks = new GivenLocks(options?.holds, this.scope);
    try {
      this.life.assertAvailable();
      locks.check();
      const runner = make(this.ownRunners, locks.taken);
      this.isUsed = true;
      return runner;
    } catch (error) {
      locks.release();
      throw error;
    }
  }

  private get ownRunners(): SessionRunners {
    return (this.runnersMade ??= new SessionRunners(new SessionRunnerHome(this, this.life, this.environment)));
  }
}
