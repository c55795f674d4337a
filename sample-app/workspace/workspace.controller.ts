import { Body, Controller, Delete, Get, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ActiveSession, InjectActiveSession, RequestSignal, RunnerParam, SequenceRunner } from 'nestjs-active-session';
import { PositionQuery } from '../http/position-query.js';
import { holderIn, WORKSPACE } from './job.js';
import { type JobPage, jobPage } from './job-page.js';
import { JobRequest, MAX_STEPS } from './job-request.js';
import type { JobLine } from './job-source.js';
import { holderJson, type WorkspaceJson } from './workspace-json.js';
import { WaitingJobs } from './waiting-jobs.js';
import { WorkspaceService } from './workspace.service.js';

@Controller('api/workspace')
export class WorkspaceController {
  constructor(
    private readonly workspaces: WorkspaceService,
    private readonly waiting: WaitingJobs,
  ) {}

  @Get()
  show(@InjectActiveSession() session: ActiveSession): WorkspaceJson {
    const holder = holderIn(session);
    return { holder: holder && holderJson(holder), waiting: this.waiting.list() };
  }

  /** Answers when the job has got the workspace. Whoever goes away before that waits no longer. */
  @Post('jobs')
  async start(
    @InjectActiveSession() session: ActiveSession,
    @Body() request: JobRequest,
    @RequestSignal() signal: AbortSignal,
    @Res({ passthrough: true }) res: Response,
  ): Promise<JobPage> {
    const runner = await this.workspaces.start(session, request, signal);
    res.location(`/api/workspace/jobs/${runner.key.toString()}`);
    return jobPage(runner, runner.getAvailable({ startPosition: 0 }));
  }

  @Get('jobs/:key')
  async read(
    @RunnerParam('key', { kind: 'sequence', name: WORKSPACE }) runner: SequenceRunner<JobLine>,
    @Query() { from: startPosition, wait = 0 }: PositionQuery,
    @RequestSignal() signal: AbortSignal,
  ): Promise<JobPage> {
    const waitMs = Math.ceil(wait * 1_000);
    const read = await runner.getRequired({ startPosition, advance: MAX_STEPS, atLeast: 1, waitMs, signal });
    return jobPage(runner, read);
  }

  /** Its lock is free when it has cleaned up: a moment later. */
  @Delete('jobs/:key')
  stop(@RunnerParam('key', { kind: 'sequence', name: WORKSPACE }) runner: SequenceRunner<JobLine>): { status: string } {
    return { status: runner.abort() };
  }
}
