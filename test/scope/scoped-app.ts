import { Controller, Get, type ModuleMetadata, type Type } from '@nestjs/common';
import { type ActiveSession, getActiveSession } from 'nestjs-active-session';
import { Req } from '@nestjs/common';
import type { Browser } from '../support/browser.js';
import { startApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

/** Somebody with an active session. */
export interface User {
  browser: Browser;
  session: ActiveSession;
  /** Runs code as a request of this user would. */
  run<R>(fn: () => R): R;
  /** A second active session of the same user session. */
  tab(name: string): Promise<User>;
}

export interface ScopedApp extends TestApp {
  /** A user who has not been here before. */
  user(): Promise<User>;
  /** What Nest injects for a token. */
  get<T>(token: Type<T> | (abstract new (...args: never[]) => T) | string | symbol): T;
}

@Controller('session')
class SessionController {
  @Get()
  id(@Req() req: object): { id: string } {
    return { id: getActiveSession(req).id };
  }
}

/** An application with these providers, and users who use them. The query parameter `tab` chooses a suffix. */
export async function startScopedApp(metadata: ModuleMetadata, more: TestAppOptions = {}): Promise<ScopedApp> {
  const started = await startApp({
    ...more,
    options: { sessions: { suffix: ({ url }) => /[?&]tab=(\w+)/.exec(url ?? '')?.[1] }, ...more.options },
    metadata: { ...metadata, controllers: [SessionController, ...(metadata.controllers ?? [])] },
  });
  const { app, registry } = started;

  async function open(browser: Browser, query = ''): Promise<User> {
    const { body } = await browser.get(`/session${query}`);
    const session = registry.get(body.id as string);
    if (session === undefined) throw new Error(`No session: ${JSON.stringify(body)}`);
    return {
      browser,
      session,
      run: (fn) => registry.run(session, fn),
      tab: (name) => open(browser, `?tab=${name}`),
    };
  }

  return {
    ...started,
    user: () => open(started.browser()),
    get: (token) => app.get(token, { strict: false }),
  };
}
