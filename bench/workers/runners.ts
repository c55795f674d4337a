/** Many runners at once, each of which waits for one timer; and the same timers alone. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ActiveSessionModule, ActiveSessionRegistry, runInSession } from 'nestjs-active-session';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '../harness/worker.js';

const TIMER_MS = 10;
const NANOSECONDS_PER_MS = 1e6;
/** As many as an application allows when nothing is said. */
const PER_SESSION = 64;

@Module({ imports: [ActiveSessionModule.forRoot({ limits: { sessions: Infinity } })] })
class RunnersModule {}

const app = await NestFactory.createApplicationContext(RunnersModule, { logger: ['error'] });
const registry = app.get(ActiveSessionRegistry);

async function* oneItem(): AsyncGenerator<number> {
  yield await sleep(TIMER_MS, 1);
}

/** What a worker tells of the event loop. */
export interface Delays {
  readonly p99Ms: number;
}

/** @returns how long the event loop was busy at a stretch while `work` went on */
async function delaysDuring(work: () => Promise<unknown>): Promise<Delays> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  await sleep(20);
  delays.reset();
  await work();
  delays.disable();
  return { p99Ms: delays.percentile(99) / NANOSECONDS_PER_MS };
}

/** Starts them in batches, as requests come, each followed by a turn of the event loop. */
async function inBatches(count: number, start: (batch: number) => Promise<unknown>): Promise<void> {
  const all: Promise<unknown>[] = [];
  for (let begun = 0; begun < count; begun += PER_SESSION) {
    all.push(start(Math.min(PER_SESSION, count - begun)));
    await new Promise(setImmediate);
  }
  await Promise.all(all);
}

const readOne = (batch: number): Promise<unknown> =>
  runInSession(app, async (session) => {
    const runners = Array.from({ length: batch }, () => session.createSequenceRunner(oneItem()));
    const results = await Promise.all(runners.map((runner) => runner.getRequired({ advance: 1 })));
    if (results.some(({ result }) => result.length !== 1)) throw new Error('An item is missing');
  });

serve({
  delays: (count) => delaysDuring(() => inBatches(count, readOne)),
  bareDelays: (count) =>
    delaysDuring(() =>
      inBatches(count, (batch) =>
        Promise.all(
          Array.from({ length: batch }, async () => {
            for await (const _item of oneItem());
          }),
        ),
      ),
    ),
  /** How often anything runs while runners wait for what does not come: nothing may poll. */
  async idleTurns(count) {
    let begun = 0;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const waiting = inBatches(count, (batch) =>
      runInSession(app, async (session) => {
        const source = async function* (): AsyncGenerator<number> {
          begun++;
          yield await released.then(() => 1);
        };
        await Promise.all(
          Array.from({ length: batch }, () => session.createSequenceRunner(source()).getRequired({ advance: 1 })),
        );
      }),
    );
    while (begun < count) await sleep(1);
    await sleep(100);
    const before = performance.eventLoopUtilization();
    await sleep(200);
    const { active } = performance.eventLoopUtilization(before);
    release();
    await waiting;
    if (registry.stats().sessions > 0) throw new Error('A session did not end');
    return { activeMs: active };
  },
});
