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

const { others } = workerArguments<{ others: number }>();
const app = await NestFactory.create(ExpiryModule, { logger: ['error'], bodyParser: false });
await app.init();
const registry = app.get(ActiveSessionRegistry);
const http = FakeHttp.of(app);
let visitor = 0;

const visit = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await http.get('/session', `visitor-${visitor++}`);
};

/** Those that expire came before the others: as time goes on, the others take their place. */
await visit(others);

serve({
  /** Makes ready what `expire` then ends: not measured. */
  async prepare(count) {
    const all = registry.all();
    for (const session of all) session.touch();
    await visit(count);
    clock.advance(IDLE_TIMEOUT_MS / 2);
    // The others are used later than those that are going to expire.
    for (const session of all) session.touch();
  },
  async expire(count) {
    const before = registry.stats().ended.idle;
    clock.advance(IDLE_TIMEOUT_MS / 2 + 1_000);
    while (registry.stats().ending > 0) await new Promise(setImmediate);
    const { ended, sessions } = registry.stats();
    if (ended.idle - before !== count || sessions !== others) throw new Error(`${ended.idle - before} have expired`);
    return count;
  },
});
