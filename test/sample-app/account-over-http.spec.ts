import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from '../support/browser.js';
import { Sample } from './sample.js';

describe('Logging in and out of the sample application', () => {
  let sample: Sample;

  beforeAll(async () => {
    sample = await Sample.over({ 'a.txt': 'needle\nhay\nneedle', 'b/c.txt': 'needle' });
  });

  afterAll(() => sample.close());

  const logIn = (browser: Browser, username: string, password = username) =>
    browser.post('/api/account/login', { username, password });
  const logOut = (browser: Browser) => browser.post('/api/account/logout');
  const userOf = async (browser: Browser) => (await browser.get('/api/account')).body.user;

  it.each(['alice', 'bob'])('knows %s', async (name) => {
    const browser = await sample.user();
    expect(await userOf(browser)).toBeNull();
    const answer = await logIn(browser, name);
    expect([answer.status, answer.body]).toEqual([200, { user: name }]);
    expect(await userOf(browser)).toBe(name);
  });

  it('keeps what a visitor had: the session, its searches and their rows, under a new cookie', async () => {
    const browser = await sample.user();
    const { body: search } = await browser.post('/api/searches', { text: 'needle' });
    const { body: before } = await browser.get('/api/session');
    const planted = browser.clone();
    await logIn(browser, 'alice');
    expect(browser.cookie).not.toBe(planted.cookie);

    const { body: after } = await browser.get('/api/session');
    expect(after).toMatchObject({ id: before.id, generation: before.generation, history: before.history });
    expect((await browser.get(`/api/searches/${search.key}?from=0`)).body.rows).toHaveLength(3);
    expect((await planted.get(`/api/searches/${search.key}?from=0`)).status).toBe(410);
    expect((await browser.get('/api/endings')).body).toEqual({ endings: [] });
  });

  it('ends all at the logout, and tells the next visitor that and no more', async () => {
    const browser = await sample.user();
    await logIn(browser, 'alice');
    await browser.delete('/api/session');
    await browser.get('/?session=b');
    const { body: search } = await browser.post('/api/searches', { text: 'needle' });
    const { body: before } = await browser.get('/api/session');

    const answer = await logOut(browser);
    expect([answer.status, answer.body]).toEqual([200, { user: null }]);
    expect(await userOf(browser)).toBeNull();
    const { body: after } = await browser.get('/api/session');
    expect(after.groupId).not.toBe(before.groupId);
    expect(after).toMatchObject({ history: [], runners: [] });
    expect((await browser.get(`/api/searches/${search.key}?from=0`)).status).toBe(410);

    const { endings } = (await browser.get('/api/endings')).body;
    expect(endings.map(({ name }: { name: string }) => name).sort()).toEqual(['a', 'b']);
    for (const ending of endings) expect(ending).toMatchObject({ reason: 'user-session-ended', isGroupKept: false });
  });

  it('gives nothing of one user to another who logs in over them', async () => {
    const browser = await sample.user();
    await logIn(browser, 'alice');
    const { body: search } = await browser.post('/api/searches', { text: 'needle' });
    await logIn(browser, 'bob');
    expect(await userOf(browser)).toBe('bob');
    expect((await browser.get('/api/session')).body).toMatchObject({ history: [], runners: [] });
    expect((await browser.get(`/api/searches/${search.key}?from=0`)).status).toBe(410);
    expect((await browser.get('/api/endings')).body).toEqual({ endings: [] });
  });

  it('answers a wrong password and an unknown name alike, and changes nothing', async () => {
    const browser = await sample.user();
    const { cookie } = browser;
    const wrong = await logIn(browser, 'alice', 'bob');
    const unknown = await logIn(browser, 'carol');
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    expect(wrong.headers['content-type']).toContain('application/problem+json');
    expect(wrong.body.detail).toBe('There is no user with this name and password.');
    expect(unknown.body).toEqual(wrong.body);
    expect(await userOf(browser)).toBeNull();
    expect(browser.cookie).toBe(cookie);
  });

  it.each([
    ['no body', undefined, 'username'],
    ['no password', { username: 'alice' }, 'password'],
    ['an empty password', { username: 'alice', password: '' }, 'password'],
    ['a name that is no string', { username: 7, password: 'alice' }, 'username'],
    ['a name that is too long', { username: 'a'.repeat(101), password: 'alice' }, 'username'],
    ['an unknown field', { username: 'alice', password: 'alice', remember: true }, 'remember'],
  ])('refuses %s with a clear 400', async (_what, body, named) => {
    const browser = await sample.user();
    const answer = await browser.post('/api/account/login', body);
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body.detail.toLowerCase()).toContain(named);
    expect(await userOf(browser)).toBeNull();
  });
});
