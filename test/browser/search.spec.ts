import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { findUpwards } from '../../sample-app/settings.js';
import { expectAccessible } from './support/axe.js';
import { Sample } from '../sample-app/sample.js';
import { FEW, NEEDLES, TREE, type Row } from './search-tree.js';
import {
  endSession,
  expectStatus,
  expectToFit,
  hold,
  loseAnswer,
  nextStop,
  open,
  runnersOf,
  waitUntil,
} from './support/tab.js';
import { useBrowser, useSample } from './support/use-browser.js';
import { VIEW_NAMES } from './support/views.js';

const STARTS = '**/api/searches';
const READS = '**/api/searches/*?*';
const ALL_FOUND = `Completed. ${NEEDLES.length} rows.`;

async function search(tab: Page, text: string): Promise<void> {
  await tab.getByLabel('Search for').fill(text);
  await tab.getByRole('button', { name: 'Search', exact: true }).click();
}

function rowsOf(tab: Page): Promise<Row[]> {
  return tab.evaluate<Row[]>(
    `[...document.querySelectorAll('#rows tr')].map(({ cells }) => [...cells].map(({ textContent }) => textContent))`,
  );
}

async function expectAllRows(tab: Page): Promise<void> {
  await expectStatus(tab, ALL_FOUND);
  expect(await rowsOf(tab)).toEqual(NEEDLES);
}

/** The tab has the first rows, and no more until the gate is open. */
async function searchHalf(tab: Page, text = 'needle') {
  // Not the reads from 0: on a busy machine the answer that starts the search has no rows yet.
  const reads = await hold(tab, /\/api\/searches\/[^?]+\?from=[1-9]/);
  await search(tab, text);
  await tab.locator('#rows tr').first().waitFor();
  expect((await rowsOf(tab)).length).toBeLessThan(NEEDLES.length);
  return reads;
}

