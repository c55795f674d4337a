/** One application over HTTP, with express-session alone, or with the library and one session-scoped service. */
import 'reflect-metadata';
import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ActiveSession, ActiveSessionModule, InjectActiveSession, SessionScoped } from 'nestjs-active-session';
import session from 'express-session';
import type { AddressInfo } from 'node:net';
import { serve, workerArguments } from '../harness/worker.js';

export interface HttpArguments {
  readonly isOurs: boolean;
}

const { isOurs } = workerArguments<HttpArguments>();

const SETTINGS = { secret: 'of a benchmark', resave: false, saveUninitialized: true };

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
await app.listen(0, '127.0.0.1');

serve({
  port: () => (app.getHttpServer().address() as AddressInfo).port,
  /** The processor time that the process has had so far, in ns. */
  cpu() {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1_000;
  },
});
