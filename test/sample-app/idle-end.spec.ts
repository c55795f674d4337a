import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ActiveSessionRegistry } from 'nestjs-active-session';
import { filter, firstValueFrom } from 'rxjs';
import { idleTimeoutFromEnvironment } from '../../sample-app/settings.js';
import { Sample } from './sample.js';

describe('SAMPLE_IDLE_SECONDS', () => {
  afterAll(() => {
    delete process.env.SAMPLE_IDLE_SECONDS;
  });

  it.each([
    ['', 1_200_000],
    ['20', 20_000],
    ['0.3', 300],
  ])('%j is %d ms', (seconds, ms) => {
    process.env.SAMPLE_IDLE_SECONDS = seconds;
    expect(idleTimeoutFromEnvironment()).toBe(ms);
  });

  it.each(['0', '-1', 'soon', 'Infinity'])('%j keeps the application from starting', (seconds) => {
    process.env.SAMPLE_IDLE_SECONDS = seconds;
    expect(idleTimeoutFromEnvironment).toThrow(`SAMPLE_IDLE_SECONDS is no number of seconds: ${seconds}`);
  });
});

describe('A session of the sample application that nobody uses', () => {
  let sample: Sample;

  beforeAll(async () => {
    process.env.SAMPLE_IDLE_SECONDS = '0.3';
    sample = await Sample.over();
  });

  afterAll(async () => {
    delete process.env.SAMPLE_IDLE_SECONDS;
    await sample.close();
  });

  it('ends, and its user is told so when they come back', async () => {
    const browser = await sample.user();
    const ended = firstValueFrom(
      sample.app.get(ActiveSessionRegistry).events$.pipe(filter(({ type }) => type === 'ended')),
    );
    expect((await browser.get('/api/session')).body).toMatchObject({ generation: 1, idleTimeoutMs: 300 });
    await ended;
    expect((await browser.get('/api/session')).body).toMatchObject({ generation: 2 });
    expect((await browser.get('/api/endings')).body.endings).toMatchObject([
      { name: 'a', generation: 1, reason: 'idle', isGroupKept: false },
    ]);
  });
});
