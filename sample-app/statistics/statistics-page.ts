import type { ProcessRunner, RunnerResult } from 'nestjs-active-session';
import type { FolderTotals, TotalsSummary } from './folder-totals.js';

/** What every answer about a statistics runner says: all numbers are of the position. */
export interface StatisticsPage {
  key: string;
  folder: unknown;
  from: number;
  position: number;
  status: ProcessRunner<FolderTotals>['status'];
  progress: ProcessRunner<FolderTotals>['progress'];
  /** From the start to the latest report; before the first one, to now. */
  elapsedMs: number;
  /** Missing before the first report. */
  totals?: TotalsSummary;
  error?: RunnerResult<FolderTotals>['error'];
  ended?: RunnerResult<FolderTotals>['ended'];
}

export function statisticsPage(
  runner: ProcessRunner<FolderTotals>,
  read: RunnerResult<FolderTotals | undefined>,
): StatisticsPage {
  const { result: totals, from, position, status, error, ended } = read;
  const { progress } = runner;
  const now = Date.now();
  return {
    key: runner.key.toString(),
    folder: runner.extraData,
    from,
    position,
    status,
    progress,
    elapsedMs: (progress.updatedAt ?? now) - (progress.startedAt ?? now),
    totals: totals?.summary(),
    error,
    ended,
  };
}
