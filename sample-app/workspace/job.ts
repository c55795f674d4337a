import type { ActiveSession, Runner } from 'nestjs-active-session';
import type { JobRequest } from './job-request.js';

/** The name of a job's runner. */
export const WORKSPACE = 'workspace';

/** What a job's runner has as its `extraData`. */
export interface Job {
  readonly request: JobRequest;
  /** When it got the workspace, in epoch milliseconds. */
  readonly since: number;
}

export function jobOf(runner: Runner): Job {
  return runner.extraData as Job;
}

export function jobsOf(session: ActiveSession): Runner[] {
  return [...session.runners.values()].filter(({ name }) => name === WORKSPACE);
}

/** The job that has the workspace: also one that was stopped, until it is cleaned up. */
export function holderIn(session: ActiveSession): Runner | undefined {
  return jobsOf(session).find((runner) => !runner.isBackgroundCompleted);
}
