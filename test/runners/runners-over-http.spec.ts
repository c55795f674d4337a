import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import {
  ActiveSession,
  InjectActiveSession,
  ParseRunnerKeyPipe,
  ProcessRunner,
  RequestSignal,
  RunnerKey,
  RunnerParam,
  SequenceRunner,
  type RunnerResult,
} from 'nestjs-active-session';
import type { Answer, Browser } from '../support/browser.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { numbers, Tap } from './tap.js';

/** The sources of the runners that were started, and the signals of the reads, in order. */
let taps: Tap[];
let reads: AbortSignal[];
let clock: FakeClock;
const LIFETIME_MS = 60_000;

/** Waits for so many reads to have reached their handler. */
async function arrived(count: number): Promise<void> {
  while (reads.length < count) await settle(1);
}

@Controller('rows')
class RowsController {
  @Post()
  start(@InjectActiveSession() session: ActiveSession, @Body() { given = 0 }: { given?: number }): object {
    const tap = new Tap().give(...numbers(0, given));
    taps.push(tap);
    return { key: session.createSequenceRunner(tap, { name: 'rows' }).key };
  }

  @Post('others')
  others(@InjectActiveSession() session: ActiveSession): object {
    const named = session.createSequenceRunner([], { name: 'something else' });
    const process = session.createProcessRunner(
      async (report, signal) => {
        report('on its way');
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
      { name: 'rows' },
    );
    return { named: named.key, process: process.key };
  }

  @Post('end')
  async end(@InjectActiveSession() session: ActiveSession): Promise<void> {
    await session.terminate();
  }

  @Get(':key')
  read(
    @RunnerParam('key', { kind: 'sequence', name: 'rows' }) runner: SequenceRunner<number>,
    @Query('from') from: string,
    @Query('max') max: string,
    @RequestSignal() signal: AbortSignal,
  ): Promise<RunnerResult<number[]>> {
    reads.push(signal);
    return runner.getRequired({ startPosition: Number(from), advance: Number(max), signal });
  }

  @Get(':key/result')
  result(
    @RunnerParam('key', { kind: 'process' }) runner: ProcessRunner,
    @RequestSignal() signal: AbortSignal,
  ): unknown {
    reads.push(signal);
    return runner.getRequired({ advance: Infinity, signal });
  }

  @Get(':key/key')
  parse(@Param('key', ParseRunnerKeyPipe) key: RunnerKey): object {
    return { isKey: key instanceof RunnerKey, number: key.number, text: key };
  }
}

let app: TestApp;
let browser: Browser;

beforeEach(async () => {
  taps = [];
  reads = [];
  clock = new FakeClock();
  app = await startApp({
    options: { clock, maxLifetimeMs: LIFETIME_MS, limits: { runnersPerSession: 4 } },
    metadata: { controllers: [RowsController] },
  });
  browser = app.browser();
});
afterEach(closeApps);

async function start(given: number, user = browser): Promise<string> {
  const { body } = await user.post('/rows', { given });
  return body.key;
}

const page = (key: string, from: number | string, max = 5, user = browser): Promise<Answer> =>
  user.get(`/rows/${key}?from=${from}&max=${max}`);

function expectProblem(answer: Answer, status: number, members: object): void {
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(answer.body).toMatchObject({ type: 'about:blank', status, ...members });
}

describe('A runner over HTTP', () => {
  it('is read page by page with the key from its POST; the same cursor gives the same page', async () => {
    const key = await start(12);
    expect(key).toMatch(/^0-1-[\w-]+~[\w-]+$/);
    const first = await page(key, 0);
    expect(first.body).toEqual({ result: numbers(0, 5), from: 0, position: 5, status: 'progressed' });
    expect((await page(key, 0)).body).toEqual(first.body);
    expect((await page(key, 5)).body).toEqual({ result: numbers(5, 10), from: 5, position: 10, status: 'progressed' });
    taps[0]!.finish();
    expect((await page(key, 10)).body).toEqual({ result: [10, 11], from: 10, position: 12, status: 'completed' });
  });

  it('is the same for a second tab of its user', async () => {
    const key = await start(5);
    expect((await page(key, 0, 5, browser.clone())).body.result).toEqual(numbers(0, 5));
  });

  it.each(['nonsense', '0-1-abc', '00-1-abc~d', `${'9'.repeat(16)}-1-a~b`, '0-1-a~b%0A', '%3Cscript%3E'])(
    'answers 400 to what is no key, and does not echo it: %s',
    async (text) => {
      await start(1);
      const answer = await page(text, 0);
      expectProblem(answer, 400, { code: 'BAD_RUNNER_KEY', title: 'Malformed runner key' });
      expect(answer.text).not.toContain(decodeURIComponent(text));
      expectProblem(await browser.get(`/rows/${text}/key`), 400, { code: 'BAD_RUNNER_KEY' });
    },
  );

  it('answers 400 to a position ahead, and to what is no position', async () => {
    const key = await start(5);
    await page(key, 0);
    const ahead = await page(key, 6);
    expectProblem(ahead, 400, { code: 'BAD_ARGUMENT', detail: expect.stringContaining('at most 5') });
    for (const from of ['', '-1', '1.5', 'x']) {
      const answer = await page(key, from === '' ? 'undefined' : from);
      expectProblem(answer, 400, { code: 'BAD_ARGUMENT', detail: expect.stringContaining('startPosition') });
    }
  });

  it('answers 409 with `oldest` and `from` to a position whose rows are not kept', async () => {
    const key = await start(9);
    await page(key, 0, 3);
    await page(key, 3, 3);
    expectProblem(await page(key, 1), 409, { code: 'POSITION_GONE', title: 'Position gone', oldest: 3, from: 1 });
    expect((await page(key, 3, 3)).status).toBe(200);
  });

  it('answers one and the same 410 to every key behind which there is nothing for this user', async () => {
    const key = await start(5);
    const { named, process } = (await browser.post('/rows/others')).body;
    const stranger = app.browser();
    const foreign = await start(5, stranger);
    const nobody = app.browser();

    const answers = [
      await page(key.replace(/^0-/, '99-'), 0),
      await page(key.replace(/^0-1-/, '0-2-'), 0),
      await page(key.replace(/~.*/, '~guessed'), 0),
      await page(foreign, 0),
      await page(named, 0),
      await page(process, 0),
      await page(key, 0, 5, stranger),
      await page(key, 0, 5, nobody),
    ];
    await browser.post('/rows/end');
    answers.push(await page(key, 0));
    await start(5);
    answers.push(await page(key, 0));

    expectProblem(answers[0]!, 410, { code: 'RUNNER_GONE', title: 'Runner gone' });
    for (const { status, text, headers } of answers) {
      expect({ status, text }).toEqual({ status: 410, text: answers[0]!.text });
      expect(headers['content-type']).toBe(answers[0]!.headers['content-type']);
    }
    expect(nobody.cookies.size).toBe(0);
  });

  it('answers 429 with Retry-After to one too many', async () => {
    for (let count = 0; count < 4; count++) {
      const key = await start(1);
      await page(key, 0, 1);
    }
    const answer = await browser.post('/rows', {});
    expectProblem(answer, 429, { code: 'LIMIT_REACHED' });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });
});

describe('At the end of the lifetime of a session', () => {
  it('the reads that wait are answered with what there is', async () => {
    const key = await start(2);
    const { process } = (await browser.post('/rows/others')).body;
    const waiting = [page(key, 0), browser.get(`/rows/${process}/result`)];
    await arrived(2);
    await clock.advance(LIFETIME_MS + 1_000);
    const [rows, result] = await Promise.all(waiting);
    expect(rows!.body).toEqual({ result: [0, 1], from: 0, position: 2, status: 'stalled' });
    expect(result!.body).toEqual({ result: 'on its way', from: 0, position: 1, status: 'stalled' });
  });
});

describe('ParseRunnerKeyPipe', () => {
  it('gives the handler a RunnerKey, whoever owns it', async () => {
    const key = await start(0);
    const { body } = await app.browser().get(`/rows/${key}/key`);
    expect(body).toEqual({ isKey: true, number: 0, text: key });
  });
});

describe('A client that vanishes in the middle of a wait', () => {
  const gone = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve());
    });

  it('loses nothing: its signal aborts, the runner goes on, and the next read gets everything', async () => {
    const key = await start(2);
    const client = new AbortController();
    const lost = browser.get(`/rows/${key}?from=0&max=5`, { signal: client.signal }).catch((error: unknown) => error);
    await arrived(1);
    expect(reads[0]!.aborted).toBe(false);
    client.abort();
    expect(await lost).toMatchObject({ name: 'AbortError' });
    await gone(reads[0]!);
    expect(reads[0]!.reason).toMatchObject({ code: 'CLIENT_GONE' });

    const tap = taps[0]!;
    expect(tap.returns).toBe(0);
    tap.give(2, 3).finish();
    expect((await page(key, 0)).body).toEqual({ result: [0, 1, 2, 3], from: 0, position: 4, status: 'completed' });
  });

  it('makes way for its own retry, which waits behind it', async () => {
    const key = await start(2);
    const client = new AbortController();
    const lost = browser.get(`/rows/${key}?from=0&max=5`, { signal: client.signal }).catch((error: unknown) => error);
    await arrived(1);
    const retry = page(key, 0, 2);
    await arrived(2);
    client.abort();
    await lost;
    expect((await retry).body).toMatchObject({ result: [0, 1], from: 0 });
  });

  it('has no signal that aborts when it stays for its answer', async () => {
    const key = await start(2);
    await page(key, 0, 2);
    await page(key, 0, 2);
    expect(reads.map(({ aborted }) => aborted)).toEqual([false, false]);
  });
});
