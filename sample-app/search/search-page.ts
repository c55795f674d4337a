import type { RunnerResult, SequenceRunner } from 'nestjs-active-session';
import type { FileProgress, FileProgressJson } from '../files/file-progress.js';
import type { FoundLine } from '../files/search-files.js';

/** What every answer about a search says. `rows` are exactly the rows `[from, position)`. */
export interface SearchPage {
  key: string;
  from: number;
  position: number;
  status: SequenceRunner<FoundLine>['status'];
  progress: SequenceRunner<FoundLine>['progress'];
  files: FileProgressJson;
  rows: FoundLine[];
  error?: RunnerResult<FoundLine[]>['error'];
  ended?: RunnerResult<FoundLine[]>['ended'];
}

export function searchPage(runner: SequenceRunner<FoundLine>, read: RunnerResult<FoundLine[]>): SearchPage {
  const { key, progress } = runner;
  const { result: rows, from, position, status, error, ended } = read;
  const files = filesOf(runner).toJSON();
  return { key: key.toString(), from, position, status, progress, files, rows, error, ended };
}

/** What its `extraData` is. */
function filesOf(runner: SequenceRunner<FoundLine>): FileProgress {
  return runner.extraData as FileProgress;
}
