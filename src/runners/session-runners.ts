import { BadArgumentError, LimitReachedError, SessionEndedError } from '../errors.js';
import type { SequenceOptions } from '../options.js';
import { resolveSequence, SEQUENCE_OPTIONS } from '../resolve-options.js';
import { LiveProcessRunner } from './process/live-process-runner.js';
import type { ProcessBody, ProcessRunner } from './process/process-runner.js';
import { releaseAll, type GivenLock, type Holding } from './holding.js';
import { isFinal, type Runner } from './runner.js';
import { checkWhole, type RunnerBase } from './runner-base.js';
import { RunnerSetup } from './runner-setup.js';
import type { RunnerHome } from './runner-home.js';
import { RunnerKey } from './runner-key.js';
import { LiveSequenceRunner } from './sequence/live-sequence-runner.js';
import type { SequenceRunner } from './sequence/sequence-runner.js';
import { checkSource, type SequenceSource } from './sequence/source.js';
import { checkMeasuring, MEASURING_OPTIONS, type Gauge, type MeasuringOptions } from './time-series/measurements.js';
import { TimeSeriesRunner } from './time-series/time-series-runner.js';

/** Options of every runner. */
export interface RunnerOptions {
  /** What the runner is for; `getRunner()` and `@RunnerParam()` can ask for it. */
  name?: string;
  /** The same key gives the same runner as long as that is kept, finished or not: for double clicks and retried POSTs. */
  dedupeKey?: string;
  /** Aborts the runner when it aborts. */
  signal?: AbortSignal;
  /** The application's own. */
  extraData?: unknown;
  /**
   * A lock, or several, as `SessionLock.acquire()` gives it. It is the runner's from then on: what you still have releases
   * nothing. It is released when the work is over, also when the runner cannot be made, or is there already under its `dedupeKey`.
   */
  holds?: Holding | readonly Holding[];
}

/** Options of a sequence runner. */
export interface SequenceRunnerOptions extends RunnerOptions, SequenceOptions {
  /** Start now, and not with the first `getRequired()`. @default false */
  startNow?: boolean;
}

/** Options of a time series runner. */
export interface TimeSeriesOptions extends SequenceRunnerOptions, MeasuringOptions {}

/** Options of a process runner. */
export interface ProcessOptions extends RunnerOptions {
  /** How many reports, the latest ones, `reports()` can give. @default 0 */
  history?: number;
}

/** Which runner is wanted: one of another kind or name counts as none. */
export interface RunnerWanted {
  kind?: string;
  name?: string;
}

const RUNNER_OPTIONS = ['name', 'dedupeKey', 'signal', 'extraData', 'holds'];

// The list holds runners of all results; each gives its own back to whoever asked for it.
type AnyRunner = RunnerBase;

/** The runners of one session. */
export class SessionRunners {
  private readonly runners = new Map<number, AnyRunner>();
  private readonly byDedupeKey = new Map<string, AnyRunner>();
  /** Those whose disposal is under way, by number. */
  private readonly ending = new Map<number, AnyRunner>();
  /** Those that a factory is making, by number. */
  private readonly creating = new Map<number, Promise<AnyRunner>>();
  private readonly creatingByDedupeKey = new Map<string, Promise<AnyRunner>>();
  private nextNumber = 0;

  constructor(private readonly home: RunnerHome) {}

  get view(): ReadonlyMap<number, Runner> {
    return this.runners;
  }

  get unfinishedCount(): number {
    let count = 0;
    for (const runner of this.runners.values()) if (!runner.isBackgroundCompleted && !isFinal(runner.status)) count++;
    return count;
  }

  createSequence<T>(
    source: SequenceSource<T>,
    options: SequenceRunnerOptions = {},
    locks: readonly GivenLock[] = [],
  ): SequenceRunner<T> {
    checkSource(source);
    checkOptions(options, [...RUNNER_OPTIONS, 'startNow', ...SEQUENCE_OPTIONS]);
    return this.addSequence(
      'sequence',
      options,
      locks,
      (setup, sequence) => new LiveSequenceRunner(setup, source, sequence),
    );
  }

  createTimeSeries<T>(
    gauge: Gauge<T>,
    options: TimeSeriesOptions,
    locks: readonly GivenLock[] = [],
  ): TimeSeriesRunner<T> {
    checkOptions(options, [...RUNNER_OPTIONS, 'startNow', ...MEASURING_OPTIONS, ...SEQUENCE_OPTIONS]);
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
    if (typeof body !== 'function')
      throw new BadArgumentError('Expected the body of a process runner to be a function');
    checkOptions(options, [...RUNNER_OPTIONS, 'history']);
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
    checkOptions(options, RUNNER_OPTIONS);
    const dedupe = dedupeOf('custom', options);
    const existing =
      dedupe === undefined ? undefined : (this.byDedupeKey.get(dedupe) ?? this.creatingByDedupeKey.get(dedupe));
    if (existing !== undefined) {
      releaseAll(locks);
      return existing;
    }
    this.makeRoom();
    const setup = new RunnerSetup(this.nextNumber++, options.name, { home: this.home, locks });
    const made = this.home.run(() => this.makeWith(setup, make));
    const creating = made.then((runner) => {
      this.add(runner, options, dedupe);
      return runner;
    });
    this.creating.set(setup.number, creating);
    if (dedupe !== undefined) this.creatingByDedupeKey.set(dedupe, creating);
    try {
      return await creating;
    } catch (error) {
      releaseAll(locks);
      throw error;
    } finally {
      this.creating.delete(setup.number);
      if (dedupe !== undefined) this.creatingByDedupeKey.delete(dedupe);
    }
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
    for (const runner of this.runners.values()) runner.releaseWaits();
  }

  /** Ends all runners. Those that are ending already are among them. */
  endAll(reason: unknown): { label: string; ended: Promise<void> }[] {
    for (const runner of [...this.runners.values()]) this.end(runner, reason);
    const leave = (): void => undefined;
    return [
      ...[...this.ending.values()].map((runner) => ({ label: runner.label, ended: runner.whenDisposed })),
      ...[...this.creating].map(([number, made]) => ({
        label: `the factory of runner ${number}`,
        ended: made.then(leave, leave),
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

  private async makeWith(setup: RunnerSetup, make: (setup: RunnerSetup) => Promise<unknown>): Promise<AnyRunner> {
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
      return own;
    } catch (error) {
      const left = RunnerSetup.madeWith(setup);
      if (left !== undefined) this.end(left, error);
      throw error;
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

/** Calls of one kind with the same key, and name, are for the same runner. */
function dedupeOf(kind: string, { name, dedupeKey }: RunnerOptions): string | undefined {
  return dedupeKey === undefined ? undefined : JSON.stringify([kind, name, dedupeKey]);
}

/** @throws BadArgumentError that names the option */
function checkOptions(options: RunnerOptions, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new BadArgumentError(`There is no option "${unknown}" of a runner. Known are: ${known.join(', ')}`);
  for (const key of ['name', 'dedupeKey'] as const)
    if (options[key] !== undefined && typeof options[key] !== 'string')
      throw new BadArgumentError(`Expected the option "${key}" of a runner to be a string`);
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal))
    throw new BadArgumentError('Expected the option "signal" of a runner to be an AbortSignal');
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
