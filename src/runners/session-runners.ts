import { checkFunction, checkWhole } from '../check-arguments.js';
import { BadArgumentError, LimitReachedError, SessionEndedError } from '../errors.js';
import type { SequenceOptions } from '../options.js';
import { resolveSequence, SEQUENCE_OPTIONS } from '../resolve-options.js';
import { LiveProcessRunner } from './process/live-process-runner.js';
import type { ProcessBody, ProcessRunner } from './process/process-runner.js';
import { releaseAll, type GivenLock } from './holding.js';
import { isFinal, type Runner } from './runner.js';
import type { RunnerBase } from './runner-base.js';
import {
  checkOptions,
  dedupeOf,
  RUNNER_OPTIONS,
  type ProcessOptions,
  type RunnerOptions,
  type RunnerWanted,
  type SequenceRunnerOptions,
  type TimeSeriesOptions,
} from './runner-options.js';
import { RunnerSetup } from './runner-setup.js';
import type { RunnerHome } from './runner-home.js';
import { RunnerKey } from './runner-key.js';
import { LiveSequenceRunner } from './sequence/live-sequence-runner.js';
import type { SequenceRunner } from './sequence/sequence-runner.js';
import { checkSource, type SequenceSource } from './sequence/source.js';
import { checkMeasuring, MEASURING_OPTIONS, type Gauge } from './time-series/measurements.js';
import { TimeSeriesRunner } from './time-series/time-series-runner.js';

// The list holds runners of all results; each gives its own back to whoever asked for it.
type AnyRunner = RunnerBase;

const SEQUENCE_RUNNER_OPTIONS = [...RUNNER_OPTIONS, 'startNow', ...SEQUENCE_OPTIONS];
const TIME_SERIES_OPTIONS = [...SEQUENCE_RUNNER_OPTIONS, ...MEASURING_OPTIONS];
const PROCESS_OPTIONS = [...RUNNER_OPTIONS, 'history'];

/** A runner that a factory is making. */
class Creating {
  /** For whoever wants the runner. */
  readonly runner: Promise<AnyRunner>;
  /** When the factory is over. Never rejects. */
  readonly over: Promise<void>;
  /** Nobody waits for the factory any longer. */
  readonly refuse: (error: unknown) => void;

  constructor(
    readonly number: number,
    readonly dedupe: string | undefined,
    made: Promise<AnyRunner>,
  ) {
    let refuse: (error: unknown) => void = () => undefined;
    const refused = new Promise<never>((_resolve, reject) => (refuse = reject));
    const leave = (): void => undefined;
    this.refuse = refuse;
    this.over = made.then(leave, leave);
    this.runner = Promise.race([made, refused]);
  }
}

/** What the end of a session waits for: a runner, or a factory that is making one. */
export interface Ending {
  readonly label: string;
  readonly whenDisposed: Promise<void>;
}

/** The runners of one session. */
export class SessionRunners {
  private readonly runners = new Map<number, AnyRunner>();
  private readonly byDedupeKey = new Map<string, AnyRunner>();
  /** Those whose disposal is under way, by number. */
  private readonly ending = new Map<number, AnyRunner>();
  /** Those that a factory is making. */
  private readonly creating = new Set<Creating>();
  private nextNumber = 0;

  constructor(private readonly home: RunnerHome) {}

  get view(): ReadonlyMap<number, Runner> {
    return this.runners;
  }

  get unfinishedCount(): number {
    let count = this.creating.size;
    for (const runner of this.runners.values()) if (!runner.isBackgroundCompleted && !isFinal(runner.status)) count++;
    return count;
  }

  createSequence<T>(
    source: SequenceSource<T>,
    options: SequenceRunnerOptions = {},
    locks: readonly GivenLock[] = [],
  ): SequenceRunner<T> {
    checkSource(source);
    checkOptions(options, SEQUENCE_RUNNER_OPTIONS);
    const runner = this.addSequence<T, LiveSequenceRunner<T>>(
      'sequence',
      options,
      locks,
      (setup, sequence) => new LiveSequenceRunner(setup, source, sequence),
    );
    // With the dedupeKey of another one it is not used.
    if (!runner.isOver(source)) runner.closeUnused(source);
    return runner;
  }

