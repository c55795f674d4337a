import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { JobRequest } from './job-request.js';
import type { Workspace } from './workspace.js';

export interface JobLine {
  step: number;
  /** Epoch milliseconds. */
  at: number;
  heapUsedBytes: number;
}

/** Each step notes how much memory the process uses. The workspace is cleared however the job ends. */
export function jobSource(workspace: Workspace, { steps, delayMs }: Pick<JobRequest, 'steps' | 'delayMs'>) {
  return async function* (signal: AbortSignal): AsyncGenerator<JobLine, void, undefined> {
    const job = randomUUID();
    try {
      for (let step = 1; step <= steps; step += 1) {
        await setTimeout(delayMs, undefined, { signal });
        const line = { step, at: Date.now(), heapUsedBytes: process.memoryUsage().heapUsed };
        await workspace.write(job, JSON.stringify(line));
        yield line;
      }
    } finally {
      await workspace.clear();
    }
  };
}
