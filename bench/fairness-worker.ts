/** The server of bench/fairness.ts: it tells its port, runs what it is asked to, and answers with how long its event loop waited. */
import 'reflect-metadata';
import { Controller, Get, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ActiveSession, ActiveSessionModule, InjectActiveSession, type SequenceItems } from 'nestjs-active-session';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const NANOSECONDS_PER_MS = 1e6;

/** What a greedy source does until it is stopped, or has given all its items. */
const SOURCES: Record<string, (signal: AbortSignal) => SequenceItems<number>> = {
  *sync() {
    for (let item = 0; item < 10_000_000; item++) yield item;
  },
  async *async(signal) {
    for (let item = 0; !signal.aborted; item++) {
      const until = performance.now() + 1;
      while (performance.now() < until);
      yield item;
    }
  },
};

/** How the event loop was while a source was at work. */
export interface Load {
  items: number;
  seconds: number;
  delayMs: { p50: number; p99: number; max: number };
}

@Controller()
class BenchController {
  /** Reads a source as fast as it can, for `seconds` at most. */
  @Post('load/:source/:seconds')
  async load(
    @InjectActiveSession() session: ActiveSession,
    @Param('source') source: string,
    @Param('seconds') seconds: string,
  ): Promise<Load> {
    const delays = monitorEventLoopDelay({ resolution: 1 });
    const runner = session.createSequenceRunner(SOURCES[source] ?? []);
    const startedMs = performance.now();
    const timer = setTimeout(() => runner.abort(), Number(seconds) * 1_000);
    delays.enable();
    for (let status = ''; !['completed', 'aborted'].includes(status);)
      ({ status } = await runner.getRequired({ advance: 1_000, atLeast: 1 }));
    delays.disable();
    clearTimeout(timer);
    const inMs = (nanoseconds: number): number => nanoseconds / NANOSECONDS_PER_MS;
    return {
      items: runner.position,
      seconds: (performance.now() - startedMs) / 1_000,
      delayMs: { p50: inMs(delays.percentile(50)), p99: inMs(delays.percentile(99)), max: inMs(delays.max) },
    };
  }

  @Get('other')
  other(@InjectActiveSession() session: ActiveSession): { id: string } {
    return { id: session.id };
  }
}

@Module({
  imports: [ActiveSessionModule.forRoot({ userSession: { secret: 'of a benchmark' } })],
  controllers: [BenchController],
})
class BenchModule {}

const app = await NestFactory.create(BenchModule, { logger: false });
await app.listen(0, '127.0.0.1');
process.send?.(Number(new URL(await app.getUrl()).port));
process.once('disconnect', () => void app.close());
