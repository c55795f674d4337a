import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ActiveSessionRegistry } from 'nestjs-active-session';
import type { Browser } from '../support/browser.js';
import { Sample } from './sample.js';

const IN_B = { headers: { 'x-session': 'b' } };

describe('The sessions of the sample application', () => {
  let sample: Sample;

  beforeAll(async () => {
    sample = await Sample.over({ 'a.txt': 'needle\nhay\nneedle', 'b/c.txt': 'needle' });
  });

  afterAll(() => sample.close());

  const sessionsOf = async (browser: Browser, call = {}) => (await browser.get('/api/sessions', call)).body.sessions;

  it('tell how old they are and when they end, as the module is configured', async () => {
    const browser = await sample.user();
    const [first] = await sessionsOf(browser);
    expect(first).toMatchObject({ name: 'a', generation: 1, idleTimeoutMs: 1_200_000, maxLifetimeMs: 28_800_000 });
    let later = first;
    while (later.ageMs === first.ageMs) [later] = await sessionsOf(browser);
    expect(later.ageMs).toBeGreaterThan(first.ageMs);
  });

  it('tell of their runners: name, kind, status and progress', async () => {
    const browser = await sample.user();
    const { body: search } = await browser.post('/api/searches', { text: 'needle' });
    const [session] = await sessionsOf(browser);
    expect(session.runners).toMatchObject([
      { key: search.key, number: 0, name: 'search', kind: 'sequence', position: 3, progress: { reached: 3 } },
    ]);
    expect((await browser.get('/api/session')).body.runners).toEqual(session.runners);
  });

  it('are two, side by side: with ids, runners and services of their own, and the preferences in common', async () => {
    const browser = await sample.user();
    expect((await browser.get('/?session=b')).status).toBe(200);
    await browser.post('/api/searches', { text: 'needle' });
    const sessions = await sessionsOf(browser);
    expect(await sessionsOf(browser, IN_B)).toMatchObject(sessions.map(({ id }: { id: string }) => ({ id })));

    const [a, b] = sessions;
    expect([a.name, b.name]).toEqual(['a', 'b']);
    expect(a.id).not.toBe(b.id);
    expect(a.groupId).toBe(b.groupId);
    expect([a.runners.length, b.runners.length]).toEqual([1, 0]);
    const [[historyOfA, preferencesOfA], [historyOfB, preferencesOfB]] = [a.services, b.services];
    expect(historyOfA).toMatchObject({ scope: 'session', holds: '1 search' });
    expect(historyOfB).toMatchObject({ scope: 'session', holds: '0 searches' });
    expect(historyOfA.instance).not.toBe(historyOfB.instance);
    expect(preferencesOfA).toMatchObject({ scope: 'group', holds: '100 rows per page' });
    expect(preferencesOfB).toEqual(preferencesOfA);
  });

  it('are not made by looking at them', async () => {
    const browser = await sample.user();
    const sessions = await sessionsOf(browser);
    expect(sessions).toHaveLength(1);
    expect(await sessionsOf(browser)).toHaveLength(1);
    expect(sample.app.get(ActiveSessionRegistry).get(`${sessions[0].groupId}-b`)).toBeUndefined();
  });

  it('end one by one: the next generation has new objects, and the other session and the preferences stay', async () => {
    const browser = await sample.user();
    await browser.get('/?session=b');
    const [a, b] = await sessionsOf(browser);
    expect((await browser.delete('/api/session')).status).toBe(204);
    const [nextA, sameB] = await sessionsOf(browser);
    expect(nextA.id).toBe(a.id);
    expect(nextA.generation).toBeGreaterThan(a.generation);
    expect(nextA.services[0].instance).not.toBe(a.services[0].instance);
    expect(nextA.services[1]).toEqual(a.services[1]);
    expect(sameB).toMatchObject({ id: b.id, generation: b.generation, services: b.services });
  });

  it('keep the preferences also where the only one ends by hand', async () => {
    const browser = await sample.user();
    await browser.send('/api/preferences', { method: 'PUT', json: { pageSize: 7 } });
    await browser.delete('/api/session');
    expect((await browser.get('/api/preferences')).body).toEqual({ pageSize: 7 });
  });
});
