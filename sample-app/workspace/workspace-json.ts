import type { Runner } from 'nestjs-active-session';
import { jobOf } from './job.js';
import type { WaitingJob } from './waiting-jobs.js';

export interface HolderJson {
  key: string;
  steps: number;
  delayMs: number;
  /** Epoch milliseconds. */
  since: number;
  status: string;
  stepsDone: number;
}

export interface WorkspaceJson {
  holder?: HolderJson;
  waiting: WaitingJob[];
}

export function holderJson(runner: Runner): HolderJson {
  const { key, status, progress } = runner;
  const { request, since } = jobOf(runner);
  const { steps, delayMs } = request;
  return { key: key.toString(), steps, delayMs, since, status, stepsDone: progress.reached };
}
