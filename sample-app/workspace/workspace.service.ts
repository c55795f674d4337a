import { Injectable } from '@nestjs/common';
import { type ActiveSession, InjectSessionLock, type SequenceRunner, SessionLock } from 'nestjs-active-session';
import { type Job, jobOf, jobsOf, WORKSPACE } from './job.js';
import type { JobRequest } from './job-request.js';
import { type JobLine, jobSource } from './job-source.js';
import { WaitingJobs } from './waiting-jobs.js';
import { Workspace } from './workspace.js';

@Injectable()
export class WorkspaceService {
  constructor(
    @InjectSessionLock(Workspace) private readonly lock: SessionLock<Workspace>,
    private readonly waiting: WaitingJobs,
  ) {}

  /** Waits until no other job has the workspace, however long that takes. */
  async start(session: ActiveSession, request: JobRequest, signal: AbortSignal): Promise<SequenceRunner<JobLine>> {
    // Sent again after its answer was lost, it must not wait for the job that it has started itself.
    const started = jobsOf(session).find((runner) => dedupeKeyOf(jobOf(runner).request) === dedupeKeyOf(request));
    if (started !== undefined) return started as SequenceRunner<JobLine>;
    const endWaiting = this.waiting.add(request);
    try {
      const holds = await this.lock.acquire({ timeoutMs: Infinity, signal });
      const extraData: Job = { request, since: Date.now() };
      return session.createSequenceRunner(jobSource(holds.service, request), {
        name: WORKSPACE,
        holds, // From here on the lock is the runner's, which lets it go when the workspace is cleared.
        extraData,
        replay: 'all',
        dedupeKey: dedupeKeyOf(request),
        startNow: true,
      });
    } finally {
      endWaiting();
    }
  }
}

/** Names the job too: a client that uses its key again for another job gets the other job. */
function dedupeKeyOf({ dedupeKey, steps, delayMs }: JobRequest): string {
  return JSON.stringify([dedupeKey, steps, delayMs]);
}
