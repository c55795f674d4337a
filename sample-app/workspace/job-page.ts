import type { RunnerResult, SequenceRunner } from 'nestjs-active-session';
import { jobOf } from './job.js';
import type { JobLine } from './job-source.js';

/** `lines` are exactly the lines `[from, position)`. */
export interface JobPage {
  key: string;
  steps: number;
  delayMs: number;
  /** When it got the workspace, in epoch milliseconds. */
  since: number;
  from: number;
  position: number;
  status: string;
  lines: JobLine[];
  error?: RunnerResult<JobLine[]>['error'];
  ended?: RunnerResult<JobLine[]>['ended'];
}

export function jobPage(runner: SequenceRunner<JobLine>, read: RunnerResult<JobLine[]>): JobPage {
  const { result: lines, from, position, status, error, ended } = read;
  const { request, since } = jobOf(runner);
  const { steps, delayMs } = request;
  return { key: runner.key.toString(), steps, delayMs, since, from, position, status, lines, error, ended };
}
