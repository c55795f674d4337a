import { type DynamicModule, type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { ActiveSessionModule } from 'nestjs-active-session';
import { AccountController } from './account/account.controller.js';
import { keepAnonymousWork } from './account/keep-anonymous-work.js';
import { Passport, PassportSession } from './account/passport.js';
import { Endings } from './endings/endings.js';
import { EndingsController } from './endings/endings.controller.js';
import { noStore } from './http/no-store.js';
import { ProblemFilter } from './http/problem.filter.js';
import { createValidationPipe } from './http/validation.pipe.js';
import { PageController } from './page/page.controller.js';
import { Preferences } from './preferences/preferences.js';
import { PreferencesController } from './preferences/preferences.controller.js';
import { SearchController } from './search/search.controller.js';
import { SearchHistory } from './search/search-history.js';
import { SearchService } from './search/search.service.js';
import { LIFETIME } from './session/lifetime.js';
import { SessionAges } from './session/session-ages.js';
import { SessionController } from './session/session.controller.js';
import { sessionNameOf } from './session/session-name.js';
import { SessionsController } from './session/sessions.controller.js';
import { SessionView } from './session/session-view.js';
import { SearchRoot, searchRootFromEnvironment, sessionSecret } from './settings.js';
import { StatisticsController } from './statistics/statistics.controller.js';
import { StatisticsService } from './statistics/statistics.service.js';
import { SeriesController } from './time-series/series.controller.js';
import { WaitingJobs } from './workspace/waiting-jobs.js';
import { Workspace } from './workspace/workspace.js';
import { WorkspaceController } from './workspace/workspace.controller.js';
import { WorkspaceService } from './workspace/workspace.service.js';

@Module({
  imports: [
    ActiveSessionModule.forRoot({
      sessions: { suffix: sessionNameOf },
      ...LIFETIME,
      onRegenerate: keepAnonymousWork,
      // The module mounts express-session itself, with the in-memory store: right for one process, as here.
      userSession: {
        secret: sessionSecret(),
        resave: false,
        saveUninitialized: false,
        cookie: { httpOnly: true, sameSite: 'lax' },
      },
      // How far a search may run ahead of the reader before it pauses.
      sequence: { queueLimit: 2_000 },
    }),
  ],
  controllers: [
    PageController,
    SessionController,
    SessionsController,
    AccountController,
    EndingsController,
    SearchController,
    PreferencesController,
    StatisticsController,
    SeriesController,
    WorkspaceController,
  ],
  providers: [
    SessionAges,
    SessionView,
    Passport,
    Endings,
    SearchService,
    SearchHistory,
    Preferences,
    StatisticsService,
    Workspace,
    WaitingJobs,
    WorkspaceService,
    { provide: SearchRoot, useFactory: searchRootFromEnvironment },
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_PIPE, useFactory: createValidationPipe },
  ],
})
export class AppModule implements NestModule {
  /** The same application over another folder: for tests. */
  static forFolder(folder: string): DynamicModule {
    return { module: AppModule, providers: [{ provide: SearchRoot, useValue: new SearchRoot(folder) }] };
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(noStore, PassportSession).forRoutes('api/{*path}');
  }
}
