/** Background work begun, and its first result: by a runner, and by a job of BullMQ whose progress is listened to. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import { Queue, QueueEvents, Worker as QueueWorker } from 'bullmq';
import { ActiveSessionModule, runInSession } from 'nestjs-active-session';
import { serve, workerArguments } from '../harness/worker.js';

const { port } = workerArguments<{ port: number }>();
const connection = { host: '127.0.0.1', port };

@Module({ imports: [ActiveSessionModule.forRoot({ limits: { runnersPerSession: Infinity } })] })
class FirstResultModule {}

const app = await NestFactory.createApplicationContext(FirstResultModule, { logger: ['error'] });

async function* steps(): AsyncGenerator<number> {
  yield 1;
  yield 2;
}

const queue = new Queue('bench', { connection });
const events = new QueueEvents('bench', { connection });
const worker = new QueueWorker(
  'bench',
  async (job) => {
    for await (const step of steps()) await job.updateProgress(step);
  },
  { connection },
);
await Promise.all([queue.waitUntilReady(), events.waitUntilReady(), worker.waitUntilReady()]);

/** Resolves with the first progress of a job. That of an earlier one may still be on its way. */
function firstProgressOf(id: string): Promise<number> {
  return new Promise((resolve) => {
    const listener = ({ jobId, data }: { jobId: string; data: unknown }): void => {
      if (jobId !== id) return;
      events.off('progress', listener);
      resolve(Number(data));
    };
    events.on('progress', listener);
  });
}

serve({
  runner: (count) =>
    runInSession(app, async (session) => {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const { result } = await session.createSequenceRunner(steps()).getRequired({ advance: 1 });
        sum += result[0] ?? 0;
      }
      return sum / count;
    }),
  async job(count) {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const jobId = randomUUID();
      const first = firstProgressOf(jobId);
      const job = await queue.add('work', {}, { jobId, removeOnComplete: 1_000 });
      sum += await first;
      await job.waitUntilFinished(events);
    }
    return sum / count;
  },
});
