/**
 * Makes the pictures of the pages: `npm run screenshots -- FOLDER`. Each page is brought to something that is worth a
 * look; what differs from run to run is put right on its way to the page.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page, Route } from 'playwright-core';
import { PAGES } from '../../sample-app/page/site.js';
import { findUpwards } from '../../sample-app/settings.js';
import { launchChromium } from './support/launch-chromium.js';
import { Sample } from './support/sample.js';
import { VIEW_NAMES, VIEWS } from './support/views.js';

const [, , folder = 'docs/images', ...flags] = process.argv;
/** Otherwise the desktop alone. */
const views = flags.includes('--all-views') ? VIEW_NAMES : (['desktop'] as const);

const SCENES: Partial<Record<string, (tab: Page) => Promise<void>>> = {
  async search(tab) {
    await tab.getByLabel('Search for').fill('session ends');
    await tab.getByRole('button', { name: 'Search', exact: true }).click();
    await tab.getByRole('status').filter({ hasText: 'Completed.' }).waitFor();
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
const sample = await Sample.start(join(findUpwards('docs'), 'guide'));
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
    await context.route('**/api/session', constant);
    for (const { name, path } of PAGES) {
      const tab = await context.newPage();
      await tab.goto(path);
      await tab.locator('#session').filter({ hasText: ':' }).waitFor();
      await SCENES[name]?.(tab);
      const suffix = view === 'desktop' ? '' : `-${view.replaceAll(' ', '-')}`;
      await tab.screenshot({ path: join(folder, `sample-${name}${suffix}.png`), fullPage: view !== 'desktop' });
      await tab.close();
    }
    await context.close();
  }
} finally {
  await browser.close();
  await sample.close();
}
