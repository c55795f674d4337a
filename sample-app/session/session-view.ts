import { Injectable } from '@nestjs/common';
import { type ActiveSession, ActiveSessionRegistry, type Runner } from 'nestjs-active-session';
import { Preferences } from '../preferences/preferences.js';
import { SearchHistory } from '../search/search-history.js';
import { LIFETIME } from './lifetime.js';
import { SessionAges } from './session-ages.js';
import type { RunnerJson, SessionJson } from './session-json.js';
import type { SessionName } from './session-name.js';

/** What the API tells of a session. */
@Injectable()
export class SessionView {
  constructor(
    private readonly registry: ActiveSessionRegistry,
    private readonly ages: SessionAges,
    private readonly history: SearchHistory,
    private readonly preferences: Preferences,
  ) {}

  of(session: ActiveSession): SessionJson {
    return {
      name: session.suffix as SessionName,
      id: session.id,
      generation: session.generation,
      groupId: session.group.id,
      ageMs: this.ages.ageMsOf(session),
      ...LIFETIME,
      runners: [...session.runners.values()].map(runnerJson),
      // The session may be another one than that of the request: what is injected here is then of that one.
      ...this.registry.run(session, () => this.ofServices()),
    };
  }

  private ofServices(): Pick<SessionJson, 'history' | 'services'> {
    const history = this.history.list();
    return {
      history,
      services: [
        {
          name: 'Search history',
          scope: 'session',
          instance: this.history.instance,
          holds: counted(history.length, 'search', 'searches'),
        },
        {
          name: 'Preferences',
          scope: 'group',
          instance: this.preferences.instance,
          holds: counted(this.preferences.pageSize, 'row', 'rows') + ' per page',
        },
      ],
    };
  }
}

function runnerJson(runner: Runner): RunnerJson {
  const { key, number, name, kind, status, position, progress } = runner;
  return { key: key.toString(), number, name, kind, status, position, progress };
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
