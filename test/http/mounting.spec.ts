import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import session from 'express-session';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getActiveSession, type ActiveSessionModuleOptions, type UserSessionOptions } from 'nestjs-active-session';
import { useFolders } from '../support/folders.js';
import { useSessionApps, type SessionApp } from '../support/session-app.js';
import { SECRET } from '../support/test-app.js';

const { start, warnings } = useSessionApps();
const folder = useFolders();

@Controller()
class PageController {
  @Get()
  page(): string {
    return '<title>Shop</title>';
  }
}

/** An application under `/api`, with a page at `/`, and files, which Express serves before all else. */
async function startSite(options: ActiveSessionModuleOptions = {}): Promise<SessionApp> {
  const root = await folder();
  await writeFile(join(root, 'logo.svg'), '<svg/>');
  return start({
    options,
    metadata: { controllers: [PageController] },
    handlers: { api: (req) => ({ id: getActiveSession(req).id }) },
    configure: (nest) => {
      nest.setGlobalPrefix('api', { exclude: ['/'] });
      (nest as NestExpressApplication).useStaticAssets(root);
    },
  });
}

describe('With a global prefix, a page and static files', () => {
  it('files cost no session and set no cookie, also with `preload: true`', async () => {
    const app = await startSite({ preload: true });
    const browser = app.browser();
    expect((await browser.get('/logo.svg')).status).toBe(200);
    expect([browser.cookies.size, app.registry.stats().created]).toEqual([0, 0]);
  });

  it('the page sets no cookie, and the API does', async () => {
    const app = await startSite();
    const browser = app.browser();
    expect((await browser.get('/')).text).toBe('<title>Shop</title>');
    expect([browser.cookies.size, app.registry.stats().created]).toEqual([0, 0]);
    expect((await browser.get('/api/id')).status).toBe(200);
    expect(browser.cookies.size).toBe(1);
  });

  it('the page sets the cookie with `preload: true`, so that its first calls at once meet in one session', async () => {
    const app = await startSite({ preload: true });
    const browser = app.browser();
    await browser.get('/');
    expect(browser.cookies.size).toBe(1);
    const answers = await Promise.all([browser.get('/api/id'), browser.get('/api/id')]);
    expect(answers[0].body).toEqual(answers[1].body);
    expect(app.registry.stats()).toMatchObject({ created: 1, unconfirmed: 0 });
  });

  it('the page can be excluded', async () => {
    const app = await startSite({ preload: true, sessions: [{}, { exclude: true, path: '/' }] });
    const browser = app.browser();
    await browser.get('/');
    expect(app.registry.stats().created).toBe(0);
    await browser.get('/api/id');
    expect(app.registry.stats().created).toBe(1);
  });
});

describe('In production', () => {
  async function startInProduction(userSession: UserSessionOptions): Promise<string[]> {
    const { NODE_ENV } = process.env;
    process.env.NODE_ENV = 'production';
    try {
      await start({ options: { userSession } });
      return warnings();
    } finally {
      process.env.NODE_ENV = NODE_ENV;
    }
  }
  class Store extends session.MemoryStore {}

  it.each<[string, UserSessionOptions]>([
    ['no store', {}],
    ["express-session's MemoryStore", { store: new session.MemoryStore() }],
  ])('a warning, once, tells of %s', async (_what, options) => {
    const lines = await startInProduction({ secret: SECRET, ...options });
    expect(lines.filter((line) => line.includes('in memory'))).toHaveLength(1);
  });

  it('there is no warning with a store', async () => {
    expect(await startInProduction({ secret: SECRET, store: new Store() })).toEqual([]);
  });

  it('the application does not start without a secret, or with one that is empty', async () => {
    await expect(startInProduction({})).rejects.toThrow(/"userSession.secret" must be given in production/);
    await expect(startInProduction({ secret: '' })).rejects.toThrow(/"userSession.secret" to be a non-empty string/);
  });
});
