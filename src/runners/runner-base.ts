import type { Observable } from 'rxjs';
import type { Expirable } from '../expiry.js';
import { IsolatedAbort } from '../isolated-abort.js';
import { disown, isThenable } from '../is-thenable.js';
import type { ErrorSerializer, SerializedError } from '../serialized-error.js';
import { releaseAll, runHoldingAll, type GivenLock } from './holding.js';
import { isFinal, Runner, RunnerStatus, type RunnerChange, type RunnerProgress, type RunnerResult } from './runner.js';
import { RunnerChanges } from './runner-changes.js';
import type { RunnerHome } from './runner-home.js';
import type { RunnerId, RunnerKey } from './runner-key.js';
import { RunnerSetup } from './runner-setup.js';

/**
 * What all runners share: identity, the rules of the status, start, abort and disposal, progress, and the clock of their idle
 * time. Extend it for a runner of your own, and make that in the factory that you give to `session.createRunner()`:
 * docs/guide/custom-runners.md builds one. A runner over a sequence is easier made with `SequenceRunnerBase`.
 */
export abstract class RunnerBase<R = unknown> extends Runner<R> {
  readonly number: number;
  readonly name: string | undefined;
  readonly key: RunnerKey;
  /** @internal Told when the runner is due; set by the session's list of runners. */
  onExpired: (() => void) | undefined;
  /** @internal */
  protected readonly home: RunnerHome;
  private locks: readonly GivenLock[];

  private readonly idleEnd: Expirable = {
    expiryBucket: undefined,
    dueAt: () => this.dueAt(),
    expire: () => this.onExpired?.(),
  };

  private currentStatus = RunnerStatus.NotStarted;
  private starting: Promise<void> | undefined;
  private completion: IsolatedAbort | undefined;
  private workAbort: IsolatedAbort | undefined;
  private changes: RunnerChanges | undefined;
  private disposal: Promise<void> | undefined;
  private disposed: Promise<void> | undefined;
  private resolveDisposed: (() => void) | undefined;
  private reasonOfAbort: unknown;
  private failure: { readonly error: unknown } | undefined;
  private isWorkOver = false;
  private isAborting = false;
  private startedAt: number | undefined;
  private updatedAt: number | undefined;
  private lastUseMs: number;

  /**
   * @param setup the context that the factory was given
   * @throws BadArgumentError where it is none, or was used before
   */
  protected constructor(setup: RunnerSetup) {
    super();
    const { home, locks } = RunnerSetup.use(setup, this);
    this.number = setup.number;
    this.name = setup.name;
    this.key = setup.key;
    this.home = home;
    this.locks = locks;
    this.lastUseMs = home.clock.now();
  }

  get id(): RunnerId {
    return { sessionId: this.key.sessionId, generation: this.key.generation, number: this.number };
  }

  get status(): RunnerStatus {
    return this.currentStatus;
  }

  get isBackgroundCompleted(): boolean {
    return this.isWorkOver;
  }

  get error(): unknown {
    return this.failure?.error;
  }

  get abortReason(): unknown {
    return this.reasonOfAbort;
  }

  get completionSignal(): AbortSignal {
    if (this.completion === undefined) {
      this.completion = new IsolatedAbort((error) =>
        this.home.warn(`${this.label}: listener of completionSignal`, error),
      );
      if (isFinal(this.currentStatus) || this.disposal !== undefined) this.abortCompletion();
    }
    return this.completion.signal;
  }

  get progress(): RunnerProgress {
    const { startedAt, updatedAt } = this;
    const reached = this.reached;
    const estimatedEnd = this.estimatedEnd;
    if (startedAt === undefined) return { reached };
    const elapsedMs = (updatedAt ?? startedAt) - startedAt;
    const ratePerSecond = elapsedMs > 0 && reached > 0 ? (reached * 1000) / elapsedMs : undefined;
    return {
      reached,
      startedAt,
      ...(updatedAt !== undefined && { updatedAt }),
      ...(estimatedEnd !== undefined && { estimatedEnd }),
      ...(ratePerSecond !== undefined && { ratePerSecond }),
      ...(ratePerSecond !== undefined &&
        estimatedEnd !== undefined && { etaMs: (Math.max(0, estimatedEnd - reached) * 1000) / ratePerSecond }),
    };
  }

  get changes$(): Observable<RunnerChange> {
    if (this.changes === undefined) {
      this.changes = new RunnerChanges({
        clock: this.home.clock,
        now: () => ({ status: this.status, position: this.position, progress: this.progress }),
        run: (fn) => this.home.run(fn),
        onError: (error) => this.home.warn(`${this.label}: subscriber of changes$`, error),
      });
      if (isFinal(this.currentStatus) || this.disposal !== undefined) this.changes.complete();
    }
    return this.changes.changes$;
  }

