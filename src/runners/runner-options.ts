import { checkObject } from '../check-arguments.js';
import { BadArgumentError } from '../errors.js';
import type { SequenceOptions } from '../options.js';
import type { Holding } from './holding.js';
import type { MeasuringOptions } from './time-series/measurements.js';

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

export const RUNNER_OPTIONS = ['name', 'dedupeKey', 'signal', 'extraData', 'holds'];

/** Calls of one kind with the same key, and name, are for the same runner. */
export function dedupeOf(kind: string, { name, dedupeKey }: RunnerOptions): string | undefined {
  return dedupeKey === undefined ? undefined : JSON.stringify([kind, name, dedupeKey]);
}

/** @throws BadArgumentError that names the option */
export function checkOptions(options: RunnerOptions, known: readonly string[]): void {
  checkObject('the options of a runner', options);
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new BadArgumentError(`There is no option "${unknown}" of a runner. Known are: ${known.join(', ')}`);
  for (const key of ['name', 'dedupeKey'] as const)
    if (options[key] !== undefined && typeof options[key] !== 'string')
      throw new BadArgumentError(`Expected the option "${key}" of a runner to be a string`);
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal))
    throw new BadArgumentError('Expected the option "signal" of a runner to be an AbortSignal');
}
