/** The life of what belongs to a user, without any request: it is made, used once, and ended where that is possible. */
import 'reflect-metadata';
import { Injectable, Module, Scope } from '@nestjs/common';
import { ContextIdFactory, ModuleRef, NestFactory } from '@nestjs/core';
import { ActiveSessionModule, runInSession, SessionScoped } from 'nestjs-active-session';
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { serve, workerArguments } from '../harness/worker.js';

class Counter {
  private count = 0;

  increment(): number {
    return ++this.count;
  }
}

let hooksDone = 0;

@SessionScoped()
class SessionCounter extends Counter {
  async onModuleDestroy(): Promise<void> {
    await Promise.resolve();
    hooksDone++;
  }
}

@Injectable({ scope: Scope.REQUEST, durable: true })
class DurableCounter extends Counter {}

@Module({
  imports: [ActiveSessionModule.forRoot({ limits: { sessions: Infinity } })],
  providers: [SessionCounter, DurableCounter],
})
class LifeModule {}

const app = await NestFactory.createApplicationContext(LifeModule, { logger: ['error'] });
const moduleRef = app.get(ModuleRef);
const storage = new AsyncLocalStorage<object>();

// In an application that is in use there are always others.
const { others = 1 } = workerArguments<{ others?: number }>();
let leave = (): void => undefined;
const stay = new Promise<void>((resolve) => (leave = resolve));
for (let i = 0; i < others; i++) void runInSession(app, () => stay);
process.once('disconnect', leave);

serve({
  /** A session with its group and one instance, whose hook is awaited, each with its report. */
  async session(count) {
    let increments = 0;
    const hooksBefore = hooksDone;
    for (let i = 0; i < count; i++)
      increments += await runInSession(app, (session) => session.services.get(SessionCounter).increment());
    if (hooksDone !== hooksBefore + count) throw new Error('A session did not end');
    return increments / count;
  },
  /** As little as can be done with the same effects: what is above it is what the library takes for its promises. */
  async limit(count) {
    let increments = 0;
    const hooksBefore = hooksDone;
    for (let i = 0; i < count; i++) {
      const counter = new SessionCounter();
      const ending = new Set([counter]);
      const sessions = new Map([[randomUUID(), counter]]);
      increments += storage.run(counter, () => counter.increment());
      sessions.clear();
      await storage.run(counter, () => counter.onModuleDestroy());
      ending.delete(counter);
    }
    if (hooksDone !== hooksBefore + count) throw new Error('A hook was not called');
    return increments / count;
  },
  /** An instance in a context of its own, which nobody ends. */
  async durable(count) {
    let increments = 0;
    for (let i = 0; i < count; i++) {
      const counter = await moduleRef.resolve(DurableCounter, ContextIdFactory.create(), { strict: false });
      increments += counter.increment();
    }
    return increments / count;
  },
});
