import { Controller, Delete, Get, HttpCode, Req } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse } from '@nestjs/swagger';
import type { Request } from 'express';
import { ActiveSession, InjectActiveSession, refreshActiveSession } from 'nestjs-active-session';
import { SessionJson } from './session-json.js';
import { SessionView } from './session-view.js';

@Controller('api/session')
export class SessionController {
  constructor(private readonly view: SessionView) {}

  @Get()
  @ApiOkResponse({ type: SessionJson })
  show(@InjectActiveSession() session: ActiveSession): SessionJson {
    return this.view.of(session);
  }

  /**
   * Stops every runner and disposes of what the session has. The next session is made at once: between two requests
   * nothing would hold the group, and the preferences would go with the last session.
   */
  @Delete()
  @HttpCode(204)
  @ApiNoContentResponse()
  async end(@InjectActiveSession() session: ActiveSession, @Req() req: Request): Promise<void> {
    await session.terminate();
    refreshActiveSession(req);
  }
}
