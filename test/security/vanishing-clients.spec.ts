import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Query, type INestApplication } from '@nestjs/common';
import {
  getActiveSession,
  RequestSignal,
  RunnerParam,
  type ActiveSession,
  type Runner,
  type RunnerResult,
} from 'nestjs-active-session';
import type { Server } from 'node:http';
import { promisify } from 'node:util';
import { settle } from '../support/fake-clock.js';
import { Gate, until } from '../support/gate.js';
import { RawClient } from '../support/raw-client.js';
import { useSessionApps, type SessionApp } from '../support/session-app.js';

const MEGABYTE = 2 ** 20;
const { start, faults } = useSessionApps();

@Controller('pages')
class PagesController {
  @Get(':key')
  read(
    @RunnerParam('key') runner: Runner,
    @Query('advance') advance: string,
    @RequestSignal() signal: AbortSignal,
  ): Promise<RunnerResult<unknown>> {
    return runner.getRequired({ advance: Number(advance), waitMs: 60_000, signal });
  }
}

const startPages = (): Promise<SessionApp> =>
  start({
    metadata: { controllers: [PagesController] },
    handlers: {
      // Reads its body itself, as an upload does.
      upload: async (req) => {
        getActiveSession(req).touch();
        let size = 0;
        for await (const chunk of req) size += (chunk as Buffer).length;
        return size;
      },
    },
  });

/** Resolves when the server knows of so many connections. */
async function connections({ app }: { app: INestApplication }, wanted: number): Promise<void> {
  const server = app.getHttpServer() as Server;
  const count = promisify(server.getConnections.bind(server));
  while ((await count()) !== wanted) await settle(1);
  await settle();
}

/** A source that never ends, and counts what was pulled. */
function endless(item: () => unknown): {
  source: (signal: AbortSignal) => AsyncIterable<unknown>;
  pulled: () => number;
} {
  let pulled = 0;
  const source = async function* (): AsyncGenerator {
    for (;;) {
      pulled++;
      yield await Promise.resolve(item());
    }
  };
  return { source, pulled: () => pulled };
}

describe('A client that vanishes in the middle of its body', () => {
  const headers = (path: string, cookie: string, type: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: test\r\nCookie: ${cookie}\r\nContent-Type: ${type}\r\nContent-Length: 1000\r\n\r\n`;

  it.each([
    // What the handler makes of it is the application's.
    ['while the handler reads it', 'application/octet-stream', 1, ['Error: aborted']],
    ['before its handler is reached', 'application/json', 0, []],
  ])('leaves nothing pinned: %s', async (_when, type, pinned, logged) => {
    const app = await startPages();
    const { browser, session } = await app.user();
    const runner = session.createSequenceRunner([1, 2, 3]);
    const client = new RawClient(app.url);
    client.write(headers('/upload', browser.cookie, type));
    client.write('{"half": ');
    await connections(app, 1);
    await until(() => app.registry.stats().pinned === pinned);
    await client.vanish();
    await connections(app, 0);
    expect(app.registry.stats().pinned).toBe(0);
    expect([session.isAvailable, (await runner.getRequired()).result]).toEqual([true, [1, 2, 3]]);
    // Nest 11 itself logs what Nest 12 does not: a body that is cut off.
    expect(faults().filter((line) => line !== 'BadRequestError: request aborted')).toEqual(logged);
  });
});

describe('Clients that vanish while they wait', () => {
  const CLIENTS = 200;

  it.each<[string, (session: ActiveSession, gate: Gate) => Runner, rest: number[]]>([
    [
      'a sequence',
      (session, gate) =>
        session.createSequenceRunner(async function* () {
          yield 1;
          await gate.opened;
          yield 2;
        }),
      [2],
    ],
    [
      'a process',
      (session, gate) =>
        session.createProcessRunner(async (report) => {
          report([1]);
          await gate.opened;
          return [1, 2];
        }),
      [1, 2],
    ],
  ])('leave neither timers nor places in its queue behind, and the work goes on: %s', async (_what, make, rest) => {
    const app = await startPages();
    const { browser, session } = await app.user();
    const gate = new Gate();
    const runner = make(session, gate);
    const { pending } = app.clock;

    const clients = Array.from({ length: CLIENTS }, () => new RawClient(app.url));
    for (const client of clients)
      client.send({ path: `/pages/${String(runner.key)}?advance=5`, cookie: browser.cookie });
    await until(() => app.clock.pending >= pending + CLIENTS);
    expect(app.registry.stats().pinned).toBe(1);
    await Promise.all(clients.map((client) => client.vanish()));
    await connections(app, 0);

    expect(app.registry.stats().pinned).toBe(0);
    expect(app.clock.pending).toBeLessThanOrEqual(pending + 1);
    // A read that waited would have the first claim to it.
    expect(runner.getAvailable().result).toEqual([1]);
    expect(runner.isBackgroundCompleted).toBe(false);
    gate.open();
    await until(() => runner.isBackgroundCompleted);
    expect((await runner.getRequired()).result).toEqual(rest);
  });
});

describe('A client that does not read its answer', () => {
  const PAGE = 20;
  const QUEUE = 30;

  it('costs one page: nothing is pulled for it, and what others read is not held up', async () => {
    const app = await startPages();
    const { browser, session } = await app.user();
    const { source, pulled } = endless(() => 'x'.repeat(MEGABYTE));
    const runner = session.createSequenceRunner(source, { queueLimit: QUEUE, replay: 'last-read' });
    const client = new RawClient(app.url);
    client.stopReading();
    client.send({ path: `/pages/${String(runner.key)}?advance=${PAGE}`, cookie: browser.cookie });
    await until(() => runner.position === PAGE);
    await until(() => pulled() >= PAGE + QUEUE);
    await settle(50);
    expect(app.registry.stats().pinned).toBe(1);
    expect(pulled()).toBe(PAGE + QUEUE);

    const small = await browser.get(`/pages/${String(runner.key)}?advance=1`);
    expect(small.body).toMatchObject({ from: PAGE, position: PAGE + 1 });
    await until(() => pulled() === PAGE + 1 + QUEUE);
    await settle(50);
    expect(pulled()).toBe(PAGE + 1 + QUEUE);
    expect(app.registry.stats().pinned).toBe(1);

    await client.vanish();
    await app.requestsOver();
    expect(runner.status).toBe('progressed');
    runner.abort();
  });

  it('and vanishes can read the same page again', async () => {
    const app = await startPages();
    const { browser, session } = await app.user();
    const runner = session.createSequenceRunner(endless(() => 'x'.repeat(MEGABYTE)).source, { queueLimit: 1 });
    const client = new RawClient(app.url);
    client.stopReading();
    client.send({ path: `/pages/${String(runner.key)}?advance=${PAGE}`, cookie: browser.cookie });
    await until(() => runner.position === PAGE);
    await settle();
    await client.vanish();
    await app.requestsOver();
    const { result, from } = runner.getAvailable({ startPosition: 0, advance: PAGE });
    expect([from, result.length]).toEqual([0, PAGE]);
    runner.abort();
    expect(browser.cookies.size).toBe(1);
  });
});
