import { SessionScoped } from 'nestjs-active-session';
import type { JobRequest } from './job-request.js';

export interface WaitingJob {
  dedupeKey: string;
  steps: number;
  delayMs: number;
  /** Epoch milliseconds. */
  since: number;
}

/** The jobs of one session that wait for the workspace, in the order of their turns. */
@SessionScoped()
export class WaitingJobs {
  private readonly jobs = new Set<WaitingJob>();

  /** @returns ends the waiting; also when the session, and with it this list, has ended meanwhile */
  add({ dedupeKey, steps, delayMs }: JobRequest): () => void {
    const job = { dedupeKey, steps, delayMs, since: Date.now() };
    this.jobs.add(job);
    return () => void this.jobs.delete(job);
  }

  list(): WaitingJob[] {
    return [...this.jobs];
  }
}
