import { expect, it } from '@jest/globals';
import type { Request } from 'express';
import { getActiveSession } from 'nestjs-active-session';
import { useSessionApps } from '../support/session-app.js';

const { start } = useSessionApps();

it.each<[string, (req: Request) => object]>([
  ['derived', (req) => Object.create(req) as object],
  ['wrapped in a proxy', (req) => new Proxy(req, {})],
  ['copied', (req) => ({ ...req })],
])('A request that is %s has the session of the request', async (_how, wrap) => {
  const { user } = await start({
    handlers: {
      look: (req: Request) => {
        const own = getActiveSession(req);
        const other = getActiveSession(wrap(req));
        return { isAvailable: other.isAvailable, isSame: other === own };
      },
    },
  });
  const { browser } = await user();
  expect((await browser.get('/look')).body).toEqual({ isAvailable: true, isSame: true });
});
