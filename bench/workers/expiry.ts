/** The end of sessions by their idle time, among others that stay. The clock is the benchmark's. */
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ActiveSession,
  ActiveSessionModule,
  ActiveSessionRegistry,
  Clock,
  InjectActiveSession,
  type ClockTimer,
} from 'nestjs-active-session';
import type { IncomingMessage } from 'node:http';
import { serve, workerArguments } from '../harness/worker.js';
import { FakeHttp, USER_HEADER } from './fake-http.js';

const IDLE_TIMEOUT_MS = 20 * 60_000;

/** Time stands still until it is moved. */
class ManualClock extends Clock {
  private nowMs = 0;
  private readonly timers = new Map<object, { atMs: number; fn: () => void }>();

  now(): number {
    return this.nowMs;
  }

  setTimeout(fn: () => void, delayMs: number): ClockTimer {
    const timer: ClockTimer = { cancel: () => void this.timers.delete(timer) };
    this.timers.set(timer, { atMs: this.nowMs + delayMs, fn });
    return timer;
  }

  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = [...this.timers].filter(([, { atMs }]) => atMs <= endMs);
      if (due.length === 0) break;
      const [timer, { atMs, fn }] = due.reduce((one, other) => (other[1].atMs < one[1].atMs ? other : one));
      this.timers.delete(timer);
      this.nowMs = Math.max(this.nowMs, atMs);
      fn();
    }
    this.nowMs = endMs;
  }
}

const clock = new ManualClock();

@Controller()
class ExpiryController {
  @Get('session')
  session(@InjectActiveSession() session: ActiveSession): number {
    return session.generation;
  }
}

@Module({
  imports: [
    ActiveSessionModule.forRoot({
      identify: ({ headers }: IncomingMessage) => headers[USER_HEADER] as string,
      limits: { sessions: Infinity },
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      maxLifetimeMs: 10 ** 12,
      clock,
    }),
  ],
  controllers: [ExpiryController],
})
class ExpiryModule {}

/** How many come together, and so many such groups are there at any time. */
const { together, groups } = workerArguments<{ together: number; groups: number }>();
const app = await NestFactory.create(ExpiryModule, { logger: ['error'], bodyParser: false });
await app.init();
const registry = app.get(ActiveSessionRegistry);
const http = FakeHttp.of(app);
let visitor = 0;

async function visit(): Promise<void> {
  for (let i = 0; i < together; i++) await http.get('/session', `visitor-${visitor++}`);
}

// One group after the other, over the whole idle time: from here on each step ends the oldest one.
for (let group = 1; group < groups; group++) {
  await visit();
  clock.advance(IDLE_TIMEOUT_MS / groups);
}

let expired = 0;

serve({
  /** New ones come in place of those that the last step has ended: not measured, as the figures of all sessions cost. */
  async prepare() {
    const { ended, ending, sessions } = registry.stats();
    if (ended.idle !== expired || ending !== 0 || sessions !== together * (groups - 1))
      throw new Error(`${ended.idle} have expired, ${sessions} are left, ${ending} of them ending`);
    await visit();
  },
  async expire(count) {
    clock.advance(IDLE_TIMEOUT_MS / groups);
    // All of it is over by then.
    await new Promise(setImmediate);
    expired += together;
    return count;
  },
});