  createTimeSeries<T>(
    gauge: Gauge<T>,
    options: TimeSeriesOptions,
    locks: readonly GivenLock[] = [],
  ): TimeSeriesRunner<T> {
    checkOptions(options, TIME_SERIES_OPTIONS);
    const { intervalMs, count, missed, ...others } = options;
    const measuring = { intervalMs, count, missed };
    checkMeasuring(gauge, measuring);
    return this.addSequence(
      'time-series',
      others,
      locks,
      (setup, sequence) => new TimeSeriesRunner(setup, gauge, measuring, sequence),
    );
  }

  createProcess<T>(
    body: ProcessBody<T>,
    options: ProcessOptions = {},
    locks: readonly GivenLock[] = [],
  ): ProcessRunner<T> {
    checkFunction('the body of a process runner', body);
    checkOptions(options, PROCESS_OPTIONS);
    const { history = 0 } = options;
    checkWhole('the option "history" of a process runner', history);
    const runner = this.findOrAdd('process', options, locks, (setup) => new LiveProcessRunner(setup, body, history));
    runner.start();
    return runner;
  }

  /**
   * A runner that a factory makes. Where that fails nothing is left of it.
   * @param make calls the factory
   * @returns rejects with what the factory throws, with BadArgumentError, LimitReachedError and SessionEndedError
   */
  async create(
    make: (setup: RunnerSetup) => Promise<unknown>,
    options: RunnerOptions = {},
    locks: readonly GivenLock[] = [],
  ): Promise<AnyRunner> {
    const dedupe = this.checked(locks, () => {
      checkOptions(options, RUNNER_OPTIONS);
      return dedupeOf('custom', options);
    });
    const existing = dedupe === undefined ? undefined : (this.byDedupeKey.get(dedupe) ?? this.creatingBy(dedupe));
    if (existing !== undefined) {
      releaseAll(locks);
      return existing;
    }
    this.checked(locks, () => this.makeRoom());
    const setup = new RunnerSetup(this.nextNumber++, options.name, { home: this.home, locks });
    const made = this.home.run(async () => {
      // Whatever the factory does: it is known by then that it is at work.
      await Promise.resolve();
      return this.makeWith(setup, make, (runner) => this.add(runner, options, dedupe));
    });
    const creating = new Creating(setup.number, dedupe, made);
    this.creating.add(creating);
    void creating.over.then(() => this.creating.delete(creating));
    return creating.runner;
  }

  /** The runner of a key, where it is of this session, still there, and as wanted. */
  get(key: number | RunnerKey | string, want: RunnerWanted = {}): AnyRunner | undefined {
    const number = typeof key === 'number' ? key : this.numberOf(key);
    const runner = number === undefined ? undefined : this.runners.get(number);
    if (want.kind !== undefined && runner?.kind !== want.kind) return undefined;
    if (want.name !== undefined && runner?.name !== want.name) return undefined;
    return runner;
  }

  /** Resolves when the runner has ended and was disposed of; undefined where there is none, or not any more. */
  trackCleanup(number: number): Promise<void> | undefined {
    return (this.runners.get(number) ?? this.ending.get(number))?.whenDisposed;
  }

  /** All reads that wait answer with what there is. */
  releaseWaits(): void {
    for (const runner of this.runners.values()) runner.callReleaseWaits();
  }

  /** Ends all runners. Those that are ending already are among them. */
  endAll(reason: unknown): readonly Ending[] {
    for (const runner of [...this.runners.values()]) this.end(runner, reason);
    for (const { refuse } of this.creating) refuse(reason);
    return [
      ...this.ending.values(),
      ...[...this.creating].map(({ number, over }) => ({
        label: `the factory of runner ${number}`,
        whenDisposed: over,
      })),
    ];
  }

  private numberOf(key: RunnerKey | string): number | undefined {
    const parsed = typeof key === 'string' ? RunnerKey.tryParse(key) : key;
    return parsed instanceof RunnerKey && parsed.isFor(this.home.owner) ? parsed.number : undefined;
  }

