import { describe, expect, it } from '@jest/globals';
import { PAGES } from '../../sample-app/page/site.js';
import { expectAccessible } from './support/axe.js';
import { controlsOf, expectToFit, nextStop, open, type Stop } from './support/tab.js';
import { useBrowser, useSample } from './support/use-browser.js';
import { VIEW_NAMES, VIEWS } from './support/views.js';

const BACKGROUND = 'getComputedStyle(document.body).backgroundColor';

describe.each(PAGES)('The page $path', ({ path, title }) => {
  const sample = useSample({ 'a.txt': 'one line' });
  const users = useBrowser();

  it('says what it is, and where it stands among the others', async () => {
    const user = await users.newUser(sample.url);
    const tab = await user.newPage();
    await open(tab, path);
    expect(await tab.title()).toContain(title);
    expect(await tab.getByRole('heading', { level: 1 }).allTextContents()).toEqual([title]);
    expect(await tab.getByRole('link').and(tab.locator('[aria-current=page]')).allTextContents()).toEqual([title]);
  });

  it.each(VIEW_NAMES)('fits, and shuts nobody out: %s', async (view) => {
    const user = await users.newUser(sample.url, view);
    const tab = await user.newPage();
    await open(tab, path);
    await expectToFit(tab);
    await expectAccessible(tab);
    const [, red] = /^rgb\((\d+)/.exec(await tab.evaluate<string>(BACKGROUND)) ?? [];
    expect(Number(red) < 128).toBe(VIEWS[view].colorScheme === 'dark');
  });

  it('takes the keyboard to each control, in order, and shows where it is', async () => {
    const user = await users.newUser(sample.url);
    const tab = await user.newPage();
    await open(tab, path);
    const stops: Stop[] = [];
    const controls = await controlsOf(tab);
    while (stops.length < controls) stops.push(await nextStop(tab));
    expect(stops.map(({ index }) => index)).toEqual([...stops.keys()]);
    expect(stops.filter(({ isOutlined }) => !isOutlined)).toEqual([]);
  });

  it('lets the keyboard skip the links', async () => {
    const user = await users.newUser(sample.url);
    const tab = await user.newPage();
    await open(tab, path);
    expect((await nextStop(tab)).html).toContain('To the content');
    await tab.keyboard.press('Enter');
    await tab.keyboard.press('Tab');
    expect(await tab.evaluate<boolean>('document.activeElement.closest("header") === null')).toBe(true);
  });
});
