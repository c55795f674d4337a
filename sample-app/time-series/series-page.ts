import type { RunnerResult, TimePoint, TimeSeriesRunner } from 'nestjs-active-session';
import type { ProcessLoad } from './process-gauge.js';

export type SeriesRunner = TimeSeriesRunner<ProcessLoad>;

/** What every answer about a series says. `points` are exactly the measurements `[from, position)`. */
export interface SeriesPage {
  key: string;
  plan: unknown;
  from: number;
  position: number;
  status: SeriesRunner['status'];
  progress: SeriesRunner['progress'];
  points: ({ at: Date } & ProcessLoad)[];
  error?: RunnerResult<unknown>['error'];
  ended?: RunnerResult<unknown>['ended'];
}

export function seriesPage(runner: SeriesRunner, read: RunnerResult<TimePoint<ProcessLoad>[]>): SeriesPage {
  const { result, from, position, status, error, ended } = read;
  return {
    key: runner.key.toString(),
    plan: runner.extraData,
    from,
    position,
    status,
    progress: runner.progress,
    points: result.map(({ at, value }) => ({ at, ...value })),
    error,
    ended,
  };
}
