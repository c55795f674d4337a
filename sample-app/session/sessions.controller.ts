import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { ActiveSessionGroup, InjectActiveSessionGroup } from 'nestjs-active-session';
import { SessionsJson } from './session-json.js';
import { SessionView } from './session-view.js';

@Controller('api/sessions')
export class SessionsController {
  constructor(private readonly view: SessionView) {}

  /** One question about all sessions of the user: it uses the session of the request only, and makes no other. */
  @Get()
  @ApiOkResponse({ type: SessionsJson })
  list(@InjectActiveSessionGroup() group: ActiveSessionGroup): SessionsJson {
    const sessions = [...group.sessions.values()].map((session) => this.view.of(session));
    return { sessions: sessions.sort((one, other) => one.name.localeCompare(other.name)) };
  }
}
