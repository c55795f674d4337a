import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Req } from '@nestjs/common';
import type { Application, NextFunction, Request, Response } from 'express';
import type { NestExpressApplication } from '@nestjs/platform-express';
import {
  getActiveSession,
  getActiveSessionGroup,
  refreshActiveSession,
  type ActiveSession,
  type ActiveSessionModuleOptions,
  type SessionRequest,
  type SessionRule,
} from 'nestjs-active-session';
import { inspect } from 'node:util';
import type { Browser } from '../support/browser.js';
import type { Handlers } from '../support/handlers.js';
import { RawClient } from '../support/raw-client.js';
import { tabOf, useSessionApps, type SessionAppOptions } from '../support/session-app.js';

const { start, faults, notes } = useSessionApps();

/** Which session a request belongs to, as its handler sees it: its suffix, or null for none. */
const suffixOf = (req: object): string | null => {
  const session = getActiveSession(req);
  return session.isAvailable ? session.suffix : null;
};

const handlers: Handlers = { suffix: suffixOf, shop: suffixOf, Shop: suffixOf, '': suffixOf, api: suffixOf };

async function startWith(
  sessions: ActiveSessionModuleOptions['sessions'],
  more: SessionAppOptions = {},
): Promise<Browser> {
  const app = await start({
    ...more,
    options: { ...more.options, sessions },
    handlers: { ...handlers, ...more.handlers },
  });
  return app.browser();
}

