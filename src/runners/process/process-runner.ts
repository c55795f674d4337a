import type { RunnerResult } from '../runner.js';
import { RunnerBase } from '../runner-base.js';

/**
 * Makes a new report known. It throws once the runner is aborted, which stops a body that does not look at its signal, and
 * after the end of the body; in a timer or a listener of your own nobody catches that.
 * @param estimatedEnd the number of reports that are expected in all
 */
export type Report<T> = (result: T, estimatedEnd?: number) => void;

/** The work of a process runner. What it returns is its last result; nothing returned leaves the last report. */
export type ProcessBody<T> = (report: Report<T>, signal: AbortSignal) => T | void | Promise<T | void>;

/**
 * A runner that works towards one result and reports on its way. Reading never takes anything away: each read gives the
 * latest result. A position is a number of reports; the end of the work counts as one more.
 */
export abstract class ProcessRunner<T = unknown> extends RunnerBase<T | undefined> {
  override readonly kind = 'process';

  /**
   * The reports that are kept (option `history`), oldest first, and without waiting: a read like any other. The end of a body that
   * returns nothing repeats the last report.
   * @param since only those after this number of reports @default all that are kept
   * @returns `from`: the number of the first one; it is greater than `since` where older ones are not kept any more
   * @throws BadArgumentError
   */
  abstract reports(options?: { since?: number }): RunnerResult<T[]>;
}
