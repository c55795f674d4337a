import { afterEach, beforeEach, expect, jest } from '@jest/globals';
import { Controller, Get, Logger, Post, type Type } from '@nestjs/common';
import {
  ActiveSession,
  ActiveSessionGroupRegistry,
  InjectActiveSession,
  RunnerKey,
  RunnerParam,
  getActiveSession,
  type ActiveSessionModuleOptions,
  type Runner,
} from 'nestjs-active-session';
import type { Browser } from './browser.js';
import { FakeClock } from './fake-clock.js';
import { until } from './gate.js';
import { controllerOf, type Handlers } from './handlers.js';
import { closeApps, startApp, type TestApp, type TestAppOptions } from './test-app.js';

export interface SessionAppOptions extends TestAppOptions {
  /** By the first part of the path. There is `/use` already: it uses the session. */
  handlers?: Handlers;
}

export interface SessionApp extends TestApp {
  clock: FakeClock;
  groups: ActiveSessionGroupRegistry;
  /** The active session of a browser, which uses it by one request. The query parameter `tab` is the suffix. */
  enter(browser: Browser, tab?: string): Promise<ActiveSession>;
  /** The active session of somebody whose cookie has come back. */
  user(): Promise<{ browser: Browser; session: ActiveSession }>;
  /** Resolves when no request uses a session any more. */
  requestsOver(): Promise<void>;
}

export interface SessionApps {
  /** An application with a clock that only the test moves. */
  start(options?: SessionAppOptions): Promise<SessionApp>;
  /** The errors that were logged since the last call. A test that leaves some behind fails. */
  faults(): string[];
  warnings(): string[];
  notes(): string[];
}

@Controller('runners')
class RunnersController {
  @Post()
  start(@InjectActiveSession() session: ActiveSession): { key: RunnerKey; generation: number } {
    return { key: session.createSequenceRunner([1, 2, 3]).key, generation: session.generation };
  }

  @Get(':key')
  read(@RunnerParam('key') runner: Runner): { number: number } {
    return { number: runner.number };
  }
}

/** For the top of a spec: ends what a test has started, and looks after the log. */
export function useSessionApps(): SessionApps {
  const faults: string[] = [];
  const warnings: string[] = [];
  const notes: string[] = [];

  beforeEach(() => {
    const record = (lines: string[]) => (message: unknown) => void lines.push(textOf(message));
    jest.spyOn(Logger.prototype, 'error').mockImplementation(record(faults));
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(record(warnings));
    jest.spyOn(Logger.prototype, 'log').mockImplementation(record(notes));
  });
  afterEach(async () => {
    await closeApps();
    jest.restoreAllMocks();
    warnings.length = notes.length = 0;
    expect(faults.splice(0)).toEqual([]);
  });

  return { start, faults: () => faults.splice(0), warnings: () => warnings.splice(0), notes: () => notes.splice(0) };
}

async function start({ handlers = {}, options, metadata, ...more }: SessionAppOptions = {}): Promise<SessionApp> {
  const clock = options?.clock ?? new FakeClock();
  const sessions: ActiveSessionModuleOptions['sessions'] = { suffix: tabOf };
  const controllers: Type[] = [
    ...(metadata?.controllers ?? []),
    RunnersController,
    controllerOf({ use: (req) => ({ id: getActiveSession(req).id }), ...handlers }),
  ];
  const started = await startApp({
    ...more,
    options: { clock, sessions, ...options },
    metadata: { ...metadata, controllers },
  });
  const { registry } = started;

  async function enter(browser: Browser, tab?: string): Promise<ActiveSession> {
    const { status, body } = await browser.get(tab === undefined ? '/use' : `/use?tab=${tab}`);
    expect(status).toBe(200);
    await requestsOver();
    const session = registry.get(body.id as string);
    if (session === undefined) throw new Error('It has ended at once');
    return session;
  }

  async function user(): Promise<{ browser: Browser; session: ActiveSession }> {
    const browser = started.browser();
    await enter(browser);
    return { browser, session: await enter(browser) };
  }

  const requestsOver = (): Promise<void> => until(() => registry.stats().pinned === 0);

  return {
    ...started,
    clock: clock as FakeClock,
    groups: started.app.get(ActiveSessionGroupRegistry),
    enter,
    user,
    requestsOver,
  };
}

/** Nest logs what a handler has thrown as it is, and that can be anything. */
function textOf(message: unknown): string {
  try {
    return String(message);
  } catch {
    return 'something that has no text';
  }
}

/** The suffix that a request asks for. */
export function tabOf({ url }: { url?: string }): string | undefined {
  return new URL(url ?? '/', 'http://test').searchParams.get('tab') ?? undefined;
}