describe('The search', () => {
  const sample = useSample(TREE);
  const users = useBrowser();
  let user: BrowserContext;
  let tab: Page;

  beforeEach(async () => {
    user = await users.newUser(sample.url);
    tab = await user.newPage();
    await open(tab, '/search');
  });

  it('shows the first rows while it goes on, and all in the end', async () => {
    const reads = await searchHalf(tab);
    await expectStatus(tab, 'Searching…');
    expect(await tab.getByRole('button', { name: 'Stop' }).isEnabled()).toBe(true);
    reads.open();
    await expectAllRows(tab);
    expect(await tab.getByRole('button', { name: 'Stop' }).isEnabled()).toBe(false);
    expect(await tab.getByRole('list').getByRole('link', { name: 'needle' }).count()).toBe(1);
  });

  it('goes on in a second tab, while the first one reads too', async () => {
    const reads = await searchHalf(tab);
    const second = await user.newPage();
    await second.goto(tab.url());
    await expectAllRows(second);
    reads.open();
    await expectAllRows(tab);
    expect(await runnersOf(user)).toBe(1);
  });

  it('is all there again, and nothing twice, after a reload in the middle', async () => {
    await searchHalf(tab);
    await tab.unrouteAll();
    await tab.reload();
    await expectAllRows(tab);
    expect(await tab.getByLabel('Search for').inputValue()).toBe('needle');
    await tab.reload();
    await expectAllRows(tab);
  });

  it('is there again after "back"', async () => {
    await search(tab, 'needle');
    await expectAllRows(tab);
    await tab.getByRole('navigation').getByRole('link').first().click();
    await tab.waitForURL('/');
    await tab.goBack();
    await expectAllRows(tab);
  });

  it('leads from one search of the session to the other, and back', async () => {
    await search(tab, 'needle');
    await expectAllRows(tab);
    await search(tab, 'no such text');
    await expectStatus(tab, 'Completed. 0 rows.');
    await tab.goBack();
    await expectAllRows(tab);
    await tab.goForward();
    await expectStatus(tab, 'Completed. 0 rows.');
    await tab.getByRole('link', { name: 'needle' }).click();
    await expectAllRows(tab);
    await tab.goBack();
    await expectStatus(tab, 'Completed. 0 rows.');
  });

  it('starts once at a double click', async () => {
    const starts = await hold(tab, STARTS);
    await tab.getByLabel('Search for').fill('needle');
    await tab.getByRole('button', { name: 'Search', exact: true }).dblclick();
    await tab.keyboard.press('Enter');
    starts.open();
    await expectAllRows(tab);
    expect(await runnersOf(user)).toBe(1);
  });

  it('stops, with the rows that it has shown', async () => {
    const reads = await searchHalf(tab, 'grain');
    const { length } = await rowsOf(tab);
    const stopped = tab.waitForResponse((response) => response.request().method() === 'DELETE');
    await tab.getByRole('button', { name: 'Stop' }).click();
    expect(await (await stopped).json()).toEqual({ status: 'aborted' });
    reads.open();
    await expectStatus(tab, `Stopped. ${length} rows.`);
    expect(await rowsOf(tab)).toHaveLength(length);
    expect(await tab.getByRole('button', { name: 'Stop' }).isEnabled()).toBe(false);
  });

  it.each([
    ['the answer that starts it', STARTS],
    ['an answer with rows', READS],
  ])('loses nothing with %s', async (_what, url) => {
    users.expectErrors(/net::ERR_FAILED/);
    await loseAnswer(tab, url);
    await search(tab, 'needle');
    await expectStatus(tab, /again…$/);
    await expectAllRows(tab);
    expect(await runnersOf(user)).toBe(1);
  });

  it('says that its session has ended, in another tab, when it asks for more', async () => {
    users.expectErrors(/410/);
    const reads = await searchHalf(tab);
    await endSession(user);
    reads.open();
    await expectStatus(tab, /search is gone/);
    await search(tab, 'needle');
    await expectAllRows(tab);
  });

  it('leaves the other session of the user alone', async () => {
    const other = await user.newPage();
    await open(other, '/search?session=b');
    await search(other, 'needle');
    await expectAllRows(other);
    await tab.getByRole('button', { name: 'New session' }).click();
    await expectStatus(tab, 'This is a new session.');
    await other.reload();
    await expectAllRows(other);
  });

  it('says what is wrong with a pattern', async () => {
    users.expectErrors(/400/);
    await tab.getByLabel('Regular expression').check();
    await search(tab, '(a+)+');
    await expectStatus(tab, /\w+ \w+ \w+.*\./);
    expect(await runnersOf(user)).toBe(0);
  });

  it('needs nothing but the keyboard', async () => {
    for (let { html } = await nextStop(tab); !html.includes('id="text"');) ({ html } = await nextStop(tab));
    await tab.keyboard.type('needle');
    await tab.keyboard.press('Enter');
    await expectAllRows(tab);
    for (let { html } = await nextStop(tab); !html.includes('table-frame');) ({ html } = await nextStop(tab));
    await tab.keyboard.press('End');
    await waitUntil(tab, 'document.querySelector(".table-frame").scrollTop > 0');
    expect((await nextStop(tab)).html).toContain('needle');
  });
});

describe('A search of very many files', () => {
  const users = useBrowser();

  it('says that its session has ended, in another tab, while it waits for rows', async () => {
    const large = await Sample.start(findUpwards('node_modules'));
    try {
      const user = await users.newUser(large.url);
      const tab = await user.newPage();
      await open(tab, '/search');
      const waits = tab.waitForRequest(READS);
      await search(tab, 'no line of any package says this');
      await waits;
      await endSession(user);
      await expectStatus(tab, /search is gone/);
    } finally {
      await large.close();
    }
  });
});

describe('Found rows', () => {
  const sample = useSample(FEW);
  const users = useBrowser();

  it.each(VIEW_NAMES)('fit, and shut nobody out: %s', async (view) => {
    const user = await users.newUser(sample.url, view);
    const tab = await user.newPage();
    await open(tab, '/search');
    await search(tab, 'needle');
    await expectStatus(tab, 'Completed. 21 rows.');
    await expectToFit(tab);
    await expectAccessible(tab);
  });
});
