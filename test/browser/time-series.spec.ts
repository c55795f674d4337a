import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { expectAccessible } from './support/axe.js';
import { expectStatus, expectToFit, loseAnswer, open } from './support/tab.js';
import { useBrowser, useSample } from './support/use-browser.js';
import { VIEW_NAMES, type ViewName } from './support/views.js';

/** More than a search runs ahead of its reader: it is at work as long as nobody reads it. */
const HITS = 10_000;

describe('The time series', () => {
  const sample = useSample({ 'hits.txt': 'hit\n'.repeat(HITS) });
  const users = useBrowser();
  let tab: Page;

  async function measure(view?: ViewName): Promise<void> {
    const user = await users.newUser(sample.url, view);
    tab = await user.newPage();
    await open(tab, '/time-series');
    await user.request.post('/api/searches', { data: { text: 'hit' } });
    await tab.getByLabel('Interval in seconds').fill('0.1');
    await tab.getByLabel('Measurements').fill('15');
    await tab.getByRole('button', { name: 'Measure' }).click();
    await expectStatus(tab, 'Completed.');
  }

  describe('of fifteen measurements', () => {
    beforeEach(() => measure());

    it('shows them as lines, and the last ten as numbers', async () => {
      expect(await tab.locator('#count').textContent()).toBe('15');
      expect(await tab.locator('#plan').textContent()).toBe(' of 15, one every 0.1 s');
      expect(await tab.locator('#rows tr').count()).toBe(10);
      for (const id of ['heap-used', 'event-loop-delay', 'running-searches']) {
        const line = await tab.locator(`#${id} .chart-line`).getAttribute('d');
        expect(line?.match(/[ML]/g)).toHaveLength(15);
      }
    });

    it('says what is to be seen: the memory, and the search that is at work', async () => {
      const labels = await Promise.all(
        (await tab.getByRole('img').all()).map((image) => image.getAttribute('aria-label')),
      );
      expect(labels).toEqual([
        expect.stringMatching(/^Heap used: [\d.]+ MB now, from [\d.]+ MB to [\d.]+ MB in the last 1\.\d s\.$/),
        expect.stringMatching(/^Event loop delay: [\d.]+ ms now, from /),
        expect.stringMatching(/^Running searches: 1 now, from 1 to 1 in /),
      ]);
    });
  });

  it.each(VIEW_NAMES)('fits, and shuts nobody out: %s', async (view) => {
    await measure(view);
    await expectToFit(tab);
    await expectAccessible(tab);
  });

  it('says that too much is at work', async () => {
    users.expectErrors(/429/);
    const user = await users.newUser(sample.url);
    tab = await user.newPage();
    await open(tab, '/time-series');
    const start = () => user.request.post('/api/time-series', { data: { intervalSeconds: 3_600 } });
    while ((await start()).ok());
    await tab.getByRole('button', { name: 'Measure' }).click();
    await expectStatus(tab, 'Too many at once for this user.');
    expect(await tab.getByRole('button', { name: 'Measure' }).isEnabled()).toBe(true);
  });

  it('is quiet again when an answer that was lost has come after all', async () => {
    users.expectErrors(/net::ERR_FAILED/);
    const user = await users.newUser(sample.url);
    tab = await user.newPage();
    await loseAnswer(tab, '**/api/session');
    await tab.goto('/time-series');
    await expectStatus(tab, /again…$/);
    await expectStatus(tab, 'Nothing measured yet.');
  });

  it('says what is wrong with an interval', async () => {
    const user = await users.newUser(sample.url);
    tab = await user.newPage();
    await open(tab, '/time-series');
    await tab.getByLabel('Interval in seconds').fill('0.01');
    await tab.getByRole('button', { name: 'Measure' }).click();
    expect(await tab.evaluate<boolean>('document.getElementById("interval").validity.rangeUnderflow')).toBe(true);
    expect(await tab.locator('#status').textContent()).toBe('Nothing measured yet.');
  });
});
