import { Controller, Delete, Get, HttpCode } from '@nestjs/common';
import { ActiveSession, InjectActiveSession, type Runner } from 'nestjs-active-session';
import { SearchHistory, type SearchEntry } from '../search/search-history.js';

interface RunnerJson {
  key: string;
  number: number;
  name: string | undefined;
  status: string;
  position: number;
}

interface SessionJson {
  id: string;
  generation: number;
  groupId: string;
  runners: RunnerJson[];
  history: readonly SearchEntry[];
}

@Controller('api/session')
export class SessionController {
  constructor(private readonly history: SearchHistory) {}

  @Get()
  show(@InjectActiveSession() session: ActiveSession): SessionJson {
    return {
      id: session.id,
      generation: session.generation,
      groupId: session.group.id,
      runners: [...session.runners.values()].map(runnerJson),
      history: this.history.list(),
    };
  }

  /** Stops every search, disposes the history; the user's next request is in a new session. */
  @Delete()
  @HttpCode(204)
  async end(@InjectActiveSession() session: ActiveSession): Promise<void> {
    await session.terminate();
  }
}

function runnerJson(runner: Runner): RunnerJson {
  const { key, number, name, status, position } = runner;
  return { key: key.toString(), number, name, status, position };
}
