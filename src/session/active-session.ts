import type { ProcessBody, ProcessRunner } from '../runners/process/process-runner.js';
import type { Runner } from '../runners/runner.js';
import type { RunnerKey } from '../runners/runner-key.js';
import type { SequenceRunner } from '../runners/sequence/sequence-runner.js';
import type { SequenceSource } from '../runners/sequence/source.js';
import type { RunnerOptions, RunnerWanted, SequenceRunnerOptions } from '../runners/session-runners.js';
import type { ActiveSessionGroup } from './active-session-group.js';
import { LocalSession } from './local-session.js';

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

  /** A function that runs `fn` in this session, whoever calls it: for emitters, pools and shared subjects. */
  // Any function keeps its own type.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  abstract bind<F extends (...args: any[]) => unknown>(fn: F): F;

  /**
   * Starts work that gives a sequence of items, page by page.
   * @param source an Iterable, an AsyncIterable, or a function of an AbortSignal that returns one. Take the signal:
   * nothing else can stop a source while it waits.
   * @throws BadArgumentError for anything else; LimitReachedError; SessionEndedError
   * @example
   * ```ts
   * const runner = session.createSequenceRunner((signal) => search(text, signal), { name: 'search', replay: 'all' });
   * const { result, position, status } = await runner.getRequired({ startPosition: 0 });
   * ```
   */
  abstract createSequenceRunner<T>(source: SequenceSource<T>, options?: SequenceRunnerOptions): SequenceRunner<T>;

  /**
   * Starts work towards one result that reports on its way. It starts at once.
   * @throws BadArgumentError; LimitReachedError; SessionEndedError
   */
  abstract createProcessRunner<T>(body: ProcessBody<T>, options?: RunnerOptions): ProcessRunner<T>;

  /** A runner of this session; undefined where it is not of this session, has gone, or is not as wanted. */
  abstract getRunner<T = unknown>(
    key: number | RunnerKey | string,
    want: RunnerWanted & { kind: 'sequence' },
  ): SequenceRunner<T> | undefined;
  abstract getRunner<T = unknown>(
    key: number | RunnerKey | string,
    want: RunnerWanted & { kind: 'process' },
  ): ProcessRunner<T> | undefined;
  abstract getRunner(key: number | RunnerKey | string, want?: RunnerWanted): Runner | undefined;

  /** Resolves when that runner has ended and was cleaned up; undefined where there is none, or not any more. */
  abstract trackRunnerCleanup(number: number): Promise<void> | undefined;
}
