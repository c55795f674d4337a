import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Sample } from './sample.js';

describe('The endings that a user is told of', () => {
  let sample: Sample;

  beforeAll(async () => {
    sample = await Sample.over({ 'a.txt': 'needle\nhay\nneedle', 'b/c.txt': 'needle' });
  });

  afterAll(() => sample.close());

  it('are none at first', async () => {
    const browser = await sample.user('/ended');
    const { status, body, headers } = await browser.get('/api/endings');
    expect([status, body]).toEqual([200, { endings: [] }]);
    expect(headers['cache-control']).toBe('no-store');
  });

  it('say which session ended, why, and what the clean-up did', async () => {
    const browser = await sample.user();
    await browser.post('/api/searches', { text: 'needle' });
    await browser.delete('/api/session');
    const { body } = await browser.get('/api/endings');
    expect(body.endings).toMatchObject([
      {
        name: 'a',
        generation: 1,
        reason: 'terminated',
        disposed: 1,
        failed: 0,
        timedOut: 0,
        leftBehind: 0,
        isGroupKept: true,
      },
    ]);
    expect(Date.now() - Date.parse(body.endings[0].endedAt)).toBeLessThan(60_000);
  });

  it('are of both sessions, newest first, a few at most, and of nobody else', async () => {
    const [browser, other] = await Promise.all([sample.user(), sample.user()]);
    await browser.get('/?session=b');
    for (let time = 0; time < 5; time++) await browser.delete('/api/session');
    await browser.delete('/api/session', { headers: { 'x-session': 'b' } });
    const { endings } = (await browser.get('/api/endings')).body;
    expect(endings.map(({ name }: { name: string }) => name)).toEqual(['b', 'a', 'a', 'a', 'a']);
    expect((await other.get('/api/endings')).body).toEqual({ endings: [] });
  });
});
