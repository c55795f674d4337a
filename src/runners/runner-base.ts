import { BadArgumentError } from '../errors.js';
import type { Expirable } from '../expiry.js';
import { IsolatedAbort } from '../isolated-abort.js';
import type { SerializedError } from '../serialized-error.js';
import { releaseAll, runHoldingAll, type GivenLock } from './holding.js';
import { isFinal, Runner, RunnerStatus, type RunnerProgress } from './runner.js';
import type { RunnerHome } from './runner-home.js';
import { RunnerKey, type RunnerId } from './runner-key.js';

/** What a runner is given when it is made. */
export interface RunnerSetup {
  readonly number: number;
  readonly name: string | undefined;
  readonly home: RunnerHome;
  /** Locks that it has until its work is over. */
  readonly locks: readonly GivenLock[];
}

/** What all runners share: identity, the rules of the status, progress, and the clock of their idle time. */
export abstract class RunnerBase<R> extends Runner<R> {
  readonly number: number;
  readonly name: string | undefined;
  readonly key: RunnerKey;
  /** @internal Told when the runner is due; set by the session's list of runners. */
  onExpired: (() => void) | undefined;
  protected readonly home: RunnerHome;
  private locks: readonly GivenLock[];

  private readonly idleEnd: Expirable = {
    expiryBucket: undefined,
    dueAt: () => this.dueAt(),
    expire: () => this.onExpired?.(),
  };

  private currentStatus = RunnerStatus.NotStarted;
  private completion: IsolatedAbort | undefined;
  private workAbort: IsolatedAbort | undefined;
  private disposal: Promise<void> | undefined;
  private disposed: Promise<void> | undefined;
  private resolveDisposed: (() => void) | undefined;
  private reasonOfAbort: unknown;
  private failure: { readonly error: unknown } | undefined;
  private isWorkOver = false;
  private startedAt: number | undefined;
  private updatedAt: number | undefined;
  private lastUseMs: number;

  protected constructor({ number, name, home, locks }: RunnerSetup) {
    super();
    this.number = number;
    this.name = name;
    this.home = home;
    this.locks = locks;
    this.key = RunnerKey.of(number, home.owner);
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
    const ratePerSecond = elapsedMs > 0 ? (reached * 1000) / elapsedMs : undefined;
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

  abort(reason?: unknown): RunnerStatus {
    if (isFinal(this.currentStatus)) return this.currentStatus;
    this.reasonOfAbort = reason;
    this.onAborted();
    this.setStatus(RunnerStatus.Aborted);
    this.stopWork(reason);
    this.markUsed();
    this.watchIdleTime();
    return this.currentStatus;
  }

  /** @internal Resolves when the runner has been disposed of. */
  get whenDisposed(): Promise<void> {
    return (this.disposed ??= new Promise((resolve) => {
      this.resolveDisposed = resolve;
      if (this.disposal !== undefined) void this.disposal.then(resolve);
    }));
  }

  /** @internal Stops the work and resolves when it has stopped. */
  dispose(reason?: unknown): Promise<void> {
    if (this.disposal !== undefined) return this.disposal;
    this.abort(reason);
    this.home.expiry.remove(this.idleEnd);
    this.stopWork(reason);
    this.disposal = this.home.run(() => this.whenStopped());
    void this.disposal.then(() => this.resolveDisposed?.());
    this.abortCompletion();
    return this.disposal;
  }

  /** @internal Reads that wait answer with what there is. */
  abstract releaseWaits(): void;

  /** How far the work is. */
  protected abstract readonly reached: number;

  protected get estimatedEnd(): number | undefined {
    return this.isWorkOver ? this.reached : undefined;
  }

  /** @internal How messages name it. */
  get label(): string {
    return `${this.kind} runner ${this.number}${this.name === undefined ? '' : ` "${this.name}"`}`;
  }

  /** The signal for the work. It aborts when the runner is aborted or disposed of, not when the work has ended by itself. */
  protected get workSignal(): AbortSignal {
    this.workAbort ??= new IsolatedAbort((error) => this.home.warn(`${this.label}: listener of its signal`, error));
    return this.workAbort.signal;
  }

  /** Starts the work: in its session, with its locks known to be held. */
  protected runWork<W>(work: () => W): W {
    return this.home.run(() => runHoldingAll(this.locks, work));
  }

  /** Readers get what they have collected; what is unread is dropped. The status is about to change. */
  protected abstract onAborted(): void;

  /** Tells the work to stop. It may be called again. */
  protected stopWork(reason: unknown): void {
    if (this.isWorkOver) return;
    this.home.run(() => this.workAbort?.abort(reason ?? new DOMException('The runner was aborted', 'AbortError')));
  }

  /** Resolves when the work has stopped; it never rejects. */
  protected abstract whenStopped(): Promise<void>;

  /** A final status stays. */
  protected setStatus(status: RunnerStatus): void {
    if (isFinal(this.currentStatus)) return;
    this.currentStatus = status;
    if (isFinal(status)) this.abortCompletion();
  }

  private abortCompletion(): void {
    const { completion } = this;
    if (completion === undefined) return;
    const reason = new DOMException(`The ${this.label} has ended: ${this.currentStatus}`, 'AbortError');
    this.home.run(() => completion.abort(reason));
  }

  protected markStarted(): void {
    this.startedAt ??= Date.now();
    this.setStatus(RunnerStatus.Stalled);
  }

  protected markStep(): void {
    this.updatedAt = Date.now();
  }

  protected markWorkOver(failure?: { error: unknown }): void {
    if (this.isWorkOver) return;
    this.isWorkOver = true;
    releaseAll(this.locks);
    this.locks = [];
    if (!isFinal(this.currentStatus)) this.failure = failure;
    this.markUsed();
    this.watchIdleTime();
  }

  /** How the work ended, or is going to be shown to have ended. */
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

  /** The failure in a form for clients. Whoever reads it gets one, also where the application's function throws. */
  protected serializeError(serialize = this.home.sequence.serializeError): SerializedError {
    try {
      return serialize(this.failure?.error);
    } catch (error) {
      this.home.warn(`${this.label}: serializeError`, error);
      return { name: 'Error' };
    }
  }
}

/** @throws BadArgumentError unless the value is undefined or a whole number from `least` on */
export function checkWhole(name: string, value: unknown, least = 0): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= least)) return;
  if (value === Infinity && name !== 'startPosition') return;
  throw new BadArgumentError(`Expected ${name} to be a whole number >= ${least}, got ${shown(value)}`);
}

/** @throws BadArgumentError unless the value is undefined or a number of ms >= 0 */
export function checkWaitMs(value: unknown): void {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return;
  throw new BadArgumentError(`Expected waitMs to be a number >= 0, got ${shown(value)}`);
}

function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : typeof value;
}
