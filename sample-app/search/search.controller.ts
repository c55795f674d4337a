import { Body, Controller, Delete, Get, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ActiveSession, InjectActiveSession, RequestSignal, RunnerParam, SequenceRunner } from 'nestjs-active-session';
import type { FoundLine } from '../files/search-files.js';
import { Preferences } from '../preferences/preferences.js';
import { ReadQuery } from './read-query.js';
import { type SearchPage, searchPage } from './search-page.js';
import { SearchRequest } from './search-request.js';
import { SEARCH, SearchService } from './search.service.js';

/** The first answer waits so long for a full page: most searches then show rows at once. */
const FIRST_PAGE_WAIT_MS = 200;

@Controller('api/searches')
export class SearchController {
  constructor(
    private readonly searches: SearchService,
    private readonly preferences: Preferences,
  ) {}

  @Post()
  async start(
    @InjectActiveSession() session: ActiveSession,
    @Body() request: SearchRequest,
    @RequestSignal() signal: AbortSignal,
    @Res({ passthrough: true }) res: Response,
  ): Promise<SearchPage> {
    const runner = await this.searches.start(session, request);
    res.location(`/api/searches/${runner.key.toString()}`);
    const advance = this.preferences.pageSize;
    const read = await runner.getRequired({ startPosition: 0, advance, waitMs: FIRST_PAGE_WAIT_MS, signal });
    return searchPage(runner, read);
  }

  @Get(':key')
  async read(
    @RunnerParam('key', { kind: 'sequence', name: SEARCH }) runner: SequenceRunner<FoundLine>,
    @Query() { from: startPosition, max: advance = this.preferences.pageSize, wait = 0 }: ReadQuery,
    @RequestSignal() signal: AbortSignal,
  ): Promise<SearchPage> {
    const waitMs = Math.ceil(wait * 1_000);
    const read =
      waitMs === 0
        ? runner.getAvailable({ startPosition, advance })
        : await runner.getRequired({ startPosition, advance, atLeast: 1, waitMs, signal });
    return searchPage(runner, read);
  }

  @Delete(':key')
  stop(@RunnerParam('key', { kind: 'sequence', name: SEARCH }) runner: SequenceRunner<FoundLine>): { status: string } {
    return { status: runner.abort() };
  }
}