  abort(reason?: unknown): RunnerStatus {
    if (isFinal(this.currentStatus) || this.isAborting) return this.currentStatus;
    this.isAborting = true;
    const wasStarted = this.currentStatus !== RunnerStatus.NotStarted;
    this.reasonOfAbort = reason;
    this.callHook('onAbort()', () => this.onAbort(reason));
    this.setStatus(RunnerStatus.Aborted);
    this.stopWork(reason);
    // What was never started has nothing to end.
    if (!wasStarted) this.markWorkOver();
    this.markUsed();
    this.watchIdleTime();
    return this.currentStatus;
  }

  /** @internal Resolves when the runner has been disposed of. */
  get whenDisposed(): Promise<void> {
    return this.disposal ?? (this.disposed ??= new Promise((resolve) => (this.resolveDisposed = resolve)));
  }

  /** @internal Stops the work and resolves when it has stopped. */
  dispose(reason?: unknown): Promise<void> {
    if (this.disposal !== undefined) return this.disposal;
    this.abort(reason);
    this.home.expiry.remove(this.idleEnd);
    this.stopWork(reason);
    this.disposal = this.home.run(() => this.stopped());
    if (this.resolveDisposed !== undefined) void this.disposal.then(this.resolveDisposed);
    this.abortCompletion();
    this.changes?.complete();
    return this.disposal;
  }

  /**
   * Reads that wait answer with what there is: the lifetime of the session is over, or the application shuts down, and their
   * requests are to end. Override it where reads of your runner wait.
   */
  releaseWaits(): void {
    // A runner whose reads do not wait has none.
  }

  /** @internal */
  callReleaseWaits(): void {
    this.callHook('releaseWaits()', () => this.releaseWaits());
  }

  /** How far the work is: a part of `progress`. @default {@link position} */
  protected get reached(): number {
    return this.position;
  }

  /** Where the work is going to end. @default unknown until the work is over, then {@link reached} */
  protected get estimatedEnd(): number | undefined {
    return this.isWorkOver ? this.reached : undefined;
  }

  /** @internal How messages name it. */
  get label(): string {
    return `${this.kind} runner ${this.number}${this.name === undefined ? '' : ` "${this.name}"`}`;
  }

  /** The signal for the work. It aborts when the runner is aborted or disposed of, not when the work has ended by itself. */
  protected get workSignal(): AbortSignal {
    if (this.workAbort === undefined) {
      this.workAbort = new IsolatedAbort((error) => this.home.warn(`${this.label}: listener of its signal`, error));
      // Also where it is asked for only then.
      if (this.currentStatus === RunnerStatus.Aborted) this.abortWork(this.reasonOfAbort);
    }
    return this.workAbort.signal;
  }

  /** Starts the work: in its session, with its locks known to be held. */
  protected runWork<W>(work: () => W): W {
    return this.home.run(() => runHoldingAll(this.locks, work));
  }

  /** Begins the work: called by {@link startRunning}. Where it throws, or rejects, the runner is not started. */
  protected onStart(): void | Promise<void> {
    // Not every runner has something to begin.
  }

  /**
   * Called once by an abort, just before the status changes: answer reads that wait, and drop what is unread. The work is told by
   * {@link workSignal}; call {@link markWorkOver} when it has stopped.
   */
  protected onAbort(_reason: unknown): void {
    // Not every runner has something to drop.
  }

  /** Called at the end of the runner, after an abort: resolve when the work has stopped, and free what it has. */
  protected onDispose(): void | Promise<void> {
    // Not every runner has something to free.
  }

  /**
   * Starts the work, if that has not happened yet: calls {@link onStart} in the session, once. Where that throws or rejects, the
   * status is NotStarted again, unless the runner was aborted meanwhile, and the next call tries again.
   * @returns undefined where it is started; a promise where `onStart()` has given one
   * @throws what `onStart()` throws
   */
  protected startRunning(): Promise<void> | undefined {
    if (this.currentStatus !== RunnerStatus.NotStarted) return this.starting;
    this.markStarted();
    try {
      const started = this.runWork(() => this.onStart());
      this.starting = started?.then(
        () => (this.starting = undefined),
        (error: unknown) => this.failToStart(error),
      );
    } catch (error) {
      this.failToStart(error);
    }
    return this.starting;
  }

  /** @internal */
  protected markStarted(): void {
    this.startedAt ??= Date.now();
    this.setStatus(RunnerStatus.Stalled);
  }

  private failToStart(error: unknown): never {
    this.starting = undefined;
    if (!isFinal(this.currentStatus)) {
      this.currentStatus = RunnerStatus.NotStarted;
      this.startedAt = undefined;
      this.markUsed();
      this.watchIdleTime();
      this.changed();
    }
    throw error;
  }

