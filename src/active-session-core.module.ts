import {
  ConfigurableModuleBuilder,
  Inject,
  Module,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { Expiry } from './expiry.js';
import { TimeLimit } from './time-limit.js';
import { HttpSessions } from './http/http-sessions.js';
import { ProblemFilter } from './http/problem.filter.js';
import type { SessionResponse } from './http/request-cell.js';
import { mountUserSession } from './http/user-session.mount.js';
import { countModules, putFirstAtShutdown } from './nest-internals.js';
import {
  RESOLVED_OPTIONS,
  type ActiveSessionModuleOptions,
  type ResolvedOptions,
  type SessionRequest,
} from './options.js';
import { resolveOptions } from './resolve-options.js';
import { SafeLogger } from './safe-logger.js';
import { ApplicationScopes } from './scope/application-scopes.js';
import { SessionContext } from './scope/context.js';
import { OwnerProvider } from './scope/providers/owner-provider.js';
import { ScopeHost } from './scope/scope-host.js';
import { SessionLocks } from './scope/locks/session-locks.js';
import { ActiveSessionGroupRegistry, UserSessionNamer } from './session/active-session-group.registry.js';
import { ActiveSessionGroup } from './session/active-session-group.js';
import { ActiveSessionRegistry } from './session/active-session.registry.js';
import { ActiveSession } from './session/active-session.js';
import { SESSION_ENVIRONMENT, type SessionEnvironment } from './session/environment.js';
import { LiveGroup } from './session/live-group.js';
import { LiveSession } from './session/live-session.js';
import { Sessions } from './session/sessions.js';

const configurable = new ConfigurableModuleBuilder<ActiveSessionModuleOptions>({ moduleName: 'ActiveSession' })
  .setFactoryMethodName('createActiveSessionOptions')
  .build();
const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = configurable;

/** Options of `ActiveSessionModule.forRootAsync()`. */
export type ActiveSessionModuleAsyncOptions = typeof configurable.ASYNC_OPTIONS_TYPE;

const USER_SESSION_MOUNT = Symbol('nestjs-active-session.user-session-mount');

/**
 * Holds everything of one application. It is a module of its own, and not a global one, because Nest can be made to end
 * such a module before all others: the hooks of sessions may still use the application's services then.
 */
@Module({
  providers: [
    { provide: RESOLVED_OPTIONS, useFactory: resolveOptions, inject: [MODULE_OPTIONS_TOKEN] },
    { provide: SessionContext, useFactory: () => new SessionContext() },
    {
      provide: ScopeHost,
      useFactory: (context: SessionContext, modules: ModulesContainer) =>
        new ApplicationScopes(context, modules, new SafeLogger()),
      inject: [SessionContext, ModulesContainer],
    },
    {
      provide: SESSION_ENVIRONMENT,
      useFactory: (options: ResolvedOptions, scopeHost: ScopeHost, moduleRef: ModuleRef): SessionEnvironment => {
        const { clock, cleanupTimeoutMs, userSessionTimeoutMs } = options;
        const runClean = (fn: () => void): void => scopeHost.context.runClean(undefined, fn);
        return {
          options,
          scopeHost,
          expiry: new Expiry(clock, runClean),
          cleanupLimit: new TimeLimit(cleanupTimeoutMs, clock, runClean),
          userSessionLimit: new TimeLimit(userSessionTimeoutMs, clock, runClean),
          moduleRef,
          logger: new SafeLogger(),
        };
      },
      inject: [RESOLVED_OPTIONS, ScopeHost, ModuleRef],
    },
    {
      provide: SessionLocks,
      useFactory: ({ scopeHost, options, moduleRef, logger }: SessionEnvironment) =>
        new SessionLocks(scopeHost.context, options.clock, moduleRef, (message) => logger.warn(message)),
      inject: [SESSION_ENVIRONMENT],
    },
    {
      provide: Sessions,
      useFactory: (environment: SessionEnvironment) => new Sessions(environment),
      inject: [SESSION_ENVIRONMENT],
    },
    {
      provide: ActiveSession,
      useFactory: (host: ScopeHost) => new OwnerProvider('session', 'ActiveSession', LiveSession, host).client,
      inject: [ScopeHost],
    },
    {
      provide: ActiveSessionGroup,
      useFactory: (host: ScopeHost) => new OwnerProvider('group', 'ActiveSessionGroup', LiveGroup, host).client,
      inject: [ScopeHost],
    },
    { provide: USER_SESSION_MOUNT, useFactory: mountUserSession, inject: [SESSION_ENVIRONMENT, HttpAdapterHost] },
    HttpSessions,
    { provide: UserSessionNamer, useExisting: HttpSessions },
    ActiveSessionRegistry,
    ActiveSessionGroupRegistry,
    { provide: APP_FILTER, useClass: ProblemFilter },
  ],
  exports: [
    ScopeHost,
    SessionLocks,
    ActiveSession,
    ActiveSessionGroup,
    ActiveSessionRegistry,
    ActiveSessionGroupRegistry,
  ],
})
export class ActiveSessionCoreModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, OnModuleDestroy, OnApplicationShutdown
{
  constructor(
    modules: ModulesContainer,
    private readonly adapterHost: HttpAdapterHost,
    private readonly httpSessions: HttpSessions,
    private readonly sessions: Sessions,
    private readonly context: SessionContext,
    private readonly scopeHost: ScopeHost,
    @Inject(SESSION_ENVIRONMENT) private readonly environment: SessionEnvironment,
    @Inject(USER_SESSION_MOUNT) _mount: unknown,
  ) {
    super();
    if (countModules(modules, ActiveSessionCoreModule) > 1)
      throw new Error(
        'ActiveSessionModule.forRoot() was imported more than once. Import it in the root module only: it is global.',
      );
    if (!putFirstAtShutdown(modules, ActiveSessionCoreModule))
      new SafeLogger().warn(
        'This version of Nest does not let sessions end before the services that they use: at shutdown their hooks may find closed connections.',
      );
  }

  /** Mounted here, and not with `forRoutes()`, it comes once for every request, whatever prefixes and excludes there are. */
  configure(): void {
    this.adapterHost.httpAdapter.use((req: SessionRequest, res: SessionResponse, next: (error?: unknown) => void) =>
      this.httpSessions.handle(req, res, next),
    );
  }

  /** Everything is put together, and no request has come yet. @throws ScopeMisuseError */
  onModuleInit(): void {
    this.scopeHost.checkAll();
  }

  async onModuleDestroy(): Promise<void> {
    await this.sessions.shutdown();
    await this.httpSessions.answerAll();
    await this.httpSessions.close();
  }

  /** The server is closed: no request is handled any more. */
  onApplicationShutdown(): void {
    this.environment.cleanupLimit.close();
    this.environment.userSessionLimit.close();
    this.context.disable();
  }
}
