import { describe, expect, it } from '@jest/globals';
import { ForbiddenException } from '@nestjs/common';
import { getActiveSession, requestSignal, SessionScoped } from 'nestjs-active-session';
import { useSessionApps } from '../support/session-app.js';
import { SECRET } from '../support/test-app.js';

const { start, faults } = useSessionApps();

describe('A hook', () => {
  it('may return a thenable that calls back at once', async () => {
    @SessionScoped()
    class Eager {
      onModuleDestroy(): PromiseLike<void> {
        return { then: (onDone) => Promise.resolve(onDone?.() as never) };
      }
    }
    const app = await start({
      metadata: { providers: [Eager] },
      handlers: { eager: (req) => void getActiveSession(req).services.get(Eager) },
    });
    const { browser, session } = await app.user();
    await browser.get('/eager');
    expect(await session.terminate()).toMatchObject({ disposed: 1, failed: [], timedOut: [] });
    await app.requestsOver();
    expect(app.registry.stats()).toMatchObject({ sessions: 0, ending: 0, groups: 0 });
  });

  it('may return a thenable that throws: that is reported', async () => {
    @SessionScoped()
    class Broken {
      onModuleDestroy(): PromiseLike<void> {
        return {
          then: () => {
            throw new Error('no then');
          },
        };
      }
    }
    const app = await start({
      metadata: { providers: [Broken] },
      handlers: { broken: (req) => void getActiveSession(req).services.get(Broken) },
    });
    const { browser, session } = await app.user();
    await browser.get('/broken');
    expect((await session.terminate()).failed).toMatchObject([{ what: 'Broken.onModuleDestroy()' }]);
    expect(faults()).toEqual([expect.stringMatching(/Broken\.onModuleDestroy\(\): no then$/)]);
  });
});

describe('An error that cannot be looked at', () => {
  it('is logged as such, and the clean-up goes on', async () => {
    const app = await start();
    const { session } = await app.user();
    const weird = new Error();
    Object.defineProperty(weird, 'message', {
      get: () => {
        throw new Error('no message');
      },
    });
    let isDisposed = false;
    session.takeOwnership(() => void (isDisposed = true));
    session.takeOwnership(() => {
      throw weird;
    });
    expect((await session.terminate()).failed).toHaveLength(1);
    expect(isDisposed).toBe(true);
    expect(faults()).toEqual([expect.stringMatching(/takeOwnership\(\): an error that cannot be shown$/)]);
  });
});

describe('A rule', () => {
  it.each([
    ['an asynchronous `when`', { when: (() => Promise.resolve(false)) as never }, '"when"'],
    ['a filter that decides nothing', { apply: () => undefined as never }, 'apply()'],
  ])('%s fails the request, and maps it to nothing', async (_what, rule, named) => {
    const app = await start({ options: { sessions: rule } });
    expect((await app.browser().get('/use')).status).toBe(500);
    expect(faults()).toEqual([expect.stringContaining(named)]);
    expect(app.registry.stats().created).toBe(0);
  });
});

describe('A request that is refused for one limit', () => {
  it('costs its user no session for another', async () => {
    const app = await start({ options: { limits: { sessions: 2, sessionsPerGroup: 1 } } });
    const first = await app.user();
    await app.user();
    // Its own session hands its place on, so there is room.
    expect((await app.enter(first.browser, 'other')).suffix).toBe('other');
    expect(first.session.endReason).toBe('evicted');
    expect((await app.browser().get('/use')).status).toBe(503);
    expect(app.registry.all()).toHaveLength(2);
  });
});

describe('A runner', () => {
  it.each<[string, object, string]>([
    ['an option that is not there', { colour: 'red' }, '"colour"'],
    ['a signal that is none', { signal: 5 }, '"signal"'],
    ['a name that is no text', { name: 5 }, '"name"'],
  ])('with %s is refused, and leaves nothing behind', async (_what, options, named) => {
    const app = await start();
    const { session } = await app.user();
    for (const create of [
      () => session.createProcessRunner(() => 1, options),
      () => session.createSequenceRunner([1], options),
    ])
      expect(create).toThrow(
        expect.objectContaining({ code: 'BAD_ARGUMENT', message: expect.stringContaining(named) }),
      );
    expect(session.runners.size).toBe(0);
  });

  it('is not found by what is no key', async () => {
    const app = await start();
    const { session } = await app.user();
    session.createSequenceRunner([1]);
    for (const key of [{}, null, undefined, [], true]) expect(session.getRunner(key as never)).toBeUndefined();
  });
});

describe('A listener of requestSignal() that throws', () => {
  it('is logged, and the process lives', async () => {
    let started: () => void = () => undefined;
    const isWaiting = new Promise<void>((resolve) => (started = resolve));
    let aborted: () => void = () => undefined;
    const isAborted = new Promise<void>((resolve) => (aborted = resolve));
    const app = await start({
      handlers: {
        wait: async (req) => {
          const signal = requestSignal(req);
          signal.addEventListener('abort', () => {
            throw new Error('a listener');
          });
          signal.addEventListener('abort', () => aborted());
          started();
          await isAborted;
        },
      },
    });
    const client = new AbortController();
    const answer = app.browser().get('/wait', { signal: client.signal });
    await isWaiting;
    client.abort();
    await expect(answer).rejects.toThrow();
    await isAborted;
    expect(faults()).toEqual([expect.stringContaining('requestSignal()')]);
  });
});

describe('An answer with Retry-After', () => {
  it('has it without problem details, too', async () => {
    const app = await start({ options: { problemDetails: false, limits: { sessions: 1 } } });
    await app.user();
    const { status, headers } = await app.browser().get('/use');
    expect([status, headers['retry-after']]).toEqual([503, '30']);
    expect(headers['content-type']).toContain('application/json');
  });
});

describe('What is no fault of the client', () => {
  it('is answered with 500, and logged, where the program gives no function', async () => {
    const app = await start({ handlers: { bind: (req) => getActiveSession(req).bind(undefined as never) } });
    const { status, body } = await app.browser().get('/bind');
    expect([status, body.code]).toEqual([500, 'BAD_ARGUMENT']);
    expect(JSON.stringify(body)).not.toContain('function');
    expect(faults()).toEqual([expect.stringContaining('to be a function')]);
  });

  it('keeps the status that a rule throws', async () => {
    const refusal: unknown = { statusCode: 403, message: 'Not here' };
    const refuse = (): never => {
      throw refusal;
    };
    const app = await start({ options: { sessions: [{ when: refuse }] } });
    expect(await app.browser().get('/use')).toMatchObject({ status: 403, body: { message: 'Not here' } });
    // Nest 12 logs it, Nest 11 does not.
    faults();
  });

  it('keeps the status that `genid` of express-session throws', async () => {
    const genid = (): never => {
      throw new ForbiddenException('No new visitors');
    };
    const app = await start({ options: { userSession: { secret: SECRET, genid } } });
    expect((await app.browser().get('/use')).status).toBe(403);
    expect(faults()).toEqual([]);
  });
});

describe('A factory of a runner that is none', () => {
  it('is refused before a runner gives way for it', async () => {
    const app = await start({ options: { limits: { runnersPerSession: 1 } } });
    const { session } = await app.user();
    const { number } = session.createSequenceRunner([], { startNow: true });
    await expect(session.createRunner(5 as never, {})).rejects.toThrow('Expected a runner factory');
    expect(session.getRunner(number)).toBeDefined();
  });
});