  /** @internal Tells the work to stop. It may be called again. */
  protected stopWork(reason: unknown): void {
    if (this.isWorkOver) return;
    this.abortWork(reason);
  }

  private abortWork(reason: unknown): void {
    const { workAbort } = this;
    if (workAbort === undefined) return;
    this.home.run(() => workAbort.abort(reason ?? new DOMException('The runner was aborted', 'AbortError')));
  }

  /**
   * A final status stays, and none goes back to NotStarted. With a final one `completionSignal` aborts: answer reads that wait
   * before that.
   * @returns whether the status is this one now
   */
  protected setStatus(status: RunnerStatus): boolean {
    if (status === RunnerStatus.NotStarted || isFinal(this.currentStatus)) return false;
    if (status === this.currentStatus) return true;
    this.currentStatus = status;
    if (isFinal(status)) {
      this.abortCompletion();
      this.changes?.complete();
      this.watchIdleTime();
    } else this.changed();
    return true;
  }

  /** The answer to a read. Each read restarts the idle clock by it. */
  protected resultOf<V = R>(result: V, from: number, position: number, status = this.status): RunnerResult<V> {
    this.markUsed();
    this.changed();
    const { endReason } = this.home;
    return {
      result,
      from,
      position,
      status,
      ...(status === RunnerStatus.Failed && { error: this.serializeError() }),
      ...(endReason !== undefined && { ended: endReason }),
    };
  }

  private abortCompletion(): void {
    const { completion } = this;
    if (completion === undefined) return;
    const reason = new DOMException(`The ${this.label} has ended: ${this.currentStatus}`, 'AbortError');
    this.home.run(() => completion.abort(reason));
  }

  /** Never rejects. */
  private async stopped(): Promise<void> {
    // Whoever waits for the start is told of its failure.
    await this.starting?.catch(() => undefined);
    try {
      const disposing = this.onDispose();
      if (disposing !== undefined) await disposing;
    } catch (error) {
      this.home.warn(`${this.label}: onDispose()`, error);
    }
    this.markWorkOver();
  }

  private callHook(what: string, hook: () => unknown): void {
    const warn = (error: unknown): void => this.home.warn(`${this.label}: ${what}`, error);
    try {
      // It need not be asynchronous, but an override may be.
      const result: unknown = this.home.run(hook);
      if (isThenable(result)) Promise.resolve(result).catch(warn);
    } catch (error) {
      warn(error);
    }
  }

  /** The work has got further. */
  protected markStep(): void {
    this.updatedAt = Date.now();
    // What was not started can idle out: this is a sign of life.
    if (this.currentStatus === RunnerStatus.NotStarted) this.markUsed();
    this.changed();
  }

  /** Status, position or progress has changed: `changes$` tells. */
  protected changed(): void {
    this.changes?.notify();
  }

  /** The work has ended, or failed; what it has made may be unread. Locks that the runner holds are released. */
  protected markWorkOver(failure?: { error: unknown }): void {
    if (this.isWorkOver) return;
    this.isWorkOver = true;
    releaseAll(this.locks);
    this.locks = [];
    if (!isFinal(this.currentStatus)) this.failure = failure;
    this.markUsed();
    this.watchIdleTime();
    this.changed();
  }

  /** How the work ended: the status for who has read all. */
  protected get outcome(): RunnerStatus {
    return this.failure === undefined ? RunnerStatus.Completed : RunnerStatus.Failed;
  }

  /** @internal From here on the runner can expire. */
  watchIdleTime(): void {
    if (this.disposal === undefined) this.home.expiry.schedule(this.idleEnd);
  }

  /** It counts from the last read, or from the end of the work where that is later: unfinished work is kept. */
  private dueAt(): number {
    const isWorking =
      this.currentStatus !== RunnerStatus.NotStarted && !this.isWorkOver && !isFinal(this.currentStatus);
    return isWorking ? Infinity : this.lastUseMs + this.home.idleTimeoutMs;
  }

  /** Restarts the idle clock. */
  protected markUsed(): void {
    this.lastUseMs = this.home.clock.now();
  }

  /** Makes the client-safe form of an error. @default the option `sequence.serializeError` of the module */
  protected get errorSerializer(): ErrorSerializer {
    return this.home.sequence.serializeError;
  }

  /** The failure in a form for clients. Whoever reads it gets one, also where the application's function throws. */
  private serializeError(): SerializedError {
    try {
      const serialized = this.errorSerializer(this.failure?.error);
      if (!isThenable(serialized)) return serialized;
      disown(serialized);
      throw new TypeError('expected it to return an object, at once, got a promise');
    } catch (error) {
      this.home.warn(`${this.label}: serializeError`, error);
      return { name: 'Error' };
    }
  }
}
