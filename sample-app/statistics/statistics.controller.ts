import { Body, Controller, Delete, Get, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ActiveSession, InjectActiveSession, ProcessRunner, RequestSignal, RunnerParam } from 'nestjs-active-session';
import type { FolderTotals } from './folder-totals.js';
import { type StatisticsPage, statisticsPage } from './statistics-page.js';
import { StatisticsRequest } from './statistics-request.js';
import { STATISTICS, StatisticsService } from './statistics.service.js';
import { WaitQuery } from './wait-query.js';

const FIRST_REPORT_WAIT_MS = 200;

@Controller('api/statistics')
export class StatisticsController {
  constructor(private readonly statistics: StatisticsService) {}

  @Post()
  async start(
    @InjectActiveSession() session: ActiveSession,
    @Body() request: StatisticsRequest,
    @RequestSignal() signal: AbortSignal,
    @Res({ passthrough: true }) res: Response,
  ): Promise<StatisticsPage> {
    const runner = await this.statistics.start(session, request);
    res.location(`/api/statistics/${runner.key.toString()}`);
    const read = await runner.getRequired({ startPosition: 0, advance: 1, waitMs: FIRST_REPORT_WAIT_MS, signal });
    return statisticsPage(runner, read);
  }

  /** For a page that follows, and for its triggers: any number of them can wait at once, each for a position of its own. */
  @Get(':key')
  async read(
    @RunnerParam('key', { kind: 'process', name: STATISTICS }) runner: ProcessRunner<FolderTotals>,
    @Query() { from: startPosition, advance = 1, wait = 0 }: WaitQuery,
    @RequestSignal() signal: AbortSignal,
  ): Promise<StatisticsPage> {
    const waitMs = Math.ceil(wait * 1_000);
    return statisticsPage(runner, await runner.getRequired({ startPosition, advance, waitMs, signal }));
  }

  @Delete(':key')
  stop(@RunnerParam('key', { kind: 'process', name: STATISTICS }) runner: ProcessRunner<FolderTotals>): {
    status: string;
  } {
    return { status: runner.abort() };
  }
}
