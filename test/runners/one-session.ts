import { afterAll, afterEach, beforeAll, beforeEach, expect, jest } from '@jest/globals';
import { Controller, Get, Logger, type ModuleMetadata } from '@nestjs/common';
import { ActiveSession, InjectActiveSession, type ActiveSessionModuleOptions } from 'nestjs-active-session';
import { FakeClock } from '../support/fake-clock.js';
import { startApp, type TestApp } from '../support/test-app.js';

@Controller()
class Door {
  @Get()
  enter(@InjectActiveSession() session: ActiveSession): { id: string } {
    return { id: session.id };
  }
}

/** What each test of a file has. */
export interface OneSession {
  readonly clock: FakeClock;
  /** A fresh one for each test. */
  readonly session: ActiveSession;
  /** The session in which the running code is. */
  current(): ActiveSession | undefined;
  /** Of another user. */
  another(): Promise<ActiveSession>;
  /** What the library has logged as a fault. A test that does not ask for it fails when there is any. */
  faults(): string[];
}

/** One application for the file, one session for each test. Nothing idles out by itself: see `runnerIdleTimeoutMs`. */
export function useSession(options: ActiveSessionModuleOptions = {}, metadata: ModuleMetadata = {}): OneSession {
  const clock = options.clock instanceof FakeClock ? options.clock : new FakeClock();
  const logged: string[] = [];
  let test: TestApp;
  let session: ActiveSession;

  const open = async (): Promise<ActiveSession> => {
    const browser = test.browser();
    // With the second request its cookie has come back, and the session is kept like any other.
    await browser.get('/');
    const { body } = await browser.get('/');
    return test.registry.get(body.id) as ActiveSession;
  };

  beforeAll(async () => {
    test = await startApp({
      options: { clock, idleTimeoutMs: Infinity, ...options },
      metadata: { ...metadata, controllers: [Door] },
    });
  });
  beforeEach(async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation((message: unknown) => logged.push(String(message)));
    session = await open();
  });
  afterEach(async () => {
    await session.terminate();
    jest.restoreAllMocks();
    expect(logged.splice(0)).toEqual([]);
  });
  afterAll(() => test.app.close());

  return {
    clock,
    get session() {
      return session;
    },
    current: () => test.registry.current(),
    another: open,
    faults: () => logged.splice(0),
  };
}
