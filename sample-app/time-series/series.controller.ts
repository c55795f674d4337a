import { Body, Controller, Delete, Get, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ActiveSession, InjectActiveSession, RequestSignal, RunnerParam } from 'nestjs-active-session';
import { ProcessGauge } from './process-gauge.js';
import { type SeriesPage, seriesPage, type SeriesRunner } from './series-page.js';
import { SeriesQuery } from './series-query.js';
import { SeriesRequest } from './series-request.js';

const SERIES = 'series';
const FIRST_POINT_WAIT_MS = 200;
/** In one answer: a reload reads what it has lost in several. */
const MAX_POINTS_PER_ANSWER = 1_000;

@Controller('api/time-series')
export class SeriesController {
  @Post()
  async start(
    @InjectActiveSession() session: ActiveSession,
    @Body() request: SeriesRequest,
    @RequestSignal() signal: AbortSignal,
    @Res({ passthrough: true }) res: Response,
  ): Promise<SeriesPage> {
    const runner = startSeries(session, request);
    res.location(`/api/time-series/${runner.key.toString()}`);
    const options = { startPosition: 0, advance: MAX_POINTS_PER_ANSWER, atLeast: 1 };
    return seriesPage(runner, await runner.getRequired({ ...options, waitMs: FIRST_POINT_WAIT_MS, signal }));
  }

  @Get(':key')
  async read(
    @RunnerParam('key', { kind: 'time-series', name: SERIES }) runner: SeriesRunner,
    @Query() { from: startPosition, wait = 0 }: SeriesQuery,
    @RequestSignal() signal: AbortSignal,
  ): Promise<SeriesPage> {
    const options = { startPosition, advance: MAX_POINTS_PER_ANSWER, atLeast: 1 };
    const waitMs = Math.ceil(wait * 1_000);
    return seriesPage(runner, await runner.getRequired({ ...options, waitMs, signal }));
  }

  @Delete(':key')
  stop(@RunnerParam('key', { kind: 'time-series', name: SERIES }) runner: SeriesRunner): { status: string } {
    return { status: runner.abort() };
  }
}

function startSeries(session: ActiveSession, { intervalSeconds, count, dedupeKey }: SeriesRequest): SeriesRunner {
  const gauge = new ProcessGauge(session.runners);
  const runner = session.createTimeSeriesRunner(() => gauge.measure(), {
    name: SERIES,
    intervalMs: intervalSeconds * 1_000,
    count,
    // A reloaded page has lost its points and reads again from 0.
    replay: 'all',
    dedupeKey: dedupeKey && JSON.stringify([dedupeKey, intervalSeconds, count]),
    startNow: true,
    extraData: { intervalSeconds, count },
  });
  // Where the request was sent twice this is the runner of the first one, and the second gauge is never asked.
  runner.completionSignal.addEventListener('abort', () => gauge.close(), { once: true });
  return runner;
}
