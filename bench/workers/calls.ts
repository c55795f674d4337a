/** A method call through the client of a session-scoped service, and the direct one. */
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ActiveSessionModule, ActiveSessionRegistry, runInSession, SessionScoped } from 'nestjs-active-session';
import { ClsModule, ClsService, InjectableProxy } from 'nestjs-cls';
import { serve } from '../harness/worker.js';

class Adder {
  private sum = 0;

  add(value: number): number {
    return (this.sum = (this.sum + value) | 0);
  }
}

@SessionScoped()
class SessionAdder extends Adder {}

@InjectableProxy()
class ClsAdder extends Adder {}

@Injectable()
class Consumer {
  constructor(
    readonly inSession: SessionAdder,
    readonly inCls: ClsAdder,
  ) {}
}

@Module({
  imports: [ActiveSessionModule.forRoot(), ClsModule.forRoot(), ClsModule.forFeature(ClsAdder)],
  providers: [SessionAdder, Consumer],
})
class CallsModule {}

const app = await NestFactory.createApplicationContext(CallsModule, { logger: ['error'] });
await app.init();
const consumer = app.get(Consumer);
const cls = app.get(ClsService);
const registry = app.get(ActiveSessionRegistry);

function call(adder: Adder, count: number): number {
  let last = 0;
  for (let i = 0; i < count; i++) last = adder.add(1);
  return last - count;
}

serve({
  client: (count) =>
    runInSession(app, (session) => {
      if (registry.current() !== session) throw new Error('Not in the session');
      return call(consumer.inSession, count);
    }),
  direct: (count) => call(new Adder(), count),
  cls: (count) =>
    cls.run(async () => {
      await cls.proxy.resolve();
      return call(consumer.inCls, count);
    }),
});
