import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { endSession, expectStatus, open, runnersOf } from './support/tab.js';
import { useBrowser, useSample } from './support/use-browser.js';

/** More than a search runs ahead of its reader: it is at work as long as nobody reads it. */
const HITS = 10_000;
/** The page asks for news so often, and stops when nobody has done anything for so long. */
const NEWS_MS = 4_000;
const QUIET_MS = 40_000;

describe('The home page', () => {
  const sample = useSample({ 'hits.txt': 'hit\n'.repeat(HITS) });
  const users = useBrowser();
  let user: BrowserContext;
  let tab: Page;

  beforeEach(async () => {
    user = await users.newUser(sample.url);
    tab = await user.newPage();
    await tab.clock.install();
    await open(tab, '/');
  });

  const card = (name: string) => tab.getByRole('region', { name: `Session ${name}` });
  const field = (session: string, name: string) => card(session).locator(`[data-field=${name}]`);
  const idOf = async (session: string): Promise<string> => (await field(session, 'id').textContent()) ?? '';
  const startSearch = (session = 'a') =>
    user.request.post('/api/searches', { data: { text: 'hit' }, headers: { 'X-Session': session } });

  async function logIn(name: string, password: string): Promise<void> {
    await tab.getByLabel('User').fill(name);
    await tab.getByLabel('Password').fill(password);
    await tab.keyboard.press('Enter');
  }

  it('shows the session with its times, as they go on, its runners and its services', async () => {
    expect(await idOf('a')).toBe(await tab.locator('#session').textContent());
    expect(await field('a', 'idle').textContent()).toMatch(/^in (20:00|19:5\d)$/);
    await tab.clock.runFor(3_000);
    expect(await field('a', 'age').textContent()).toMatch(/^0:0[345]$/);
    await field('a', 'no-runners').filter({ hasText: 'None.' }).waitFor();
    await startSearch();
    await tab.clock.runFor(NEWS_MS);
    await card('a').getByRole('link', { name: 'search 0' }).waitFor();
    expect(await field('a', 'runners').textContent()).toMatch(/^search 0 \(sequence\): \w+, \d+/);
    expect(await field('a', 'services').locator('li').allTextContents()).toEqual([
      expect.stringMatching(/^Search history, one for this session: object \d+, 1 search$/),
      expect.stringMatching(/^Preferences, one for all your sessions: object \d+, \d+ rows per page$/),
    ]);
  });

  it('leads to the page of a runner', async () => {
    await startSearch();
    await tab.clock.runFor(NEWS_MS);
    await card('a').getByRole('link', { name: 'search 0' }).click();
    await tab.waitForURL(/\/search#/);
    await tab.locator('#rows tr').first().waitFor();
  });

  it('opens a second session beside the first: a separate one, with the preferences in common', async () => {
    await startSearch();
    await tab.getByRole('link', { name: 'Open a second session' }).click();
    await tab.waitForURL('/?session=b');
    await card('b').waitFor();
    await card('a').waitFor();
    const [inA, inB] = [await field('a', 'services').innerText(), await field('b', 'services').innerText()];
    expect(await idOf('a')).not.toBe(await idOf('b'));
    expect(inA.split('\n')[0]).not.toBe(inB.split('\n')[0]);
    expect(inA.split('\n')[1]).toBe(inB.split('\n')[1]);
    await expectStatus(tab, 'Session a has 1 runner, session b has no runners.');
    await tab.getByRole('link', { name: 'Go to session a' }).click();
    await tab.waitForURL('/');
  });

  it('begins a new session, and leaves the other one', async () => {
    await tab.goto('/?session=b');
    await card('b').waitFor();
    const other = await idOf('a');
    const before = await idOf('b');
    await tab.getByRole('button', { name: 'New session' }).click();
    await expectStatus(tab, 'This is a new session, generation 2.');
    expect(await idOf('b')).toBe(before.replace(/:1$/, ':2'));
    expect(await idOf('a')).toBe(other);
  });

  it('begins one new session at a double click', async () => {
    await tab.getByRole('button', { name: 'New session' }).dblclick();
    await expectStatus(tab, /^This is a new session, generation/);
    await tab.reload();
    await card('a').waitFor();
    expect(await idOf('a')).toMatch(/:2$/);
  });

  it('says that the session has ended in another tab, and shows the next one', async () => {
    await endSession(user);
    await tab.clock.runFor(NEWS_MS);
    await tab.getByRole('alert').filter({ hasText: 'you asked for a new one' }).waitFor();
    expect(await idOf('a')).toMatch(/:2$/);
    await tab.getByRole('link', { name: 'See what happened' }).click();
    await expectStatus(tab, /^Session a, generation 1, ended/);
  });

  it('asks no more when nobody has done anything for a while, and again when somebody does', async () => {
    let asked = 0;
    tab.on('request', (request) => {
      if (request.url().endsWith('/api/sessions')) asked += 1;
    });
    await tab.clock.runFor(QUIET_MS);
    const before = asked;
    await tab.clock.runFor(QUIET_MS);
    expect(asked).toBe(before);
    const news = tab.waitForResponse('**/api/sessions');
    await tab.mouse.move(100, 100);
    await news;
  });

  it('says that a password is wrong, and changes nothing', async () => {
    users.expectErrors(/401/);
    const before = await idOf('a');
    await logIn('alice', 'wrong');
    await expectStatus(tab, /password/);
    expect(await tab.getByRole('button', { name: 'Log out' }).isVisible()).toBe(false);
    expect(await idOf('a')).toBe(before);
  });

  it('tells who logs in over somebody else that the session is another one, and shows it in other tabs', async () => {
    const second = await user.newPage();
    await second.clock.install();
    await open(second, '/');
    const before = await idOf('a');
    await logIn('alice', 'alice');
    await expectStatus(tab, /^Welcome, alice/);
    await second.getByLabel('User').fill('bob');
    await second.getByLabel('Password').fill('bob');
    await second.keyboard.press('Enter');
    await expectStatus(second, 'Welcome, bob. This session is your own: that of who was logged in before has ended.');
    await tab.clock.runFor(NEWS_MS);
    await tab.locator('#user', { hasText: 'bob is logged in.' }).waitFor();
    expect(await idOf('a')).not.toBe(before);
  });

  it('keeps the session at a login, and ends its work at the logout', async () => {
    const before = await idOf('a');
    await startSearch();
    await logIn('alice', 'alice');
    await expectStatus(tab, 'Welcome, alice. The session is still the same, with all that you had in it.');
    expect(await idOf('a')).toBe(before);
    expect(await tab.locator('#user').textContent()).toBe('alice is logged in.');
    expect(await runnersOf(user)).toBe(1);
    const loggedIn = await user.cookies();

    await tab.getByRole('button', { name: 'Log out' }).click();
    await tab.waitForURL('/ended');
    await expectStatus(tab, /^Session a, generation 1, ended at .*: you logged out\.$/);
    expect(await tab.locator('#stopped').textContent()).toMatch(/^1 runner at work/);
    await tab.getByRole('link', { name: 'See your session' }).click();
    await tab.locator('#user', { hasText: 'Nobody is logged in.' }).waitFor();
    expect(await idOf('a')).not.toBe(before);
    expect(await runnersOf(user)).toBe(0);

    // A copy of the cookie from before the logout leads nowhere.
    await user.addCookies(loggedIn);
    await open(tab, '/');
    await tab.locator('#user', { hasText: 'Nobody is logged in.' }).waitFor();
    expect(await idOf('a')).not.toBe(before);
    expect(await runnersOf(user)).toBe(0);
  });
});
