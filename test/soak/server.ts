/** The process that is soaked: a Nest application with only the public API of the library. It tells its parent how it is. */
import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  Module,
  Post,
  Query,
  Req,
  ParseIntPipe,
  ConsoleLogger,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Request } from 'express';
import {
  ActiveSession,
  ActiveSessionGroup,
  ActiveSessionModule,
  ActiveSessionRegistry,
  InjectSessionLock,
  RequestSignal,
  RunnerParam,
  SessionLock,
  sessionPerTab,
  type Runner,
  type RunnerResult,
} from 'nestjs-active-session';
import type { Server } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { done } from '../support/done.js';
import { Desk, Opened, Profile } from './desk.js';
import { ForgetfulStore } from './forgetful-store.js';
import {
  IDLE_MS,
  TAB,
  USER,
  type FromServer,
  type Identity,
  type Order,
  type Page,
  type Remains,
  type Started,
  type View,
} from './protocol.js';
import { RowRunners } from './runners.js';

const MB = 2 ** 20;
const NS_PER_MS = 1e6;
const WAIT_MS = 2_000;
const PERCENTILES = [50, 90, 99, 99.9, 100];

declare module 'express-session' {
  interface SessionData {
    name?: string;
  }
}

@Controller()
class DeskController {
  constructor(
    private readonly session: ActiveSession,
    private readonly group: ActiveSessionGroup,
    private readonly desk: Desk,
    @InjectSessionLock(Desk) private readonly deskLock: SessionLock<Desk>,
    private readonly opened: Opened,
  ) {}

  @Get('desk')
  look(@Req() req: Request, @Headers(USER) user: string): Promise<View> {
    return this.atDesk(user, () => this.view(req));
  }

  @Post('notes')
  add(@Req() req: Request, @Headers(USER) user: string): Promise<View & { before: number }> {
    return this.atDesk(user, async (desk) => {
      const before = await desk.add();
      return { ...this.view(req), before };
    });
  }

  /** A note that a runner adds, which holds the lock until it has. */
  @Post('late-notes')
  async addLater(@Headers(USER) user: string): Promise<Identity> {
    this.take(user);
    const holds = await this.deskLock.acquire();
    this.session.createProcessRunner(
      async () => {
        await holds.service.add();
      },
      { holds },
    );
    return identityOf(this.session);
  }

  @Delete('session')
  async end(): Promise<object> {
    const { failed, timedOut, leftBehind } = await this.session.terminate();
    return { problems: [...failed, ...timedOut, ...leftBehind] };
  }

  @Delete('group')
  async endAll(): Promise<object> {
    const { failed, timedOut, leftBehind } = await this.group.terminate();
    return { problems: [...failed, ...timedOut, ...leftBehind] };
  }

  private atDesk<R>(user: string, act: (desk: Desk) => R | Promise<R>): Promise<R> {
    this.take(user);
    return this.deskLock.run(act);
  }

  private take(user: string): void {
    this.desk.take(user);
    const { properties } = this.session;
    properties.getOrAdd('owned', () => this.session.takeOwnership(this.opened.open('owned')));
  }

  private view({ session: { name } }: Request): View {
    const { owner = '', notes, profile } = this.desk;
    const { number, owner: profileOwner = '' } = profile;
    return { ...identityOf(this.session), owner, notes, profile: number, profileOwner, user: name };
  }
}

@Controller('runners')
class RunnersController {
  constructor(
    private readonly session: ActiveSession,
    private readonly desk: Desk,
    private readonly runners: RowRunners,
  ) {}

  @Post()
  async start(@Body() order: Order, @Headers(USER) user: string): Promise<Started> {
    this.desk.take(user);
    const runner = await this.runners.make(this.session, order);
    const page = pageOf(await runner.getRequired({ advance: order.advance, startPosition: 0, waitMs: WAIT_MS }));
    return { ...identityOf(this.session), key: runner.key.toString(), page };
  }

