import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { expectAccessible } from './support/axe.js';
import { endSession, expectStatus, expectToFit, open } from './support/tab.js';
import { useBrowser, useSample } from './support/use-browser.js';
import { VIEW_NAMES } from './support/views.js';

const FOLDERS = 400;
const TREE: Record<string, string> = {
  'notes.md': 'm'.repeat(3_000),
  'more/notes.md': 'm'.repeat(1_000),
  'more/data.json': 'j'.repeat(500),
  LICENSE: 'l'.repeat(20),
};
const MANY = Object.fromEntries(Array.from({ length: FOLDERS }, (_, i) => [`${i}/file.txt`, 'text']));

async function count(tab: Page, foldersPerSecond: string): Promise<void> {
  await tab.getByLabel('Folders per second').fill(foldersPerSecond);
  await tab.getByRole('button', { name: 'Count' }).click();
}

/** Folders, files and bytes. */
async function keyFiguresOf(tab: Page): Promise<string[]> {
  return (await tab.locator('.key-figures dd').allTextContents()).slice(0, 3);
}

describe('The folder statistics', () => {
  const sample = useSample(TREE);
  const users = useBrowser();

  it('add up what the files have, by extension, as numbers and as bars', async () => {
    const user = await users.newUser(sample.url);
    const tab = await user.newPage();
    await open(tab, '/statistics');
    await count(tab, '');
    await expectStatus(tab, 'Completed.');
    expect(await keyFiguresOf(tab)).toEqual(['2', '4', '4.52 kB']);
    expect(await tab.locator('#rows tr').allInnerTexts()).toEqual(['.md\t4 kB\t2', '.json\t500 B\t1', 'none\t20 B\t1']);
    expect(await tab.getByRole('img').getAttribute('aria-label')).toBe(
      'Bytes by extension. The most: .md, 4 kB of 4.52 kB.',
    );
    const bars = await tab.locator('#chart rect').all();
    const widths = await Promise.all(bars.map(async (bar) => Number(await bar.getAttribute('width'))));
    expect(widths).toHaveLength(3);
    expect(widths[1]! / widths[0]!).toBeCloseTo(500 / 4_000, 2);
  });

  it('count one folder alone, and say what is wrong with its name', async () => {
    users.expectErrors(/400/);
    const user = await users.newUser(sample.url);
    const tab = await user.newPage();
    await open(tab, '/statistics');
    await tab.getByLabel('Folder (empty').fill('../..');
    await count(tab, '');
    await expectStatus(tab, /folder/);
    await tab.getByLabel('Folder (empty').fill('more');
    await count(tab, '');
    await expectStatus(tab, 'Completed.');
    expect(await keyFiguresOf(tab)).toEqual(['1', '2', '1.5 kB']);
    expect(await tab.getByRole('heading', { name: 'Extensions' }).textContent()).toBe('Extensions of more');
  });

  it.each(VIEW_NAMES)('fit, and shut nobody out: %s', async (view) => {
    const user = await users.newUser(sample.url, view);
    const tab = await user.newPage();
    await open(tab, '/statistics');
    await count(tab, '');
    await expectStatus(tab, 'Completed.');
    await expectToFit(tab);
    await expectAccessible(tab);
  });
});

describe('A trigger', () => {
  const sample = useSample(MANY);
  const users = useBrowser();
  let user: BrowserContext;
  let tab: Page;

  beforeEach(async () => {
    user = await users.newUser(sample.url);
    tab = await user.newPage();
    await open(tab, '/statistics');
  });

  const trigger = (number: number) => tab.getByRole('form', { name: `Trigger ${number}` });
  const press = (number: number, name: string) => trigger(number).getByRole('button', { name }).click();
  const set = (number: number, field: string, value: string) => trigger(number).getByLabel(field).fill(value);
  const expectText = (number: number, text: string | RegExp) =>
    trigger(number).locator('output').filter({ hasText: text }).waitFor();

  it('is unavailable while nothing is being counted', async () => {
    await expectText(1, 'Unavailable: nothing is being counted.');
    expect(await trigger(1).getByRole('button').isEnabled()).toBe(false);
    await count(tab, '');
    await expectStatus(tab, 'Completed.');
    await expectText(1, 'Unavailable: nothing is being counted.');
  });

  it('fires when there are so many reports more, each at its own, while the page goes on', async () => {
    await count(tab, '20');
    await expectText(1, 'Ready.');
    await set(1, 'Reports', '3');
    await set(2, 'Reports', '8');
    await press(1, 'Start');
    await press(2, 'Start');
    await expectText(1, /^Fired at report \d+: \d+ files, /);
    await expectText(2, /^Fired at report \d+: \d+ files, /);
    await expectStatus(tab, 'Running…');
    await press(1, 'Reset');
    await expectText(1, 'Ready.');
  });

  it('says that its time is over, is aborted, or tells that the end came first', async () => {
    await count(tab, '100');
    await expectText(1, 'Ready.');
    for (const number of [1, 2, 3]) await set(number, 'Reports', '100000');
    await set(1, 'Time-out in seconds', '1');
    for (const number of [1, 2, 3]) await press(number, 'Start');
    await expectText(2, /^Waiting for report/);
    await press(2, 'Abort');
    await expectText(2, 'Aborted.');
    await expectText(1, 'Timed out after 1 s.');
    await expectText(3, `Not reached: the last report was ${FOLDERS + 2}.`);
    await press(3, 'Reset');
    await expectText(3, 'Unavailable: nothing is being counted.');
  });

  it('loses its goal when the session ends', async () => {
    users.expectErrors(/410/);
    await count(tab, '20');
    await set(1, 'Reports', '100000');
    await press(1, 'Start');
    await expectText(1, /^Waiting for report/);
    await endSession(user);
    await expectText(1, 'Unavailable: nothing is being counted.');
  });
});
