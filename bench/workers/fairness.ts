/** One session has a source that never waits for anything; another one makes requests meanwhile. */
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ActiveSession,
  ActiveSessionModule,
  InjectActiveSession,
  runInSession,
  RunnerStatus,
  type SequenceItems,
} from 'nestjs-active-session';
import type { IncomingMessage } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { serve } from '../harness/worker.js';
import { FakeHttp, USER_HEADER } from './fake-http.js';

const NANOSECONDS_PER_MS = 1e6;

const SOURCES = {
  *sync(): SequenceItems<number> {
    for (let item = 0; item < 10_000_000; item++) yield item;
  },
  async *async(signal: AbortSignal): SequenceItems<number> {
    for (let item = 0; !signal.aborted; item++) {
      const until = performance.now() + 1;
      while (performance.now() < until);
      yield item;
    }
  },
};

/** How it was while a source was at work. */
export interface Load {
  readonly itemsPerSecond: number;
  /** The 99th part of a hundred. */
  readonly delayMs: number;
  readonly requestMs: number;
}

@Controller()
class FairnessController {
  @Get('other')
  other(@InjectActiveSession() session: ActiveSession): number {
    return session.generation;
  }
}

@Module({
  imports: [
    ActiveSessionModule.forRoot({ identify: ({ headers }: IncomingMessage) => headers[USER_HEADER] as string }),
  ],
  controllers: [FairnessController],
})
class FairnessModule {}

const app = await NestFactory.create(FairnessModule, { logger: ['error'], bodyParser: false });
await app.init();
const http = FakeHttp.of(app);

/** Reads a source as fast as it can, for so many seconds at most. */
function load(kind: keyof typeof SOURCES): (seconds: number) => Promise<Load> {
  return (seconds) =>
    runInSession(app, async (session) => {
      const delays = monitorEventLoopDelay({ resolution: 1 });
      const runner = session.createSequenceRunner(SOURCES[kind]);
      const startedMs = performance.now();
      const timer = setTimeout(() => runner.abort(), seconds * 1_000);
      const requests = visitUntil(runner.completionSignal);
      delays.enable();
      for (let status = RunnerStatus.Progressed; status === RunnerStatus.Progressed || status === RunnerStatus.Stalled;)
        ({ status } = await runner.getRequired({ advance: 1_000, atLeast: 1 }));
      delays.disable();
      clearTimeout(timer);
      return {
        itemsPerSecond: runner.position / ((performance.now() - startedMs) / 1_000),
        delayMs: delays.percentile(99) / NANOSECONDS_PER_MS,
        requestMs: await requests,
      };
    });
}

/** Another session's requests, one after the other, each in a turn of its own. @returns the 99th part of a hundred */
async function visitUntil(signal: AbortSignal): Promise<number> {
  const all: number[] = [];
  while (!signal.aborted) {
    const startedMs = performance.now();
    await new Promise(setImmediate);
    await http.get('/other', 'other');
    all.push(performance.now() - startedMs);
  }
  all.sort((one, other) => one - other);
  return all[Math.floor((all.length - 1) * 0.99)] ?? NaN;
}

serve({ sync: load('sync'), async: load('async') });
