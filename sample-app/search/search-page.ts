import type { RunnerResult, SequenceRunner } from 'nestjs-active-session';
import type { FoundLine } from '../files/search-files.js';

/** What every answer about a search says. `rows` are exactly the rows `[from, position)`. */
export interface SearchPage {
  key: string;
  from: number;
  position: number;
  status: SequenceRunner<FoundLine>['status'];
  progress: SequenceRunner<FoundLine>['progress'];
  rows: FoundLine[];
  error?: RunnerResult<FoundLine[]>['error'];
  ended?: RunnerResult<FoundLine[]>['ended'];
}

export function searchPage(runner: SequenceRunner<FoundLine>, read: RunnerResult<FoundLine[]>): SearchPage {
  const { result: rows, from, position, status, error, ended } = read;
  return { key: runner.key.toString(), from, position, status, progress: runner.progress, rows, error, ended };
}
