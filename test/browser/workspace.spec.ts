import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { expectAccessible } from './support/axe.js';
import { endSession, expectStatus, expectToFit, open, runnersOf } from './support/tab.js';
import { useBrowser, useSample } from './support/use-browser.js';
import { VIEW_NAMES } from './support/views.js';

describe('The exclusive service', () => {
  const sample = useSample({});
  const users = useBrowser();
  let user: BrowserContext;
  let first: Page;
  let second: Page;

  beforeEach(async () => {
    user = await users.newUser(sample.url);
    first = await user.newPage();
    second = await user.newPage();
    for (const tab of [first, second]) await open(tab, '/workspace');
  });

  async function start(tab: Page, steps: number, delayMs: number): Promise<void> {
    await tab.getByLabel('Steps').fill(String(steps));
    await tab.getByLabel('Delay before each step').fill(String(delayMs));
    await tab.getByRole('button', { name: 'Start', exact: true }).click();
  }

  const startLong = (tab: Page) => start(tab, 100, 5_000);
  const press = (tab: Page, name: string) => tab.getByRole('button', { name, exact: true }).click();
  const expectHolder = (tab: Page, text: string | RegExp) => tab.locator('#holder').filter({ hasText: text }).waitFor();
  const expectWaiting = (tab: Page, ...texts: string[]) =>
    tab.locator('#waiting', { hasText: new RegExp(`^${texts.join('.*')}`) }).waitFor({ state: 'attached' });

  it('serves one job, to its end', async () => {
    await start(first, 3, 0);
    await expectStatus(first, 'Completed. 3 of 3 steps.');
    expect(await first.locator('#lines tr').count()).toBe(3);
    await expectHolder(first, 'Nobody.');
  });

  it('lets the job of a second tab wait for its turn, and both tabs see who has it', async () => {
    await startLong(first);
    await expectStatus(first, /^At work/);
    await start(second, 2, 0);
    await expectStatus(second, 'Waiting for the workspace…');
    await expectHolder(first, /^The job of this tab, since .*: 100 steps, one every 5000 ms/);
    await expectHolder(second, /^Another job, since/);
    await expectWaiting(first, 'Another tab');
    await expectWaiting(second, 'This tab');
    await press(first, 'Stop');
    await expectStatus(first, /^Stopped\./);
    await expectStatus(second, 'Completed. 2 of 2 steps.');
    expect(await runnersOf(user)).toBe(2);
  });

  it('forgets who waits no longer', async () => {
    await startLong(first);
    await expectStatus(first, /^At work/);
    await startLong(second);
    await expectWaiting(first, 'Another tab');
    await press(second, 'Cancel');
    await expectStatus(second, 'Cancelled: this tab waits no longer.');
    await first.locator('#waiting-count', { hasText: /^0$/ }).waitFor();

    await startLong(second);
    await expectWaiting(first, 'Another tab');
    await second.close();
    await first.locator('#waiting-count', { hasText: /^0$/ }).waitFor();
    expect(await runnersOf(user)).toBe(1);
  });

  it('leads the second tab to the lines of the job that has it', async () => {
    await start(first, 100, 20);
    await expectStatus(first, /^At work/);
    const opened = user.waitForEvent('page');
    await second.getByRole('link', { name: 'See its lines' }).click();
    const third = await opened;
    await expectStatus(third, /^At work/);
    await third.locator('#lines tr').first().waitFor();
  });

  it('is not given to a job that waits when the session ends', async () => {
    users.expectErrors(/410/);
    await startLong(first);
    await expectStatus(first, /^At work/);
    await startLong(second);
    await expectStatus(second, 'Waiting for the workspace…');
    await endSession(user);
    await expectStatus(first, 'The session has ended, and this job with it.');
    await expectStatus(second, 'The session has ended, and this job with it.');
    await expectHolder(first, 'Nobody.');
    await first.getByRole('link', { name: 'Why sessions end' }).click();
    await expectStatus(first, /^Session a, generation 1, ended at .*: you asked for a new one\.$/);
  });

  it('is another one in another session', async () => {
    await startLong(first);
    await expectStatus(first, /^At work/);
    const inB = await user.newPage();
    await open(inB, '/workspace?session=b');
    await start(inB, 1, 0);
    await expectStatus(inB, 'Completed. 1 of 1 steps.');
  });

  it.each(VIEW_NAMES)('fits, and shuts nobody out: %s', async (view) => {
    const other = await users.newUser(sample.url, view);
    const tab = await other.newPage();
    await open(tab, '/workspace');
    await start(tab, 20, 0);
    await expectStatus(tab, 'Completed. 20 of 20 steps.');
    await expectToFit(tab);
    await expectAccessible(tab);
  });
});
