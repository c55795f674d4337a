import { checkObject, checkSignal, checkWaitMs, checkWhole } from '../../check-arguments.js';
import type { ClockTimer } from '../../clock.js';
import { ActiveSessionError } from '../../errors.js';
import {
  isFinal,
  RunnerStatus,
  type GetAvailableOptions,
  type GetRequiredOptions,
  type RunnerResult,
} from '../runner.js';
import type { RunnerSetup } from '../runner-setup.js';
import { isAbortOf } from '../stopping.js';
import { ProcessRunner, type ProcessBody } from './process-runner.js';

type Result<T> = RunnerResult<T | undefined>;

interface Wait<T> {
  readonly from: number;
  readonly target: number;
  settle(result: Result<T>): void;
}

/** The process runner over a body, which starts at once. */
export class LiveProcessRunner<T> extends ProcessRunner<T> {
  private latest: T | undefined;
  private reportCount = 0;
  /** The latest reports, oldest first. */
  private readonly kept: T[] = [];
  private estimate: number | undefined;
  private currentPosition = 0;
  /** Ascending by target; equal targets in order of arrival. */
  private readonly waits: Wait<T>[] = [];
  private work: Promise<void> | undefined;

  constructor(
    setup: RunnerSetup,
    private readonly body: ProcessBody<T>,
    /** How many reports are kept. */
    private readonly history: number,
  ) {
    super(setup);
  }

  override get position(): number {
    return this.currentPosition;
  }

  override get status(): RunnerStatus {
    const status = super.status;
    return status === RunnerStatus.Stalled && this.currentPosition < this.reportCount
      ? RunnerStatus.Progressed
      : status;
  }

  protected override get reached(): number {
    return this.reportCount;
  }

  protected override get estimatedEnd(): number | undefined {
    return super.estimatedEnd ?? this.estimate;
  }

  start(): void {
    void this.startRunning();
  }

  protected override onStart(): void {
    this.work = this.runBody();
  }

  override getAvailable(options: GetAvailableOptions = {}): Result<T> {
    checkObject('the options of a read', options);
    const { advance = Infinity, startPosition } = options;
    checkWhole('advance', advance);
    checkWhole('startPosition', startPosition);
    this.markUsed();
    return this.answer(startPosition ?? this.currentPosition);
  }

  override async getRequired(options: GetRequiredOptions = {}): Promise<Result<T>> {
    checkObject('the options of a read', options);
    const { startPosition, waitMs, signal } = options;
    checkWhole('advance', options.advance);
    checkWhole('atLeast', options.atLeast);
    checkWhole('startPosition', startPosition);
    checkWaitMs(waitMs);
    checkSignal(signal);
    this.markUsed();
    const from = startPosition ?? this.currentPosition;
    const advance = options.advance ?? (startPosition === undefined ? 1 : 0);
    const target = from + Math.min(options.atLeast ?? advance, advance);
    if (target <= this.reportCount || this.isBackgroundCompleted || isFinal(super.status)) return this.answer(from);
    if (signal?.aborted === true) throw signal.reason as Error;
    if (waitMs === 0) return this.answer(from);
    return this.wait(from, target, waitMs, signal);
  }

  override reports(options: { since?: number } = {}): RunnerResult<T[]> {
    checkObject('the options of a read', options);
    const { since = 0 } = options;
    checkWhole('since', since);
    const { kept, reportCount } = this;
    const oldest = reportCount - kept.length;
    const from = Math.min(Math.max(since, oldest), reportCount);
    return this.see(kept.slice(from - oldest), from);
  }

  override releaseWaits(): void {
    this.settleWaits(Infinity);
  }

  protected override onAbort(): void {
    this.setStatus(RunnerStatus.Aborted);
    this.settleWaits(Infinity);
  }

  protected override async onDispose(): Promise<void> {
    // What disposes of it may be the first step of its own body: then start() has not come back yet.
    await Promise.resolve();
    await this.work;
  }

  private async runBody(): Promise<void> {
    try {
      const result = await this.body((value, estimatedEnd) => this.report(value, estimatedEnd), this.workSignal);
      if (!isFinal(super.status)) this.accept(result === undefined ? this.latest : result, undefined);
      this.markWorkOver();
    } catch (error) {
      if (isFinal(super.status) && !isAbortOf(this.workSignal, error))
        this.home.warn(`${this.label}: its body, while it was being stopped`, error);
      this.markWorkOver({ error });
    }
    this.settleWaits(Infinity);
  }

  /** Called by the body. An aborted body is stopped by its own report, if it does not look at its signal. */
  private report(value: T, estimatedEnd: number | undefined): void {
    if (super.status === RunnerStatus.Aborted) throw this.workSignal.reason;
    if (this.isBackgroundCompleted)
      throw new ActiveSessionError(
        'BAD_ARGUMENT',
        `${this.label} reported after its body had ended; await what reports before returning`,
      );
    this.accept(value, estimatedEnd);
    this.settleWaits(this.reportCount);
  }

  private accept(value: T | undefined, estimatedEnd: number | undefined): void {
    this.latest = value;
    this.estimate = estimatedEnd;
    if (this.history > 0) {
      // The end of a body that returns nothing repeats the last report.
      this.kept.push(value as T);
      if (this.kept.length > this.history) this.kept.shift();
    }
    this.reportCount++;
    this.markStep();
  }

  private wait(
    from: number,
    target: number,
    waitMs: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Result<T>> {
    return new Promise((resolve, reject) => {
      let timer: ClockTimer | undefined;
      const leave = (): void => {
        const index = this.waits.indexOf(wait);
        if (index >= 0) this.waits.splice(index, 1);
        timer?.cancel();
        signal?.removeEventListener('abort', onAbort);
        this.markUsed();
      };
      const wait: Wait<T> = {
        from,
        target,
        settle: (result) => {
          leave();
          resolve(result);
        },
      };
      const onAbort = (): void => {
        leave();
        reject(signal?.reason);
      };
      if (waitMs !== undefined && waitMs !== Infinity)
        timer = this.home.clock.setTimeout(() => wait.settle(this.answer(from)), waitMs);
      signal?.addEventListener('abort', onAbort);
      const after = this.waits.findIndex((other) => other.target > target);
      this.waits.splice(after < 0 ? this.waits.length : after, 0, wait);
    });
  }

  /** Answers the waits whose target is reached; all of them when nothing more can come. */
  private settleWaits(reached: number): void {
    for (let [first] = this.waits; first !== undefined && first.target <= reached; [first] = this.waits)
      first.settle(this.answer(first.from));
  }

  /** The latest result, whatever was asked for: being behind is no error. */
  private answer(from: number): Result<T> {
    return this.see(this.latest, from);
  }

  /** The reader has seen all that there is so far. */
  private see<V>(result: V, from: number): RunnerResult<V> {
    const status = this.statusNow();
    this.currentPosition = Math.max(this.currentPosition, this.reportCount);
    this.setStatus(status);
    return this.resultOf(result, from, this.reportCount, status);
  }

  private statusNow(): RunnerStatus {
    const status = super.status;
    if (isFinal(status) || status === RunnerStatus.NotStarted) return status;
    return this.isBackgroundCompleted ? this.outcome : RunnerStatus.Stalled;
  }
}
