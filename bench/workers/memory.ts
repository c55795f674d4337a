/** What sessions take in the heap while they are idle, and what they leave there when they have ended. */
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ActiveSession,
  ActiveSessionModule,
  ActiveSessionRegistry,
  GroupScoped,
  InjectActiveSession,
  runInSession,
  SessionScoped,
} from 'nestjs-active-session';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { serve } from '../harness/worker.js';
import { FakeHttp, USER_HEADER } from './fake-http.js';

const AT_ONCE = 100;

let hooksDone = 0;

@GroupScoped()
class Preferences {
  readonly currency = 'EUR';

  async onModuleDestroy(): Promise<void> {
    await Promise.resolve();
    hooksDone++;
  }
}

@SessionScoped()
class Cart {
  private items = 0;

  constructor(private readonly preferences: Preferences) {}

  add(): string {
    return `${++this.items} ${this.preferences.currency}`;
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.resolve();
    hooksDone++;
  }
}

@SessionScoped()
class Counter {
  private count = 0;

  increment(): number {
    return ++this.count;
  }
}

@Controller()
class MemoryController {
  constructor(
    private readonly cart: Cart,
    private readonly counter: Counter,
  ) {}

  @Get('session')
  session(@InjectActiveSession() session: ActiveSession): number {
    return session.generation;
  }

  @Get('service')
  service(): number {
    return this.counter.increment();
  }

  @Get('services')
  services(): string {
    return this.cart.add();
  }
}

@Module({
  imports: [
    ActiveSessionModule.forRoot({
      identify: ({ headers }: IncomingMessage) => headers[USER_HEADER] as string,
      limits: { sessions: Infinity },
    }),
  ],
  controllers: [MemoryController],
  providers: [Preferences, Cart, Counter],
})
class MemoryModule {}

const app = await NestFactory.create(MemoryModule, { logger: ['error'], bodyParser: false });
await app.init();
const registry = app.get(ActiveSessionRegistry);
const http = FakeHttp.of(app);

/** @returns bytes for each session */
async function idle(path: string, count: number): Promise<number> {
  await visit(path, Math.min(count, 5_000));
  await Promise.all(registry.all().map(({ group }) => group.terminate()));
  const before = await heapUsed();
  await visit(path, count);
  const after = await heapUsed();
  const { sessions, pinned } = registry.stats();
  if (sessions !== count || pinned !== 0) throw new Error(`${sessions} sessions, ${pinned} of them in use`);
  return (after - before) / count;
}

/** New users, each with an id as long as one of express-session. */
async function visit(path: string, count: number): Promise<void> {
  for (let i = 0; i < count; i += AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, () => http.get(`/${path}`, randomBytes(24).toString('base64url'))),
    );
}

async function heapUsed(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('Start it with --expose-gc');
  // What a finalizer lets go of, the next collection finds.
  for (let round = 0; round < 5; round++) {
    await nextTurn();
    globalThis.gc();
  }
  return process.memoryUsage().heapUsed;
}

serve({
  version: () => process.versions.node,
  idle: (count) => idle('session', count),
  idleWithService: (count) => idle('service', count),
  idleWithServices: (count) => idle('services', count),
  /** The heap after the first tenth of the sessions have ended, and after all have. */
  async ended(count) {
    // In an application that is in use there is always somebody: nothing is tidied up just because all have gone.
    await visit('services', AT_ONCE);
    let first = 0;
    const hooksBefore = hooksDone;
    for (let done = AT_ONCE; done <= count; done += AT_ONCE) {
      const lives = Array.from({ length: AT_ONCE }, () =>
        runInSession(app, (session) => session.services.get(Cart).add()),
      );
      await Promise.all(lives);
      if (done === count / 10) first = await heapUsed();
    }
    if (hooksDone - hooksBefore !== 2 * count || registry.stats().sessions !== AT_ONCE)
      throw new Error('A session did not end');
    return { first, last: await heapUsed() };
  },
});
