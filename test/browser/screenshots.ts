/**
 * Makes the pictures of the pages: `npm run screenshots -- FOLDER`. Each page is brought to something that is worth a
 * look; what differs from run to run is put right on its way to the page.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page, Route } from 'playwright-core';
import { PAGES } from '../../sample-app/page/site.js';
import { findUpwards } from '../../sample-app/settings.js';
import { Sample } from '../sample-app/sample.js';
import { launchChromium } from './support/launch-chromium.js';
import { VIEW_NAMES, VIEWS } from './support/views.js';

const [, , folder = 'docs/images', ...flags] = process.argv;
/** Otherwise the desktop alone. */
const views = flags.includes('--all-views') ? VIEW_NAMES : (['desktop'] as const);

const completed = (tab: Page): Promise<void> => tab.locator('#status').filter({ hasText: 'Completed.' }).waitFor();

async function search(tab: Page): Promise<void> {
  await tab.goto('/search');
  await tab.getByLabel('Search for').fill('session');
  await tab.getByRole('button', { name: 'Search', exact: true }).click();
  await completed(tab);
}

/** More lines than a search runs ahead of its reader: it is at work as long as nobody reads it. */
async function leaveSearchAtWork(tab: Page): Promise<void> {
  await tab.context().request.post('/api/searches', { data: { text: 'e' } });
}

/** What is done on the page, or on others before it is opened. */
const SCENES: Partial<Record<string, (tab: Page) => Promise<void>>> = {
  search,
  async home(tab) {
    await search(tab);
    await leaveSearchAtWork(tab);
    await tab.goto('/?session=b');
    await tab.goto('/');
    await tab.getByRole('region', { name: 'Session b' }).waitFor();
  },
  async ended(tab) {
    await leaveSearchAtWork(tab);
    await tab.goto('/search');
    await tab.getByRole('button', { name: 'New session' }).click();
    await tab.locator('#status').filter({ hasText: 'new session' }).waitFor();
    await tab.goto('/ended');
  },
  async statistics(tab) {
    await tab.getByRole('button', { name: 'Count' }).click();
    await completed(tab);
  },
  async 'time-series'(tab) {
    await tab.getByLabel('Interval in seconds').fill('0.1');
    await tab.getByLabel('Measurements').fill('40');
    await tab.getByRole('button', { name: 'Measure' }).click();
    await tab.locator('#rows tr').nth(9).waitFor();
    await leaveSearchAtWork(tab);
    await completed(tab);
  },
  async workspace(tab) {
    await tab.getByLabel('Steps').fill('100');
    await tab.getByLabel('Delay').fill('50');
    await tab.getByRole('button', { name: 'Start' }).click();
    await tab.locator('#lines tr').nth(5).waitFor();
    const second = await tab.context().newPage();
    await second.goto('/workspace');
    await second.getByRole('button', { name: 'Start' }).click();
    await tab.locator('#waiting li').waitFor();
  },
};

async function constant(route: Route): Promise<void> {
  const response = await route.fetch();
  const text = await response.text();
  const body = text
    .replace(/"id":"[^"]+"/g, '"id":"K3v9wQ2xTz7bLm4c"')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '2026-01-05T09:30:00.000Z');
  await route.fulfill({ response, body });
}

await mkdir(folder, { recursive: true });
const sample = await Sample.start(findUpwards('sample-app'));
const browser = await launchChromium();
try {
  for (const view of views) {
    const context = await browser.newContext({
      ...VIEWS[view],
      baseURL: sample.url,
      locale: 'en-GB',
      timezoneId: 'UTC',
      reducedMotion: 'reduce',
    });
    await context.route(/\/api\/(sessions?|endings)$/, constant);
    for (const { name, path } of PAGES) {
      await context.clearCookies();
      const tab = await context.newPage();
      await tab.goto(path);
      await SCENES[name]?.(tab);
      await tab.locator('#session').filter({ hasText: ':' }).waitFor();
      await tab.locator('#status').filter({ hasNotText: /^…$/ }).waitFor();
      const suffix = view === 'desktop' ? '' : `-${view.replaceAll(' ', '-')}`;
      await tab.screenshot({ path: join(folder, `sample-${name}${suffix}.png`), fullPage: true });
      await tab.close();
    }
    await context.close();
  }
} finally {
  await browser.close();
  await sample.close();
}
