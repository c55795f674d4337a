import { describe, expect, it } from '@jest/globals';
import { endSession, expectStatus, open } from './support/tab.js';
import { useBrowser, useSample } from './support/use-browser.js';

describe('The page about what has ended', () => {
  const sample = useSample({ 'hits.txt': 'hit\n'.repeat(10_000) });
  const users = useBrowser();

  it('has nothing to tell at first', async () => {
    const user = await users.newUser(sample.url);
    const tab = await user.newPage();
    await open(tab, '/ended');
    await expectStatus(tab, 'No session of yours has ended lately.');
    expect(await tab.getByRole('heading', { name: 'What that means' }).isVisible()).toBe(false);
  });

  it('tells what was stopped and what was kept, the latest first, and leads on', async () => {
    const user = await users.newUser(sample.url);
    const tab = await user.newPage();
    await open(tab, '/search');
    await endSession(user);
    await user.request.post('/api/searches', { data: { text: 'hit' } });
    await endSession(user);
    await open(tab, '/ended');
    await expectStatus(tab, /^Session a, generation 2, ended at [\d:]+: you asked for a new one\.$/);
    expect(await tab.locator('#stopped').textContent()).toMatch(
      /^1 runner at work, 1 object of the session, in \d+ ms\. Nothing failed and nothing was left behind\.$/,
    );
    expect(await tab.locator('#endings li').allTextContents()).toEqual([
      expect.stringMatching(/^Session a, generation 1, ended at/),
    ]);
    expect(await tab.locator('#next').textContent()).toBe('You are in generation 3 of session a now.');
    await tab.getByRole('link', { name: 'search a folder', exact: true }).click();
    await tab.waitForURL('/search');
  });

  it('tells of the session of the page, where both have ended', async () => {
    const user = await users.newUser(sample.url);
    const tab = await user.newPage();
    await open(tab, '/ended?session=b');
    for (const name of ['b', 'a']) await user.request.delete('/api/session', { headers: { 'X-Session': name } });
    await tab.reload();
    await expectStatus(tab, /^Session b, generation 1/);
    expect(await tab.locator('#endings li').count()).toBe(1);
  });

  it('tells nobody of the sessions of others', async () => {
    const one = await users.newUser(sample.url);
    await open(await one.newPage(), '/search');
    await endSession(one);
    const other = await users.newUser(sample.url);
    const tab = await other.newPage();
    await open(tab, '/ended');
    await expectStatus(tab, 'No session of yours has ended lately.');
  });
});
