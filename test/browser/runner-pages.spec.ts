import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { endSession, expectStatus, hold, loseAnswer, open, runnersOf, waitUntil } from './support/tab.js';
import { useBrowser, useSample } from './support/use-browser.js';

interface RunnerPage {
  path: string;
  /** Where its runners are started. */
  api: string;
  startButton: string;
  /** Its fields, so that a runner is at work for as long as a test takes. */
  fields: Record<string, string>;
  /** The element that shows how far the runner is. */
  figure: string;
  running: RegExp;
  gone: RegExp;
}

const RUNNER_PAGES: RunnerPage[] = [
  {
    path: '/statistics',
    api: '**/api/statistics',
    startButton: 'Count',
    fields: { 'Folders per second': '20' },
    figure: 'folders',
    running: /^Running…/,
    gone: /^These statistics are gone/,
  },
  {
    path: '/time-series',
    api: '**/api/time-series',
    startButton: 'Measure',
    fields: { 'Interval in seconds': '0.1' },
    figure: 'count',
    running: /^Running…/,
    gone: /^This time series is gone/,
  },
  {
    path: '/workspace',
    api: '**/api/workspace/jobs',
    startButton: 'Start',
    fields: { Steps: '100', 'Delay before each step': '100' },
    figure: 'count',
    running: /^At work since/,
    gone: /^The session has ended/,
  },
];

const FOLDERS = 1_000;
const CONTENT = Object.fromEntries(Array.from({ length: FOLDERS }, (_, i) => [`${i}/file.txt`, 'text']));

describe.each(RUNNER_PAGES)(
  'What was started on $path',
  ({ path, api, startButton, fields, figure, running, gone }) => {
    const sample = useSample(CONTENT);
    const users = useBrowser();
    let user: BrowserContext;
    let tab: Page;

    beforeEach(async () => {
      user = await users.newUser(sample.url);
      tab = await user.newPage();
      await open(tab, path);
      for (const [label, value] of Object.entries(fields)) await tab.getByLabel(label).fill(value);
    });

    const button = (name: string, page = tab) => page.getByRole('button', { name, exact: true });
    const start = () => button(startButton).click();
    const numberIn = `Number(document.getElementById('${figure}').textContent.replace(',', ''))`;

    /** The page shows that the runner has got so far. */
    async function expectToReach(reached: number, page = tab): Promise<number> {
      await waitUntil(page, `${numberIn} >= ${reached}`);
      return page.evaluate<number>(numberIn);
    }

    it('shows how far it is, until it is stopped', async () => {
      await start();
      await expectStatus(tab, running);
      const reached = await expectToReach(1);
      await expectToReach(reached + 1);
      await button('Stop').click();
      await expectStatus(tab, /^Stopped\./);
      expect(await button('Stop').isEnabled()).toBe(false);
      expect(await button(startButton).isEnabled()).toBe(true);
    });

    it('is there again, with all that it had, after a reload in the middle', async () => {
      await start();
      const reached = await expectToReach(2);
      await tab.reload();
      await expectToReach(reached + 1);
      await expectStatus(tab, running);
      expect(await runnersOf(user)).toBe(1);
    });

    it('is read in a second tab too, and stops for both', async () => {
      await start();
      const reached = await expectToReach(1);
      const second = await user.newPage();
      await second.goto(tab.url());
      await expectToReach(reached + 1, second);
      await button('Stop', second).click();
      await expectStatus(second, /^Stopped\./);
      await expectStatus(tab, /^Stopped\./);
      expect(await tab.evaluate(numberIn)).toBe(await second.evaluate(numberIn));
    });

    it('is there again after "back" from another page', async () => {
      await start();
      const reached = await expectToReach(1);
      await tab.getByRole('navigation').getByRole('link').first().click();
      await tab.waitForURL('/');
      await tab.goBack();
      await expectToReach(reached + 1);
    });

    it('is there again after "back" from the next one', async () => {
      await start();
      await expectToReach(1);
      await button('Stop').click();
      await expectStatus(tab, /^Stopped\./);
      await start();
      await expectStatus(tab, running);
      await tab.goBack();
      await expectStatus(tab, /^Stopped\./);
      await tab.goForward();
      await expectStatus(tab, running);
      expect(await runnersOf(user)).toBe(2);
    });

    it('is one, at a double click', async () => {
      const starts = await hold(tab, api);
      await button(startButton).dblclick();
      starts.open();
      await expectStatus(tab, running);
      expect(await runnersOf(user)).toBe(1);
    });

    it.each([
      ['the answer that starts it', api],
      ['an answer that was waited for', `${api}/*?*`],
    ])('is one, and misses nothing, though %s is lost', async (_what, url) => {
      users.expectErrors(/net::ERR_FAILED/);
      await loseAnswer(tab, url);
      const isLost = tab.waitForEvent('requestfailed');
      await start();
      await isLost;
      await expectToReach(2);
      expect(await runnersOf(user)).toBe(1);
    });

    it('is gone when the session ends in another tab, and says so', async () => {
      users.expectErrors(/410/);
      await start();
      await expectToReach(1);
      await endSession(user);
      await expectStatus(tab, gone);
      expect(await button('Stop').isEnabled()).toBe(false);
      await start();
      await expectStatus(tab, running);
    });
  },
);
