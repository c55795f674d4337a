import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ActiveSessionRegistry } from 'nestjs-active-session';
import { filter, firstValueFrom } from 'rxjs';
import { Sample } from '../sample-app/sample.js';
import { expectStatus, open } from './support/tab.js';
import { useBrowser } from './support/use-browser.js';

describe('A session that nobody uses', () => {
  const users = useBrowser();
  let sample: Sample;

  beforeAll(async () => {
    process.env.SAMPLE_IDLE_SECONDS = '1';
    sample = await Sample.over();
  });

  afterAll(async () => {
    delete process.env.SAMPLE_IDLE_SECONDS;
    await sample.close();
  });

  it('ends, and its page says so and why', async () => {
    const user = await users.newUser(sample.url);
    const tab = await user.newPage();
    await open(tab, '/time-series');
    const { events$ } = sample.app.get(ActiveSessionRegistry);
    await firstValueFrom(events$.pipe(filter(({ type }) => type === 'ended')));
    await open(tab, '/ended');
    await expectStatus(tab, /^Session a, generation 1, ended at .*: nobody used it for too long\.$/);
    expect(await tab.locator('#kept').textContent()).toMatch(/The preferences have gone/);
  });
});