  private findOrAdd<R extends AnyRunner>(
    kind: string,
    options: RunnerOptions,
    locks: readonly GivenLock[],
    make: (setup: RunnerSetup) => R,
  ): R {
    const dedupe = dedupeOf(kind, options);
    const existing = dedupe === undefined ? undefined : this.byDedupeKey.get(dedupe);
    // Kind and name are part of the key: what is found was made by the same kind of call.
    if (existing !== undefined) {
      releaseAll(locks);
      return existing as R;
    }
    this.makeRoom();
    const runner = make(new RunnerSetup(this.nextNumber++, options.name, { home: this.home, locks }));
    this.add(runner, options, dedupe);
    return runner;
  }

  private addSequence<T, R extends LiveSequenceRunner<T>>(
    kind: string,
    { startNow = false, name, dedupeKey, signal, extraData, holds: _given, ...sequence }: SequenceRunnerOptions,
    locks: readonly GivenLock[],
    make: (setup: RunnerSetup, sequence: SequenceOptions) => R,
  ): R {
    // Before anything gives way to it.
    resolveSequence(sequence, this.home.sequence);
    const runner = this.findOrAdd(kind, { name, dedupeKey, signal, extraData }, locks, (setup) =>
      make(setup, sequence),
    );
    if (startNow) runner.start();
    return runner;
  }

  private creatingBy(dedupe: string): Promise<AnyRunner> | undefined {
    return [...this.creating].find((each) => each.dedupe === dedupe)?.runner;
  }

  /** Where it is refused the locks are free. */
  private checked<C>(locks: readonly GivenLock[], check: () => C): C {
    try {
      return check();
    } catch (error) {
      releaseAll(locks);
      throw error;
    }
  }

  private async makeWith(
    setup: RunnerSetup,
    make: (setup: RunnerSetup) => Promise<unknown>,
    add: (runner: AnyRunner) => void,
  ): Promise<AnyRunner> {
    try {
      const runner = await make(setup);
      const own = RunnerSetup.madeWith(setup);
      if (own === undefined || runner !== own)
        throw new BadArgumentError(
          'Expected the factory of a runner to return a runner that it has made with its context. ' +
            'For sequences, time series and processes call the method of the session instead of createRunner().',
        );
      const { endReason } = this.home;
      if (endReason !== undefined) throw new SessionEndedError(endReason);
      add(own);
      return own;
    } catch (error) {
      const left = RunnerSetup.madeWith(setup);
      // What was made has the locks until it has stopped.
      if (left !== undefined) this.end(left, error);
      else RunnerSetup.releaseLocks(setup);
      throw error;
    } finally {
      RunnerSetup.close(setup);
    }
  }

  private add(runner: AnyRunner, { signal, extraData }: RunnerOptions, dedupe: string | undefined): void {
    if (extraData !== undefined) runner.extraData = extraData;
    runner.onExpired = () => this.end(runner, new DOMException('The runner was not read for too long', 'AbortError'));
    this.runners.set(runner.number, runner);
    if (dedupe !== undefined) this.byDedupeKey.set(dedupe, runner);
    runner.watchIdleTime();
    if (signal !== undefined) abortWith(runner, signal);
  }

  private makeRoom(): void {
    const { limit } = this.home;
    if (this.runners.size + this.creating.size < limit) return;
    for (const runner of this.runners.values())
      // Work that was told to stop, and has not stopped yet, is work still.
      if (runner.isBackgroundCompleted || (isFinal(runner.status) && this.ending.size < limit)) {
        this.end(runner, undefined);
        return;
      }
    throw new LimitReachedError('runnersPerSession', limit, 429);
  }

  private end(runner: AnyRunner, reason: unknown): void {
    this.runners.delete(runner.number);
    for (const [key, kept] of this.byDedupeKey) if (kept === runner) this.byDedupeKey.delete(key);
    this.ending.set(runner.number, runner);
    void runner.dispose(reason).then(() => this.ending.delete(runner.number));
  }
}

function abortWith(runner: AnyRunner, signal: AbortSignal): void {
  const abort = (): void => void runner.abort(signal.reason);
  if (signal.aborted) {
    abort();
    return;
  }
  signal.addEventListener('abort', abort, { once: true });
  // Not by the option `signal`: with that, Node forgets to remove it once garbage was collected, and `signal` may live on.
  const leave = (): void => signal.removeEventListener('abort', abort);
  runner.completionSignal.addEventListener('abort', leave, { once: true });
}