describe('Rules', () => {
  /** Whether `P` matches, and `S` with its suffix; which of them were asked is written down. */
  const yes = true;
  const no = false;
  const plain = (holds: boolean) => (asked: string[], name: string) => ({
    when: () => {
      asked.push(name);
      return holds;
    },
  });
  const suffixed = (holds: boolean, suffix: string) => (asked: string[], name: string) => ({
    ...plain(holds)(asked, name),
    suffix: () => suffix,
  });
  const filter = (mapped: boolean, suffix?: string | null) => (asked: string[], name: string) => ({
    apply: () => {
      asked.push(name);
      return { mapped, suffix };
    },
  });
  const all = () => ({});
  const except = (holds: boolean) => (asked: string[], name: string) => ({
    ...plain(holds)(asked, name),
    exclude: true,
  });

  type MakeRule = (asked: string[], name: string) => SessionRule;
  it.each<[string, MakeRule[], string, string | null]>([
    // rules, the ones that are asked, the suffix
    ['every request', [all], '', ''],
    ['every request, and a condition, which changes nothing then', [all, plain(no)], '', ''],
    ['a condition that does not hold', [plain(no)], 'a', null],
    ['one that holds, which decides', [plain(yes), plain(yes)], 'a', ''],
    ['the first not, the second', [plain(no), plain(yes)], 'ab', ''],
    ['neither', [plain(no), plain(no)], 'ab', null],
    ['with a suffix', [suffixed(yes, '1')], 'a', '1'],
    ['with a suffix that does not match', [suffixed(no, '1')], 'a', null],
    ['all, and one with a suffix', [all, suffixed(yes, '1')], 'b', '1'],
    ['all, and one with a suffix that does not match', [all, suffixed(no, '1')], 'b', ''],
    ['two with suffixes: the first', [suffixed(yes, '1'), suffixed(yes, '2')], 'a', '1'],
    ['two with suffixes: the first that matches', [suffixed(no, '1'), suffixed(yes, '2')], 'ab', '2'],
    ['one without, and one with a suffix', [plain(yes), suffixed(yes, '2')], 'ab', '2'],
    ['one without, and one with a suffix that does not match', [plain(yes), suffixed(no, '2')], 'ab', ''],
    ['one with a suffix that does not match, and one without', [suffixed(no, '1'), plain(yes)], 'ab', ''],
    ['the empty suffix, which counts as one', [suffixed(yes, ''), suffixed(yes, '2')], 'a', ''],
    ['a filter without a suffix', [filter(yes), suffixed(yes, '2')], 'ab', '2'],
    ['a filter with null for a suffix', [filter(yes, null), suffixed(yes, '2')], 'ab', '2'],
    ['a filter that does not match, whatever its suffix', [filter(no, 'x')], 'a', null],
    ['a filter with a suffix', [filter(yes, 'x'), suffixed(yes, '2')], 'a', 'x'],
    ['all, one without and one with a suffix', [all, plain(yes), suffixed(yes, '2')], 'bc', '2'],
    [
      'what comes behind the last suffix, once a rule has matched',
      [suffixed(no, '1'), plain(yes), plain(yes)],
      'ab',
      '',
    ],
    ['none at all', [], '', null],
    ['all but what is excluded', [all, except(yes)], 'b', null],
    ['all where the exclusion does not match', [all, except(no)], 'b', ''],
    ['an exclusion, which comes first wherever it stands', [suffixed(yes, '1'), except(yes)], 'b', null],
    ['an exclusion alone, which lets nobody in', [except(no)], 'a', null],
  ])('choose the session of a request: %s', async (_what, makers, expectedAsked, suffix) => {
    const asked: string[] = [];
    const browser = await startWith(makers.map((make, i) => make(asked, 'abc'.charAt(i))));
    expect((await browser.get('/suffix')).body).toBe(suffix);
    expect(asked.join('')).toBe(expectedAsked);
  });

  it('can be a single one', async () => {
    const browser = await startWith({ suffix: 'one' });
    expect((await browser.get('/suffix')).body).toBe('one');
  });

  it('are asked once for a request', async () => {
    let asked = 0;
    const browser = await startWith({ when: () => ++asked > 0 });
    await browser.get('/suffix');
    expect(asked).toBe(1);
  });

  it.each<[string | RegExp, string, boolean]>([
    ['/shop/*rest', '/shop/list', true],
    ['/shop/*rest', '/shop/list/deep?x=/other', true],
    ['/shop/*rest', '/shop', false],
    ['/shop{/*rest}', '/shop', true],
    ['/shop{/*rest}', '/shop/', true],
    ['/shop', '/Shop', true],
    ['/shop/:id', '/shop/7', true],
    ['/shop/:id', '/shop/7/8', false],
    ['/', '/', true],
    ['/', '/shop', false],
    [/^\/shop\//, '/shop/list', true],
    [/^\/shop\//, '/Shop/list', false],
    [/shop/i, '/Shop', true],
    [/list$/, '/shop/list?x=1', true],
    [/x=1/, '/shop/list?x=1', false],
  ])('match %p with %s: %p', async (path, url, isMapped) => {
    const browser = await startWith({ path });
    expect((await browser.get(url)).body).toBe(isMapped ? '' : null);
  });

  it('match a RegExp each time, also one with the flags g and y', async () => {
    const browser = await startWith({ path: /\/shop/gy });
    const bodies = [await browser.get('/shop'), await browser.get('/shop'), await browser.get('/shop')];
    expect(bodies.map(({ body }) => body)).toEqual(['', '', '']);
  });

  it('ask for `when` and `suffix` only where the path matches', async () => {
    const asked: (string | undefined)[] = [];
    const note = ({ originalUrl }: SessionRequest): boolean => asked.push(originalUrl) > 0;
    const browser = await startWith({ path: '/shop', when: note, suffix: (req) => String(note(req)) });
    await browser.get('/suffix');
    await browser.get('/shop');
    expect(asked).toEqual(['/shop', '/shop']);
  });

  it('leave a path with broken percent signs to Express, which refuses it with 400', async () => {
    const browser = await startWith({ path: '/shop/:id' });
    expect((await browser.get('/shop/%')).status).toBe(400);
  });

  it('see the path of an absolute URL, as proxies send it', async () => {
    const app = await start({ options: { sessions: { path: '/shop' } }, handlers });
    const client = new RawClient(app.url);
    client.send({ path: `${app.url}/shop` });
    await client.until('\r\n\r\n');
    expect(client.received).toMatch(/""$/);
    await client.vanish();
  });

  it('see the path that the client asked for, whatever has become of it on the way', async () => {
    const browser = await startWith(
      { path: '/old' },
      {
        configure: (nest) => {
          nest.use((req: Request, _res: Response, next: NextFunction) => {
            if (req.url === '/old') req.url = '/shop';
            next();
          });
        },
      },
    );
    expect([(await browser.get('/old')).body, (await browser.get('/shop')).body]).toEqual(['', null]);
  });

  it('that throw fail their request, and nothing else', async () => {
    const browser = await startWith({
      when: ({ url }) => {
        if (url === '/suffix') throw new Error('a broken rule');
        return true;
      },
    });
    const { status, text } = await browser.get('/suffix');
    expect([status, text.includes('broken')]).toEqual([500, false]);
    expect(faults()).toEqual(['Error: a broken rule']);
    expect((await browser.get('/shop')).body).toBe('');
  });
});

describe('A suffix', () => {
  it.each(['a', 'A-b_9', '0', '-', 'x'.repeat(64)])('may be %j', async (suffix) => {
    const browser = await startWith({ suffix: tabOf });
    expect((await browser.get(`/suffix?tab=${suffix}`)).body).toBe(suffix);
  });

  it.each(['x'.repeat(65), 'a b', 'a~b', 'a/b', 'ä', 'a\n', '.', '${x}'])('is refused with 400: %j', async (suffix) => {
    const browser = await startWith({ suffix: tabOf });
    const { status, body, headers } = await browser.get(`/suffix?tab=${encodeURIComponent(suffix)}`);
    expect([status, body.code]).toEqual([400, 'BAD_ARGUMENT']);
    expect(body.detail).not.toContain(suffix.slice(0, 65));
    expect(headers['content-type']).toContain('application/problem+json');
    expect((await browser.get('/suffix')).body).toBe('');
  });

  it('is a text: a list in the query is refused with 400', async () => {
    const app = await start({
      options: { sessions: { suffix: (req) => req.query.tab as string } },
      handlers,
      configure: (nest) => void (nest as NestExpressApplication).set('query parser', 'extended'),
    });
    expect((await app.browser().get('/suffix?tab[]=a')).status).toBe(400);
    expect(app.registry.all()).toEqual([]);
  });
});

describe('An application', () => {
  it('with a global prefix has its sessions under it, and everywhere else', async () => {
    const browser = await startWith(
      { suffix: ({ originalUrl }) => (originalUrl?.startsWith('/api/') === true ? 'api' : undefined) },
      { configure: (nest) => void nest.setGlobalPrefix('api') },
    );
    expect((await browser.get('/api/suffix')).body).toBe('api');
    expect((await browser.get('/suffix')).status).toBe(404);
  });

  it('names paths with its prefix', async () => {
    const browser = await startWith(
      { path: '/api/*rest' },
      {
        configure: (nest) => void nest.setGlobalPrefix('api', { exclude: ['health'] }),
        metadata: { controllers: [Health] },
      },
    );
    expect((await browser.get('/api/suffix')).body).toBe('');
    expect((await browser.get('/health')).body).toEqual([false]);
  });

  it('has the session at its root, too', async () => {
    const browser = await startWith({ path: '/' });
    expect((await browser.get('/')).body).toBe('');
    expect((await browser.get('')).body).toBe('');
  });

  it('answers 404 for what it does not have, and creates nothing for it', async () => {
    const app = await start();
    const browser = app.browser();
    expect((await browser.get('/styles.css')).status).toBe(404);
    expect((await browser.post('/nowhere', {})).status).toBe(404);
    expect(browser.cookies.size).toBe(0);
    expect(app.registry.stats()).toMatchObject({ created: 0, pinned: 0 });
  });

  it('finds the session of a request once, also when it hands the request to itself again', async () => {
    let asked = 0;
    const app = await start({
      options: { sessions: { when: () => ++asked > 0 } },
      handlers: {
        ...handlers,
        forward: (req, res) => {
          req.url = '/suffix';
          (app.app.getHttpAdapter().getInstance() as Application)(req, res);
          return new Promise((resolve) => res.once('finish', resolve));
        },
      },
    });
    expect((await app.browser().get('/forward')).body).toBe('');
    expect(asked).toBe(1);
    await app.requestsOver();
  });

  it('shares nothing with another one in the same process', async () => {
    const view = (req: object): object => ({ suffix: suffixOf(req), stamp: getActiveSession(req).stamp });
    const options = { userSession: { secret: 'the same' } };
    const [one, two] = [
      await start({ options: { ...options, sessions: { suffix: 'one' } }, handlers: { view } }),
      await start({ options: { ...options, sessions: { suffix: 'two' } }, handlers: { view } }),
    ];
    const first = (await one.browser().get('/view')).body;
    const second = (await two.browser().get('/view')).body;
    expect([first.suffix, second.suffix]).toEqual(['one', 'two']);
    expect(first.stamp).not.toBe(second.stamp);
    expect([one, two].map(({ registry }) => registry.all().length)).toEqual([1, 1]);

    await one.app.close();
    expect(two.registry.all()).toHaveLength(1);
    expect((await two.browser().get('/view')).status).toBe(200);
  });
});

describe('A request without a session', () => {
  async function seen(look: (session: ActiveSession, req: object) => unknown): Promise<unknown> {
    const browser = await startWith([], { handlers: { look: (req) => look(getActiveSession(req), req) } });
    return (await browser.get('/look')).body;
  }

  it('gets an object that says so, for the session and for the group', async () => {
    const answer = await seen((session, req) => [
      session.isAvailable,
      getActiveSessionGroup(req).isAvailable,
      String(session.endReason),
      session,
      Object.isFrozen(session),
      inspect(session) !== '',
      getActiveSession(req) === session,
    ]);
    const text = { isAvailable: false, reason: 'not-mapped' };
    expect(answer).toEqual([false, false, 'undefined', text, true, true, true]);
  });

  it.each<[string, (session: ActiveSession, req: object) => unknown]>([
    ['id', (session) => session.id],
    ['properties', (session) => session.properties],
    ['runners', (session) => session.runners],
    ['group', (session) => session.group],
    ['services', (session) => session.services],
    ['terminate()', (session) => session.terminate()],
    ['takeOwnership()', (session) => session.takeOwnership(() => undefined)],
    ['createSequenceRunner()', (session) => session.createSequenceRunner([])],
    ['the group’s sessions', (_session, req) => getActiveSessionGroup(req).sessions],
    ['refreshActiveSession()', (_session, req) => refreshActiveSession(req)],
  ])('has no %s: 503, and the message tells why', async (_member, use) => {
    const answer = await seen((session, req) => {
      try {
        return use(session, req);
      } catch (error) {
        const { code, message, status } = error as { code: string; message: string; status: number };
        return [code, status, message];
      }
    });
    expect(answer).toEqual(['SESSION_UNAVAILABLE', 503, expect.stringMatching(/no active session.*"sessions"/)]);
  });

  it('is told in the log, once', async () => {
    const app = await start({ options: { sessions: { path: '/elsewhere' } } });
    for (let request = 0; request < 3; request++) expect((await app.browser().get('/use')).status).toBe(503);
    expect(notes().filter((line) => line.includes('no rule of option "sessions" matches'))).toHaveLength(1);
  });

  it('answers 503 without a word of why', async () => {
    const browser = await startWith([]);
    const { status, body, headers } = await browser.get('/use');
    expect([status, headers['retry-after']]).toEqual([503, '1']);
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Session unavailable',
      status: 503,
      detail: 'There is no session for this request.',
      code: 'SESSION_UNAVAILABLE',
      retryAfterSeconds: 1,
    });
  });

  it('is none of Express, too', () => {
    expect([getActiveSession({}).isAvailable, getActiveSessionGroup({}).isAvailable]).toEqual([false, false]);
    expect(() => getActiveSession({}).id).toThrow(/forRoot\(\)/);
    expect(() => refreshActiveSession({})).toThrow(/forRoot\(\)/);
  });

  it('is one that was answered, where the session was not used before', async () => {
    const late: SessionRequest[] = [];
    const app = await start({ handlers: { pass: (req) => void late.push(req as SessionRequest) } });
    const { browser } = await app.user();
    await browser.get('/pass');
    await app.requestsOver();
    expect(getActiveSession(late[0]!).isAvailable).toBe(false);
    expect(() => getActiveSession(late[0]!).id).toThrow(/has been answered/);
  });
});

describe('Problem details', () => {
  it('are plain JSON, and without further headers, where they are turned off', async () => {
    const browser = await startWith([], { options: { problemDetails: false } });
    const { status, body, headers } = await browser.get('/use');
    expect([status, body.code]).toEqual([503, 'SESSION_UNAVAILABLE']);
    expect(headers['content-type']).toMatch(/^application\/json/);
  });
});

@Controller('health')
class Health {
  @Get()
  show(@Req() req: object): [boolean] {
    return [getActiveSession(req).isAvailable];
  }
}
