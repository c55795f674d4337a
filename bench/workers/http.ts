/**
 * One application over HTTP: with express-session alone; with the library and one session-scoped service; or, as the
 * limit, with the least that any such library does.
 */
import 'reflect-metadata';
import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ActiveSession, ActiveSessionModule, InjectActiveSession, SessionScoped } from 'nestjs-active-session';
import session from 'express-session';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve, workerArguments } from '../harness/worker.js';

export interface HttpArguments {
  readonly variant: 'plain' | 'ours' | 'limit';
}

const { variant } = workerArguments<HttpArguments>();
const isOurs = variant === 'ours';

const SETTINGS = {
  secret: 'of a benchmark',
  resave: false,
  saveUninitialized: true,
  cookie: { httpOnly: true, sameSite: 'lax' as const },
};

@(isOurs ? SessionScoped() : Injectable())
class Greeter {
  private readonly greeting = 'Hello';

  greet(isFirst: boolean): { greeting: string; isFirst: boolean } {
    return { greeting: this.greeting, isFirst };
  }
}

@Controller('greet')
class PlainController {
  constructor(private readonly greeter: Greeter) {}

  @Get()
  greet(): object {
    return this.greeter.greet(true);
  }
}

@Controller('greet')
class SessionController {
  constructor(private readonly greeter: Greeter) {}

  @Get()
  greet(@InjectActiveSession() active: ActiveSession): object {
    return this.greeter.greet(active.generation === 1);
  }
}

@Module({
  imports: isOurs ? [ActiveSessionModule.forRoot({ userSession: SETTINGS })] : [],
  controllers: [isOurs ? SessionController : PlainController],
  providers: [Greeter],
})
class HttpModule {}

const app = await NestFactory.create(HttpModule, { logger: ['error'] });
if (!isOurs) app.use(session(SETTINGS));
// It remembers a number, enters a context, and notices when the answer is over.
const storage = new AsyncLocalStorage<object>();
const enterContext = (req: { session: object }, res: ServerResponse, next: () => void): void => {
  Object.assign(req.session, { activeSession: { n: 1 } });
  const cell = {};
  res.on('close', () => Object.assign(cell, { isOver: true }));
  storage.run(cell, next);
};
if (variant === 'limit') app.use(enterContext);
await app.listen(0, '127.0.0.1');

serve({
  version: () => process.versions.node,
  port: () => (app.getHttpServer().address() as AddressInfo).port,
  /** The processor time that the process has had so far, in ns. */
  cpu() {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1_000;
  },
});
