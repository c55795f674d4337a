import { describe, expect, it } from '@jest/globals';
import type { SessionRule } from 'nestjs-active-session';
import type { Browser } from '../support/browser.js';
import { useSessionApps } from '../support/session-app.js';

const { start } = useSessionApps();

const PATTERNS = [
  '/shop/*rest',
  '/shop{/*rest}',
  '/:a/b/:c/d',
  '/:a-:b-:c-:d',
  '/*a/x/*b',
  '/*a/*b/*c/end',
  '/*a/x/*b/y/*c/end',
  '{/a/}*b/end',
  '/:a{-:b}{-:c}{.:d}/end',
  '{/*a}/x{/*b}/end',
  '/*a-*b/end',
];
const UNITS = ['/', 'x', '-', '/x', '/x/y', 'a-', '-.', '/x-'];
const KILOBYTE = 1024;
/** Growth at four times the length: 4 or less is in proportion to it, and 16 its square. */
const TOO_MUCH = 7;

/** How long the fastest of a few requests takes. */
async function fastest(browser: Browser, path: string): Promise<number> {
  let best = Infinity;
  for (let attempt = 0; attempt < 4; attempt++) {
    const startMs = performance.now();
    expect((await browser.get(path)).status).toBe(404);
    best = Math.min(best, performance.now() - startMs);
  }
  return best;
}

/** How much longer a path takes that is four times as long. */
async function growth(browser: Browser, unit: string): Promise<number> {
  const path = (length: number): string => `/p${unit.repeat(length / unit.length)}~`;
  return (await fastest(browser, path(14 * KILOBYTE))) / (await fastest(browser, path(3.5 * KILOBYTE)));
}

describe('A long path', () => {
  const rules: SessionRule[] = PATTERNS.map((path) => ({ path, exclude: true }));

  it.each(UNITS)('takes time in proportion to its length, whatever the patterns of rules: made of %j', async (unit) => {
    const app = await start({ options: { sessions: rules } });
    expect(await growth(app.browser(), unit)).toBeLessThan(TOO_MUCH);
  });

  it('is seen to take longer where a RegExp of the application makes it so', async () => {
    const app = await start({ options: { sessions: [{ path: /x*!/, exclude: true }] } });
    expect(await growth(app.browser(), 'x')).toBeGreaterThan(TOO_MUCH);
  });

  it('comes to no rule beyond what Node takes', async () => {
    let asked = 0;
    const app = await start({ options: { sessions: { when: () => ++asked > 0 } } });
    expect((await app.browser().get(`/${'x'.repeat(17 * KILOBYTE)}`)).status).toBe(431);
    expect(asked).toBe(0);
    expect((await app.browser().get('/use')).status).toBe(200);
  });
});
