/** The same items through a runner, and through what one would use instead. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ActiveSession, ActiveSessionModule, runInSession, RunnerStatus } from 'nestjs-active-session';
import { Readable } from 'node:stream';
import { bufferCount, from, lastValueFrom, reduce } from 'rxjs';
import { serve } from '../harness/worker.js';

const PAGE = 20;

type Items = Iterable<number> | AsyncIterable<number>;

async function* asyncItems(count: number): AsyncGenerator<number> {
  for (let item = 0; item < count; item++) yield item;
}

function* syncItems(count: number): Generator<number> {
  for (let item = 0; item < count; item++) yield item;
}

@Module({ imports: [ActiveSessionModule.forRoot()] })
class ItemsModule {}

const app = await NestFactory.createApplicationContext(ItemsModule, { logger: ['error'] });

/** Reads pages until the end, as requests would. */
async function throughRunner(items: Items, session: ActiveSession): Promise<number> {
  const runner = session.createSequenceRunner(items);
  let sum = 0;
  for (;;) {
    const { result, status } = await runner.getRequired({ advance: PAGE });
    for (const item of result) sum += item;
    if (status !== RunnerStatus.Progressed && status !== RunnerStatus.Stalled) return sum;
  }
}

async function throughStream(items: Items): Promise<number> {
  let sum = 0;
  let page: number[] = [];
  for await (const item of Readable.from(items)) {
    if (page.push(item as number) < PAGE) continue;
    for (const each of page) sum += each;
    page = [];
  }
  for (const each of page) sum += each;
  return sum;
}

function throughObservable(items: Items): Promise<number> {
  const pages = from(items).pipe(bufferCount(PAGE));
  return lastValueFrom(
    pages.pipe(
      reduce((sum, page) => {
        for (const item of page) sum += item;
        return sum;
      }, 0),
    ),
  );
}

async function bare(items: Items): Promise<number> {
  let sum = 0;
  for await (const item of items) sum += item;
  return sum;
}

/** In the application, and in the session, of which the runner is: whether all items have come. */
const inSession =
  (source: (count: number) => Items, through: (items: Items, session: ActiveSession) => Promise<number>) =>
  (count: number): Promise<boolean> =>
    runInSession(app, async (session) => (await through(source(count), session)) === (count * (count - 1)) / 2);

serve({
  runner: inSession(asyncItems, throughRunner),
  bare: inSession(asyncItems, bare),
  stream: inSession(asyncItems, throughStream),
  observable: inSession(asyncItems, throughObservable),
  runnerSync: inSession(syncItems, throughRunner),
  bareSync: inSession(syncItems, bare),
  streamSync: inSession(syncItems, throughStream),
  observableSync: inSession(syncItems, throughObservable),
});