  @Get(':key')
  async read(
    @RunnerParam('key') runner: Runner,
    @Query('from', ParseIntPipe) startPosition: number,
    @Query('advance', ParseIntPipe) advance: number,
    @RequestSignal() signal: AbortSignal,
  ): Promise<Page> {
    return pageOf(await runner.getRequired({ startPosition, advance, atLeast: 1, waitMs: WAIT_MS, signal }));
  }

  @Delete(':key')
  abort(@RunnerParam('key') runner: Runner): object {
    return { status: runner.abort(), position: runner.position };
  }
}

@Controller()
class AccountController {
  /** With `?keep=yes` what an anonymous visitor had is theirs after it. */
  @Post('login')
  async login(@Req() req: Request, @Headers(USER) user: string): Promise<void> {
    await done((callback) => req.session.regenerate(callback));
    req.session.name = user;
  }

  @Post('logout')
  async logout(@Req() req: Request): Promise<void> {
    await done((callback) => req.session.destroy(callback));
  }
}

function identityOf({ id, stamp, generation }: ActiveSession): Identity {
  return { id, stamp, generation };
}

function pageOf({ result, from, position, status }: RunnerResult<unknown>): Page {
  const items = Array.isArray(result) ? (result as unknown[]) : result === undefined ? [] : [result];
  const rows = items.map((item) => (typeof item === 'string' ? item : (item as { value: string }).value));
  return { rows, from, position, status };
}

const store = new ForgetfulStore();

@Module({
  imports: [
    ActiveSessionModule.forRoot({
      userSession: { secret: 'for tests only', store },
      sessions: sessionPerTab({ header: TAB }),
      idleTimeoutMs: IDLE_MS,
      onRegenerate: ({ url, session }) => (url?.includes('keep=yes') && session.name === undefined ? 'keep' : 'end'),
    }),
  ],
  controllers: [DeskController, RunnersController, AccountController],
  providers: [Opened, Profile, Desk, RowRunners],
})
class AppModule {}

const faults: string[] = [];

class Faults extends ConsoleLogger {
  override error(message: unknown, ...more: unknown[]): void {
    faults.push([message, ...more].map(String).join(' '));
  }
  override warn(message: unknown): void {
    faults.push(String(message));
  }
}

const app = await NestFactory.create(AppModule, {
  logger: new Faults({ logLevels: ['error', 'warn'] }),
  forceCloseConnections: true,
});
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
// Longer than any of the users' connections is unused: a connection that closes as a request comes is no defect.
(app.getHttpServer() as Server).keepAliveTimeout = 120_000;

const registry = app.get(ActiveSessionRegistry);
const { counts } = app.get(Opened);
const delays = monitorEventLoopDelay({ resolution: 5 });
const delaysOfSecond = monitorEventLoopDelay({ resolution: 5 });
delays.enable();
delaysOfSecond.enable();

function tell(message: FromServer): void {
  process.send!(message);
}

async function remains(): Promise<Remains> {
  const { sessions, groups, ending, unconfirmed, pinned, runners, ended } = registry.stats();
  store.forget();
  for (let round = 0; round < 8; round++) {
    await nextTurn();
    globalThis.gc!();
  }
  return {
    heapBytes: process.memoryUsage().heapUsed,
    counts: { sessions, groups, ending, unconfirmed, pinned, ...runners, ...counts },
    faults,
    ended,
    delaysMs: Object.fromEntries(PERCENTILES.map((each) => [`p${each}`, delays.percentile(each) / NS_PER_MS])),
  };
}

setInterval(() => {
  const { heapUsed, rss } = process.memoryUsage();
  const delayP99Ms = delaysOfSecond.percentile(99) / NS_PER_MS;
  delaysOfSecond.reset();
  tell({ sample: { heapMb: heapUsed / MB, rssMb: rss / MB, delayP99Ms, sessions: registry.stats().sessions } });
}, 1_000).unref();
process.on('message', () => void remains().then((each) => tell({ remains: each })));
process.once('disconnect', () => process.exit(1));
tell({ url: await app.getUrl() });
