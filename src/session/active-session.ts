import type { ProcessBody, ProcessRunner } from '../runners/process/process-runner.js';
import type { Runner } from '../runners/runner.js';
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
import type { Gauge } from '../runners/time-series/measurements.js';
import type { TimeSeriesRunner } from '../runners/time-series/time-series-runner.js';
import type { ActiveSessionGroup } from './active-session-group.js';
import { LocalSession } from './local-session.js';
import type { RunnerFactory } from './runner-factory.js';

/**
 * The live object of one user's session in this process: it owns runners, scoped services and properties. Inject it into
 * a handler with `@InjectActiveSession()`, or into a constructor by its type.
 */
export abstract class ActiveSession extends LocalSession {
  /** What all active sessions of the user session share. */
  abstract readonly group: ActiveSessionGroup;
  /** The id of the group. */
  abstract readonly baseId: string;
  /** Chooses among the active sessions of a user session; `''` for the one without. */
  abstract readonly suffix: string;
  /** 1, 2, 3 ... Each end makes room for the next. */
  abstract readonly generation: number;
  /** Part of runner keys: no other group object has the same, in no process. */
  abstract readonly stamp: string;
  /** Whether no runner was created or looked up yet. */
  abstract readonly isFresh: boolean;
  /** By number, a live view. */
  abstract readonly runners: ReadonlyMap<number, Runner>;

  /** Restarts the idle clock. */
  abstract touch(): void;

  /**
   * A function that runs `fn` in this session, whoever calls it: for emitters, pools and shared subjects.
   * @throws BadArgumentError for what is no function
   */
  // Any function keeps its own type.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  abstract bind<F extends (...args: any[]) => unknown>(fn: F): F;

  /**
   * Starts work that gives a sequence of items, page by page.
   * @param source an Iterable, an AsyncIterable, a stream of Node or of the web, an Observable, or a function of an AbortSignal
   * that returns one. Take the signal: nothing else can stop a generator while it waits.
   * @throws BadArgumentError for anything else; BadArgumentError and TypeError that name the option; LimitReachedError; SessionEndedError
   * @example
   * ```ts
   * const runner = session.createSequenceRunner((signal) => search(text, signal), { name: 'search', replay: 'all' });
   * const { result, position, status } = await runner.getRequired({ startPosition: 0 });
   * ```
   */
  abstract createSequenceRunner<T>(source: SequenceSource<T>, options?: SequenceRunnerOptions): SequenceRunner<T>;

  /**
   * Starts work that measures something again and again, in equal intervals.
   * @param gauge gives a value, or a promise of one
   * @throws BadArgumentError and TypeError that name the option; LimitReachedError; SessionEndedError
   * @example
   * ```ts
   * const runner = session.createTimeSeriesRunner(() => process.memoryUsage().heapUsed, { intervalMs: 1_000, count: 60 });
   * ```
   */
  abstract createTimeSeriesRunner<T>(gauge: Gauge<T>, options: TimeSeriesOptions): TimeSeriesRunner<T>;

  /**
   * Starts work towards one result that reports on its way. It starts at once.
   * @throws BadArgumentError; LimitReachedError; SessionEndedError
   */
  abstract createProcessRunner<T>(body: ProcessBody<T>, options?: ProcessOptions): ProcessRunner<T>;

  /**
   * Starts a runner of the application's own, which a factory makes: in the session, with scoped providers and `await`. Where
   * that fails nothing is left of it.
   * @param factory a function, or the token of a provider with `create(request, context)`
   * @param request handed to the factory
   * @returns rejects with what the factory throws, or Nest where it does not know the token; BadArgumentError where it returns no runner made with its context;
   * LimitReachedError; SessionEndedError
   * @example
   * ```ts
   * const runner = await session.createRunner(SearchFactory, { text }, { name: 'search', dedupeKey });
   * ```
   */
  abstract createRunner<Q, R>(factory: RunnerFactory<Q, R>, request: Q, options?: RunnerOptions): Promise<Runner<R>>;

  /**
   * A runner of this session; undefined where it is not of this session, has gone, or is not as wanted.
   * @throws BadArgumentError for a `want` that is no object; SessionEndedError
   */
  abstract getRunner<T = unknown>(
    key: number | RunnerKey | string,
    want: RunnerWanted & { kind: 'sequence' },
  ): SequenceRunner<T> | undefined;
  abstract getRunner<T = unknown>(
    key: number | RunnerKey | string,
    want: RunnerWanted & { kind: 'process' },
  ): ProcessRunner<T> | undefined;
  abstract getRunner<T = unknown>(
    key: number | RunnerKey | string,
    want: RunnerWanted & { kind: 'time-series' },
  ): TimeSeriesRunner<T> | undefined;
  abstract getRunner(key: number | RunnerKey | string, want?: RunnerWanted): Runner | undefined;

  /** Resolves when that runner has ended and was cleaned up; undefined where there is none, or not any more. */
  abstract trackRunnerCleanup(number: number): Promise<void> | undefined;
}
