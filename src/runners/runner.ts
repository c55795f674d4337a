import type { Observable } from 'rxjs';
import type { SessionEndReason } from '../errors.js';
import type { SerializedError } from '../serialized-error.js';
import type { RunnerId, RunnerKey } from './runner-key.js';

export enum RunnerStatus {
  /** Nothing was asked of it yet. */
  NotStarted = 'not-started',
  /** It works, and there is nothing unread. */
  Stalled = 'stalled',
  /** There is something unread. */
  Progressed = 'progressed',
  /** It has done its work, and all of it was read. */
  Completed = 'completed',
  /** It has failed, and all that it had made before was read. */
  Failed = 'failed',
  /** It was stopped. */
  Aborted = 'aborted',
}

/** Whether nothing more can come. */
export function isFinal(status: RunnerStatus): boolean {
  return status === RunnerStatus.Completed || status === RunnerStatus.Failed || status === RunnerStatus.Aborted;
}

/** What one read gives. */
export interface RunnerResult<R> {
  result: R;
  /** Where the result begins. For a sequence the items are exactly those of `[from, position)`. */
  from: number;
  /** Where the next read begins. */
  position: number;
  status: RunnerStatus;
  /** Why it failed, in a form for clients. */
  error?: SerializedError;
  /** The session has ended, and why. */
  ended?: SessionEndReason;
}

/** How far the work is, read or not. */
export interface RunnerProgress {
  reached: number;
  /** Where the work is going to end, as far as that is known. */
  estimatedEnd?: number;
  /** Epoch milliseconds; undefined before the start. */
  startedAt?: number;
  /** Epoch milliseconds of the last step. */
  updatedAt?: number;
  ratePerSecond?: number;
  /** Milliseconds to go, where the end is estimated. */
  etaMs?: number;
}

/** How a runner is at one moment. */
export interface RunnerChange {
  status: RunnerStatus;
  /** How far it was read. */
  position: number;
  progress: RunnerProgress;
}

export interface GetAvailableOptions {
  /** How many items, or steps, at most. @default all there are */
  advance?: number;
  /** The reader's cursor: see docs/guide/reading.md. @default where the last read ended */
  startPosition?: number;
}

export interface GetRequiredOptions {
  /**
   * How many items, or steps, to wait for. For a sequence so many are read ahead, also beyond `queueLimit`: where the number comes
   * from a client, put a bound to it.
   * @default the sequence option `defaultAdvance`; of a process 1 step, or none where `startPosition` is given
   */
  advance?: number;
  /** Answer with so many already. @default `advance` */
  atLeast?: number;
  /** Answer after so long with what there is, in ms. @default wait on */
  waitMs?: number;
  /** The reader's cursor: see docs/guide/reading.md. @default where the last read ended */
  startPosition?: number;
  /** Stops waiting: the read is rejected with the signal's reason, and loses nothing. */
  signal?: AbortSignal;
}

/** A background operation of one active session. */
export abstract class Runner<R = unknown> {
  abstract readonly id: RunnerId;
  /** 0, 1, 2 ... in its session. */
  abstract readonly number: number;
  /** What the browser gets. */
  abstract readonly key: RunnerKey;
  abstract readonly name: string | undefined;
  abstract readonly kind: string;
  /** Turns final when its reader has seen the end. */
  abstract readonly status: RunnerStatus;
  /** How far it was read. */
  abstract readonly position: number;
  abstract readonly progress: RunnerProgress;
  /**
   * Tells whoever subscribes how the runner is, then each change of status, position and progress, the latest one at most every
   * 100 ms. It completes with the final status, or when the runner is disposed of.
   */
  abstract readonly changes$: Observable<RunnerChange>;
  /** Whether the work has ended, read or not. */
  abstract readonly isBackgroundCompleted: boolean;
  /** Why the work failed, as soon as it did. */
  abstract readonly error: unknown;
  /** What {@link abort} was called with. */
  abstract readonly abortReason: unknown;
  /** The application's own. */
  extraData: unknown;
  /** Aborts when the status turns final, or when the runner is disposed of. */
  abstract readonly completionSignal: AbortSignal;

  /** What there is, at once. It does not start a runner. @throws BadArgumentError, PositionGoneError */
  abstract getAvailable(options?: GetAvailableOptions): RunnerResult<R>;

  /**
   * Starts the runner where need be and waits for what is asked for.
   * @returns rejects with BadArgumentError, PositionGoneError, or the reason of `signal`
   */
  abstract getRequired(options?: GetRequiredOptions): Promise<RunnerResult<R>>;

  /**
   * Stops the runner. That is final for readers at once: what they have not read is dropped, what they have read can be
   * read again, and reads that wait answer with what they have collected.
   * @returns the status: a runner that has ended before stays as it is
   */
  abstract abort(reason?: unknown): RunnerStatus;
}
