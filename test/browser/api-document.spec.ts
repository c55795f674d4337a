import { describe, expect, it } from '@jest/globals';
import { useBrowser, useSample } from './support/use-browser.js';

describe('The description of the API', () => {
  const sample = useSample({});
  const users = useBrowser();

  it('lists the requests of each page, and lets one try them', async () => {
    const user = await users.newUser(sample.url);
    const tab = await user.newPage();
    await tab.goto('/');
    await tab.goto('/api/docs');
    await tab.getByRole('heading', { name: 'Active sessions, the sample' }).waitFor();
    const paths = await tab.locator('.opblock-summary-path').allInnerTexts();
    const parts = ['account', 'endings', 'preferences', 'searches', 'session', 'sessions', 'statistics', 'time-series'];
    for (const part of [...parts, 'workspace']) {
      expect(paths.some((path) => path.replace(/\u200b/g, '').startsWith(`/api/${part}`))).toBe(true);
    }
    const summary = tab.locator('.opblock-summary-control', { hasText: '/api/preferences' }).first();
    await summary.click();
    await tab.getByRole('button', { name: 'Try it out' }).click();
    await tab.getByRole('button', { name: 'Execute' }).click();
    await tab.getByText('"pageSize"').first().waitFor();
  });
});
