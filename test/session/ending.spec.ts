import { describe, expect, it, jest } from '@jest/globals';
import { Injectable, Logger } from '@nestjs/common';
import {
  getActiveSession,
  getActiveSessionGroup,
  GroupScoped,
  refreshActiveSession,
  SessionScoped,
  sessionScoped,
  ActiveSession,
  type CleanupReport,
  type Owned,
  type Ownership,
  type SessionEndReason,
} from 'nestjs-active-session';
import type { Browser } from '../support/browser.js';
import { settle } from '../support/fake-clock.js';
import { Gate, until, untilAborted } from '../support/gate.js';
import { useSessionApps, type SessionApp, type SessionAppOptions } from '../support/session-app.js';

const SECOND = 1_000;
const IDLE_MS = 60 * SECOND;
const LIFETIME_MS = 10 * IDLE_MS;

const { start, faults } = useSessionApps();

/** What the hooks of the classes below do, by their name; they write down that they were called. */
@Injectable()
class Script {
  readonly lines: string[] = [];
  readonly hooks: Record<string, () => unknown> = {};

  /** A hook that takes some time. */
  async call(name: string): Promise<void> {
    this.lines.push(name);
    await this.hooks[name]?.();
    await settle(1);
    this.lines.push(`${name} done`);
  }

  /** A hook that is over at once. */
  callNow(name: string): unknown {
    this.lines.push(name);
    return this.hooks[name]?.();
  }
}

@SessionScoped()
class First {
  constructor(private readonly script: Script) {}
  onSessionEnd(reason: SessionEndReason) {
    return this.script.call(`First.onSessionEnd ${reason}`);
  }
  [Symbol.dispose]() {
    this.script.callNow('First.dispose');
  }
}

@SessionScoped()
class Second {
  constructor(
    private readonly script: Script,
    readonly first: First,
  ) {}
  onSessionEnd() {
    return this.script.call('Second.onSessionEnd');
  }
  onModuleDestroy() {
    return this.script.call('Second.onModuleDestroy');
  }
  [Symbol.asyncDispose]() {
    return this.script.call('Second.asyncDispose');
  }
}

@GroupScoped()
class Shared {
  constructor(private readonly script: Script) {}
  onSessionEnd(reason: SessionEndReason) {
    return this.script.call(`Shared.onSessionEnd ${reason}`);
  }
}

@Injectable()
class Whose {
  constructor(private readonly session: ActiveSession) {}

  /** In whose session the running code is, also while that ends. */
  id(): string {
    try {
      return this.session.id;
    } catch {
      return 'nobody';
    }
  }
}

interface Scene extends Omit<SessionApp, 'browser'> {
  session: ActiveSession;
  script: Script;
  browser: Browser;
}

/** A user with a session, in which there are no instances yet. */
async function startScene(more: SessionAppOptions = {}): Promise<Scene> {
  const app = await start({
    ...more,
    options: { idleTimeoutMs: IDLE_MS, maxLifetimeMs: LIFETIME_MS, cleanupTimeoutMs: 4 * SECOND, ...more.options },
    metadata: { providers: [Script, First, Second, Shared, Whose] },
  });
  return { ...app, ...(await app.user()), script: app.app.get(Script) };
}

/** Has the session make its instances: First, then Second. */
function fill({ services }: ActiveSession): void {
  services.get(First);
  services.get(Second);
}

function messageOf(fn: () => unknown): string {
  try {
    fn();
    return 'nothing';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('The end of a session', () => {
  const ends: Partial<Record<SessionEndReason, (scene: Scene) => unknown>> = {
    terminated: ({ session }) => session.terminate(),
    idle: ({ clock }) => clock.advance(IDLE_MS + SECOND),
    evicted: ({ browser }) => browser.get('/use?tab=new'),
    shutdown: ({ app }) => app.close(),
    'max-lifetime': async ({ clock, session }) => {
      for (let ms = 0; ms <= LIFETIME_MS; ms += SECOND) {
        if (session.isAvailable) session.touch();
        await clock.advance(SECOND);
      }
    },
  };

  it.each(Object.entries(ends))('has the same steps, each once, in the same order: %s', async (reason, end) => {
    const scene = await startScene({ options: { limits: { sessionsPerGroup: 1 } } });
    const { session, script, registry } = scene;
    const { lines } = script;
    fill(session);
    session.services.get(Shared);
    session.properties.set('kept', 1);
    session.takeOwnership(() => script.call('ownership 1'));
    session.takeOwnership(() => script.call('ownership 2'));
    session.completionSignal.addEventListener('abort', () => {
      lines.push(`signal, available: ${session.isAvailable}, runner: ${runner.status}`);
      lines.push(messageOf(() => session.properties.set('more', 1)));
    });
    const runner = session.createProcessRunner(async (_report, signal) => {
      signal.addEventListener('abort', () => lines.push('runner told to stop'));
      await untilAborted(signal).catch(() => settle(1));
      lines.push('runner stopped');
    });
    registry.events$.subscribe(({ type }) => lines.push(`event ${type}`));
    const report = session.cleanupCompletion.then((result) => {
      lines.push('report');
      return result;
    });

    await end(scene);
    await report;

    const ofGroup = (line: string): boolean => line.startsWith('Shared');
    expect(lines.filter((line) => !ofGroup(line) && line !== 'event created')).toEqual([
      'event ending',
      'signal, available: false, runner: stalled',
      `The session has ended (${reason}) and cannot be used any more`,
      'runner told to stop',
      'runner stopped',
      'Second.onSessionEnd',
      'Second.onSessionEnd done',
      'Second.onModuleDestroy',
      'Second.onModuleDestroy done',
      'Second.asyncDispose',
      'Second.asyncDispose done',
      `First.onSessionEnd ${reason}`,
      `First.onSessionEnd ${reason} done`,
      'First.dispose',
      'ownership 2',
      'ownership 2 done',
      'ownership 1',
      'ownership 1 done',
      'event ended',
      'report',
    ]);
    expect(session).toMatchObject({ isAvailable: false, endReason: reason });
    expect(await report).toEqual({
      reason,
      disposed: 4,
      failed: [],
      timedOut: [],
      leftBehind: [],
      durationMs: expect.any(Number),
    });
  });

  it('asks an instance for its hooks, and makes none for its end', async () => {
    const { session, script } = await startScene();
    expect((await session.terminate()).disposed).toBe(0);
    expect(script.lines).toEqual([]);
  });

  it('happens once, however often and from wherever it is asked for', async () => {
    const { session, script, registry } = await startScene();
    fill(session);
    const reports = await Promise.all([
      session.terminate(),
      session.terminate(),
      registry.terminate(session.id),
      session.group.terminate(),
      session.cleanupCompletion,
    ]);
    expect(reports[1]).toBe(reports[0]);
    expect(reports[4]).toBe(reports[0]);
    expect(await session.terminate()).toBe(reports[0]);
    expect(script.lines.filter((line) => line === 'First.dispose')).toHaveLength(1);
  });

  it('keeps the first reason', async () => {
    const { session, app } = await startScene();
    void session.terminate();
    await app.close();
    expect(session.endReason).toBe('terminated');
  });

  it('has begun when terminate() returns', async () => {
    const { session, registry } = await startScene();
    const runner = session.createProcessRunner((_report, signal) => untilAborted(signal));
    const read = runner.getRequired();
    const ending = session.terminate();
    expect([session.isAvailable, session.completionSignal.aborted, runner.status]).toEqual([false, true, 'aborted']);
    expect([registry.get(session.id), session.runners.size]).toEqual([undefined, 0]);
    expect(await read).toMatchObject({ status: 'aborted', ended: 'terminated' });
    await ending;
  });

  it('is waited for by a handler that awaits terminate()', async () => {
    const { browser, session, script } = await startScene({
      handlers: { end: (req) => getActiveSession(req).terminate() },
    });
    fill(session);
    const { body } = await browser.get('/end');
    expect(body).toMatchObject({ reason: 'terminated', disposed: 2 });
    expect(script.lines.at(-1)).toBe('First.dispose');
  });

  it('gives services to runners until they have stopped', async () => {
    const { session, script } = await startScene();
    session.createProcessRunner(async (_report, signal) => {
      await untilAborted(signal).catch(() => settle());
      script.lines.push(`runner still has ${session.services.get(Second).constructor.name}`);
    });
    fill(session);
    await session.terminate();
    expect(script.lines.slice(0, 2)).toEqual(['runner still has Second', 'Second.onSessionEnd']);
  });

  it('lets hooks use instances that are there, and makes none any more', async () => {
    const { session, script } = await startScene();
    script.hooks['First.onSessionEnd terminated'] = () => {
      expect(session.services.get(First)).toBeInstanceOf(First);
      expect(() => session.services.get(Second)).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
    };
    session.services.get(First);
    expect(await session.terminate()).toMatchObject({ disposed: 1, failed: [] });
  });

  it('leaves an object that can tell what it was, and refuses work with 410', async () => {
    const { session, browser } = await startScene({
      handlers: {
        late: async (req) => {
          const mine = getActiveSession(req);
          await mine.terminate();
          mine.createSequenceRunner([1]);
        },
      },
    });
    session.createSequenceRunner([1]);
    const { id, generation, group } = session;
    await session.terminate();
    expect(session).toMatchObject({ id, generation, group, suffix: '', baseId: id });
    const uses = [
      () => session.createSequenceRunner([1]),
      () => session.createProcessRunner(() => 1),
      () => session.getRunner(0),
      () => session.services.get(First),
      () => session.touch(),
    ];
    for (const use of uses)
      expect(use).toThrow(expect.objectContaining({ code: 'SESSION_ENDED', reason: 'terminated' }));
    const { status, body } = await browser.get('/late');
    expect([status, body.code, body.reason]).toEqual([410, 'SESSION_ENDED', 'terminated']);
  });
});

describe('terminate()', () => {
  const pending = { reason: 'terminated', pending: true };

  it('answers a hook of the session at once, for the end waits for the hook', async () => {
    const { session, script } = await startScene();
    let answer: CleanupReport | undefined;
    script.hooks['Second.onSessionEnd'] = async () => (answer = await session.terminate());
    fill(session);
    expect(await session.terminate()).toMatchObject({ disposed: 2, timedOut: [] });
    expect(answer).toMatchObject(pending);
  });

  it('answers a runner of the session at once, for the end waits for the runner', async () => {
    const { session } = await startScene();
    const seen: CleanupReport[] = [];
    session.createProcessRunner(async () => {
      await settle();
      seen.push(await session.terminate(), await session.group.terminate());
    });
    expect(await session.cleanupCompletion).toMatchObject({ reason: 'terminated', leftBehind: [], timedOut: [] });
    expect(seen).toEqual([expect.objectContaining(pending), expect.objectContaining(pending)]);
  });

  it('answers a runner of another session of the group with the report', async () => {
    const app = await startScene();
    const other = await app.enter(app.browser, 'other');
    const runner = other.createProcessRunner(() => app.session.terminate());
    expect((await runner.getRequired()).result).toMatchObject({ reason: 'terminated', disposed: 0 });
    expect((await runner.getRequired()).result).not.toHaveProperty('pending');
  });

  it('answers a listener of the signal at once', async () => {
    const { session } = await startScene();
    let answer: Promise<CleanupReport> | undefined;
    session.completionSignal.addEventListener('abort', () => {
      answer = session.terminate();
    });
    await session.terminate();
    expect(await answer).toMatchObject(pending);
  });
});

describe('A hook that fails', () => {
  const boom = (error: unknown) => (): never => {
    throw error;
  };
  it.each<[string, string, string, () => unknown]>([
    ['throws', 'First.dispose', 'First[Symbol.dispose]()', boom(new Error('boom'))],
    ['rejects', 'Second.onModuleDestroy', 'Second.onModuleDestroy()', boom(new Error('boom'))],
    ['throws what is no error', 'First.dispose', 'First[Symbol.dispose]()', boom(Object.create(null, boomOnly()))],
  ])('%s: the rest goes on, the report and the log have it', async (_how, hook, label, fail) => {
    const { session, script, clock } = await startScene();
    script.hooks[hook] = fail;
    fill(session);
    session.takeOwnership(() => script.call('ownership'));
    const report = session.cleanupCompletion;
    await clock.advance(IDLE_MS + SECOND);
    const { failed, timedOut, disposed } = await report;
    expect(failed).toEqual([{ what: label, error: expect.objectContaining({}) }]);
    expect([timedOut, disposed]).toEqual([[], 3]);
    expect(script.lines).toEqual(
      expect.arrayContaining(['Second.asyncDispose done', 'First.dispose', 'ownership done']),
    );
    const [line, ...others] = faults();
    expect(others).toEqual([]);
    for (const part of [`${session.id}:${session.generation}`, label, 'idle', 'boom']) expect(line).toContain(part);
  });

  it('hangs: it is named, and the remaining steps are called without waiting', async () => {
    const { session, script, clock } = await startScene();
    script.hooks['Second.onSessionEnd'] = () => new Promise(() => {});
    fill(session);
    session.takeOwnership(() => script.call('ownership'));
    const report = session.terminate();
    await clock.advance(4 * SECOND - 1);
    expect(script.lines).toEqual(['Second.onSessionEnd']);
    await clock.advance(1);
    expect(await report).toMatchObject({
      disposed: 3,
      durationMs: 4 * SECOND,
      timedOut: [
        'Second.onSessionEnd()',
        'Second.onModuleDestroy()',
        'Second[Symbol.asyncDispose]()',
        'First.onSessionEnd()',
        'takeOwnership()',
      ],
    });
    expect(script.lines.filter((line) => !line.endsWith('done'))).toEqual([
      'Second.onSessionEnd',
      'Second.onModuleDestroy',
      'Second.asyncDispose',
      'First.onSessionEnd terminated',
      'First.dispose',
      'ownership',
    ]);
    for (const line of faults()) expect(line).toMatch(/terminated.*did not end in time/);
  });

  it('hangs: that is logged in its session, so that a logger can tell whose it is', async () => {
    const { session, script, clock, app } = await startScene();
    const whose = app.get(Whose);
    const loggedIn: string[] = [];
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => void loggedIn.push(whose.id()));
    script.hooks['First.onSessionEnd terminated'] = () => new Promise(() => {});
    session.services.get(First);
    const report = session.terminate();
    await clock.advance(4 * SECOND);
    await report;
    expect(loggedIn).toEqual([session.id]);
  });

  it('fails after its time: that is logged, and nothing more', async () => {
    const { session, script, clock } = await startScene();
    const gate = new Gate();
    script.hooks['First.onSessionEnd terminated'] = async () => {
      await gate.opened;
      throw new Error('too late');
    };
    session.services.get(First);
    const report = session.terminate();
    await clock.advance(4 * SECOND);
    const { failed } = await report;
    faults();
    gate.open();
    await settle();
    expect(faults()).toEqual([expect.stringContaining('too late')]);
    expect(failed).toEqual([]);
  });

  it('is an ownership: likewise', async () => {
    const { session } = await startScene();
    session.takeOwnership(() => Promise.reject(new Error('boom')));
    const { failed } = await session.terminate();
    expect(failed).toEqual([{ what: 'takeOwnership()', error: new Error('boom') }]);
    expect(faults()).toEqual([expect.stringContaining('boom')]);
  });
});

describe('A hook that uses the session which is ending', () => {
  it.each<[string, (session: ActiveSession) => unknown]>([
    ['starts a sequence', (session) => session.createSequenceRunner([1])],
    ['starts a process', (session) => session.createProcessRunner(() => 1)],
    ['looks for a runner', (session) => session.getRunner(0)],
    ['writes a property', (session) => session.properties.set('name', 'value')],
    ['touches it', (session) => session.touch()],
  ])('is refused, and the end goes on: %s', async (_what, act) => {
    const { session, script } = await startScene();
    script.hooks['First.onSessionEnd terminated'] = () => void act(session);
    fill(session);
    const report = await session.terminate();
    expect(report.failed).toEqual([
      { what: 'First.onSessionEnd()', error: expect.objectContaining({ code: 'SESSION_ENDED', reason: 'terminated' }) },
    ]);
    expect(script.lines).toContain('First.dispose');
    expect(session.runners.size).toBe(0);
    expect(faults()).toEqual([expect.stringMatching(/First\.onSessionEnd\(\).*has ended \(terminated\)/)]);
  });

  it('may read it: properties, services that are there, and why it ends', async () => {
    const { session, script } = await startScene();
    const seen: unknown[] = [];
    session.properties.set('name', 'value');
    script.hooks['First.onSessionEnd terminated'] = () => {
      seen.push(session.properties.get('name'), session.services.get(First) instanceof First, session.endReason);
    };
    fill(session);
    expect((await session.terminate()).failed).toEqual([]);
    expect(seen).toEqual(['value', true, 'terminated']);
  });

  it('may own something: it is disposed of at once', async () => {
    const { session, script } = await startScene();
    script.hooks['First.onSessionEnd terminated'] = () => void session.takeOwnership(() => script.callNow('late'));
    fill(session);
    await session.terminate();
    expect(script.lines).toContain('late');
  });
});

describe('A runner that does not stop', () => {
  it('is waited for during half of the time, and then left behind', async () => {
    const { session, script, clock } = await startScene();
    fill(session);
    session.createProcessRunner(() => new Promise(() => {}), { name: 'deaf' });
    session.createProcessRunner((_report, signal) => untilAborted(signal), { name: 'polite' });
    const report = session.terminate();
    await clock.advance(2 * SECOND - 1);
    expect(script.lines).toEqual([]);
    await clock.advance(1);
    expect(await report).toMatchObject({ leftBehind: ['process runner 0 "deaf"'], timedOut: [], disposed: 2 });
    expect(script.lines.at(-1)).toBe('First.dispose');
    expect(faults()).toEqual([expect.stringContaining('process runner 0 "deaf"')]);
  });
});

describe('The completion signal', () => {
  it('aborts with a SessionEndedError that tells why', async () => {
    const { session } = await startScene();
    const { completionSignal } = session;
    expect(session.completionSignal).toBe(completionSignal);
    await session.terminate();
    expect(completionSignal.reason).toMatchObject({ name: 'SessionEndedError', reason: 'terminated' });
  });

  it('is aborted already where it is asked for after the end', async () => {
    const { session } = await startScene();
    await session.terminate();
    expect([session.completionSignal.aborted, session.group.completionSignal.aborted]).toEqual([true, true]);
  });

  it.each<[string, (signal: AbortSignal, fail: () => unknown) => void]>([
    ['a function', (signal, fail) => signal.addEventListener('abort', () => void fail())],
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- it is what users write all the same
    ['an async function', (signal, fail) => signal.addEventListener('abort', async () => fail())],
    ['an object', (signal, fail) => signal.addEventListener('abort', { handleEvent: () => void fail() })],
    ['onabort', (signal, fail) => (signal.onabort = () => fail())],
  ])('logs the error of a listener, %s, and calls the others', async (_kind, listen) => {
    const { session } = await startScene();
    const calls: string[] = [];
    session.completionSignal.addEventListener('abort', () => calls.push('before'));
    listen(session.completionSignal, () => {
      throw new Error('bad listener');
    });
    session.completionSignal.addEventListener('abort', () => calls.push('after'));
    expect((await session.terminate()).failed).toEqual([]);
    await settle();
    expect(calls).toEqual(['before', 'after']);
    expect(faults()).toEqual([expect.stringMatching(new RegExp(`${session.id}.*completionSignal.*bad listener`))]);
  });

  it('is like any other signal otherwise', async () => {
    const { session } = await startScene();
    const signal = session.completionSignal;
    const [removed, twice, once, aborted, late, replaced] = Array.from({ length: 6 }, () => jest.fn());
    signal.addEventListener('abort', removed!);
    signal.removeEventListener('abort', removed!);
    signal.addEventListener('abort', twice!);
    signal.addEventListener('abort', twice!);
    signal.addEventListener('abort', once!, { once: true });
    const local = new AbortController();
    signal.addEventListener('abort', late!, { signal: local.signal });
    local.abort();
    signal.onabort = replaced!;
    signal.onabort = aborted!;
    expect(signal.onabort).toBe(aborted);
    const combined = AbortSignal.any([signal]);
    await session.terminate();
    expect([twice, once, aborted].map((listener) => listener?.mock.calls.length)).toEqual([1, 1, 1]);
    for (const listener of [removed, late, replaced]) expect(listener).not.toHaveBeenCalled();
    expect(combined.reason).toBe(signal.reason);
    expect(twice?.mock.contexts).toEqual([signal]);
  });
});

describe('Properties', () => {
  it('are kept by the session, each session its own, and by the group', async () => {
    const { session, group, other } = await sessions();
    session.properties.set('name', 'one');
    other.properties.set('name', 'two');
    group.properties.set('name', 'both');
    expect([session, other, group].map(({ properties }) => properties.get('name'))).toEqual(['one', 'two', 'both']);
  });

  it('can be made, changed and deleted', async () => {
    const { properties } = (await sessions()).session;
    const make = jest.fn(() => [1]);
    expect(properties.getOrAdd('list', make)).toBe(properties.getOrAdd('list', make));
    expect(make).toHaveBeenCalledTimes(1);
    expect([properties.update('count', (n) => Number(n ?? 0) + 1), properties.get('count')]).toEqual([1, 1]);
    expect([...properties].map(([key]) => key)).toEqual([...properties.keys()]);
    expect([properties.delete('list'), properties.delete('list'), properties.has('list'), properties.size]).toEqual([
      true,
      false,
      false,
      1,
    ]);
  });

  it('can be read after the end, and not changed', async () => {
    const { session, group } = await sessions();
    for (const owner of [session, group]) owner.properties.set('kept', undefined).set('name', 'value');
    await group.terminate();
    for (const { properties } of [session, group]) {
      expect([...properties]).toEqual([
        ['kept', undefined],
        ['name', 'value'],
      ]);
      expect(properties.getOrAdd('name', () => 'new')).toBe('value');
      const changes = [
        () => properties.set('name', 'new'),
        () => properties.delete('name'),
        () => properties.update('name', () => 'new'),
        () => properties.getOrAdd('new', () => 'new'),
      ];
      for (const change of changes) expect(change).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
      expect(properties.size).toBe(2);
    }
  });

  async function sessions() {
    const app = await startScene();
    return { ...app, group: app.session.group, other: await app.enter(app.browser, 'other') };
  }
});

describe('takeOwnership()', () => {
  it.each<[string, (count: () => Promise<void>) => Owned]>([
    ['a function', (count) => count],
    ['a Disposable', (count) => ({ [Symbol.dispose]: () => void count() })],
    ['an AsyncDisposable', (count) => ({ [Symbol.asyncDispose]: count, [Symbol.dispose]: () => fail() })],
    ['an object with dispose()', (count) => ({ dispose: count })],
  ])('disposes of %s', async (_what, make) => {
    const { session } = await startScene();
    const count = jest.fn(async () => {});
    session.takeOwnership(make(count));
    await session.terminate();
    expect(count).toHaveBeenCalledTimes(1);
  });

  it('calls methods on their object', async () => {
    const { session } = await startScene();
    const owned = {
      by: undefined as unknown,
      dispose() {
        this.by = this;
      },
    };
    session.takeOwnership(owned);
    await session.terminate();
    expect(owned.by).toBe(owned);
  });

  it.each([[undefined], [null], ['text'], [{}], [{ close: () => {} }]])('refuses %p', async (nothing) => {
    const { session } = await startScene();
    expect(() => session.takeOwnership(nothing as unknown as Owned)).toThrow(
      expect.objectContaining({ code: 'BAD_ARGUMENT' }),
    );
  });

  type Step = 'dispose' | 'asyncDispose' | 'release' | 'end';
  it.each<[number, Step[]]>([
    [1, ['end']],
    [1, ['dispose', 'end']],
    [1, ['end', 'dispose']],
    [1, ['dispose', 'dispose', 'asyncDispose', 'end', 'dispose']],
    [1, ['dispose', 'release', 'end']],
    [0, ['release', 'end']],
    [0, ['release', 'dispose', 'end']],
  ])('disposes %i times: %j', async (times, steps) => {
    const { session } = await startScene();
    const disposer = jest.fn(async () => {});
    const ownership = session.takeOwnership(disposer);
    const results = steps.map((step) => take(step, ownership, session));
    await Promise.all(results);
    expect(disposer).toHaveBeenCalledTimes(times);
  });

  function take(step: Step, ownership: Ownership, session: ActiveSession): unknown {
    if (step === 'end') return session.terminate();
    if (step === 'release') {
      ownership.release();
      return undefined;
    }
    return step === 'dispose' ? ownership.dispose() : ownership[Symbol.asyncDispose]();
  }

  it('disposes at once where the end has begun, or is over', async () => {
    const { session, script } = await startScene();
    const [during, after] = [jest.fn(), jest.fn()];
    script.hooks['First.onSessionEnd terminated'] = () => {
      session.takeOwnership(during);
      expect(during).toHaveBeenCalledTimes(1);
    };
    session.services.get(First);
    await session.terminate();
    session.takeOwnership(after);
    expect([during, after].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  });

  it('of a group disposes when the last session has cleaned up', async () => {
    const { session, script } = await startScene();
    session.takeOwnership(() => script.callNow('of the session'));
    session.group.takeOwnership(() => script.callNow('of the group'));
    await session.terminate();
    expect((await session.group.cleanupCompletion).disposed).toBe(1);
    expect(script.lines).toEqual(['of the session', 'of the group']);
  });

  it('lets all who dispose by hand wait for the one disposal', async () => {
    const { session } = await startScene();
    const gate = new Gate();
    const ownership = session.takeOwnership(() => gate.opened);
    const disposals = [ownership.dispose(), ownership.dispose(), ownership[Symbol.asyncDispose]()];
    expect(new Set(disposals).size).toBe(1);
    gate.open();
    await Promise.all(disposals);
  });

  it('logs what fails after the end', async () => {
    const { session } = await startScene();
    await session.terminate();
    session.takeOwnership(() => Promise.reject(new Error('late')));
    await settle();
    expect(faults()).toEqual([expect.stringContaining('late')]);
  });

  it('tells who disposes by hand of the error, and the session not again', async () => {
    const { session } = await startScene();
    const ownership = session.takeOwnership(() => Promise.reject(new Error('mine')));
    await expect(ownership.dispose()).rejects.toThrow('mine');
    expect((await session.terminate()).failed).toEqual([]);
  });
});

describe('A group', () => {
  it('ends with its last session, after the clean-up of that, for its reason', async () => {
    const app = await startScene();
    const { session, script } = app;
    const { group } = session;
    const other = await app.enter(app.browser, 'other');
    const gate = new Gate();
    other.takeOwnership(() => gate.opened);
    group.services.get(Shared);

    await session.terminate();
    expect(group.isAvailable).toBe(true);
    await app.clock.advance(IDLE_MS + SECOND);
    expect([other.endReason, group.isAvailable, script.lines]).toEqual(['idle', true, []]);
    gate.open();
    expect(await group.cleanupCompletion).toMatchObject({ reason: 'idle', disposed: 1 });
    expect(script.lines).toEqual(['Shared.onSessionEnd idle', 'Shared.onSessionEnd idle done']);
    expect([group.isAvailable, group.endReason, group.sessions.size]).toEqual([false, 'idle', 0]);
  });

  it('lives on without sessions while a request of its user is in flight', async () => {
    const gate = new Gate();
    let ended: Promise<CleanupReport> | undefined;
    const { browser, session } = await startScene({
      handlers: {
        end: async (req) => {
          const group = getActiveSessionGroup(req);
          ended = group.cleanupCompletion;
          const shared = group.services.get(Shared);
          await getActiveSession(req).terminate();
          await gate.opened;
          return [group.isAvailable, group.sessions.size, shared === group.services.get(Shared)];
        },
      },
    });
    const answer = browser.get('/end');
    await until(() => !session.isAvailable);
    await settle();
    expect(session.group.isAvailable).toBe(true);
    gate.open();
    expect((await answer).body).toEqual([true, 0, true]);
    expect(await ended).toMatchObject({ reason: 'terminated', disposed: 1 });
    expect(session.group.isAvailable).toBe(false);
  });

  it('is kept by refreshActiveSession() after the end of its only session', async () => {
    const { browser, session } = await startScene({
      handlers: {
        next: async (req) => {
          const old = getActiveSession(req);
          const shared = old.group.services.get(Shared);
          expect(refreshActiveSession(req)).toBe(old);
          await old.terminate();
          const fresh = refreshActiveSession(req);
          expect(getActiveSession(req)).toBe(fresh);
          expect(fresh.group.services.get(Shared)).toBe(shared);
          return { generations: [old.generation, fresh.generation], id: fresh.id };
        },
      },
    });
    const { body } = await browser.get('/next');
    expect(body).toEqual({ generations: [1, 2], id: session.id });
    expect(session.group.isAvailable).toBe(true);
    expect(session.group.sessions.get('')?.generation).toBe(2);
  });

  it('ends with all its sessions by terminate(), and makes room for another', async () => {
    const app = await startScene();
    const { session, browser, script } = app;
    const other = await app.enter(browser, 'other');
    fill(session);
    session.group.services.get(Shared);
    const order: string[] = [];
    for (const owner of [session, other, session.group])
      owner.completionSignal.addEventListener('abort', () => order.push(owner.id));

    const report = await session.group.terminate();
    expect(report).toMatchObject({ reason: 'terminated', disposed: 1, failed: [], timedOut: [] });
    expect([session.endReason, other.endReason]).toEqual(['terminated', 'terminated']);
    expect(order).toEqual([session.id, other.id, session.group.id]);
    expect(script.lines.slice(-3)).toEqual([
      'First.dispose',
      'Shared.onSessionEnd terminated',
      'Shared.onSessionEnd terminated done',
    ]);
    const next = await app.enter(browser);
    expect([next.group === session.group, next.id, next.generation]).toEqual([false, session.id, 2]);
  });

  it('shows its sessions by suffix, and only those that have not begun to end', async () => {
    const app = await startScene();
    const { sessions } = app.session.group;
    const other = await app.enter(app.browser, 'other');
    expect([...sessions]).toEqual([
      ['', app.session],
      ['other', other],
    ]);
    void other.terminate();
    expect([...sessions.keys()]).toEqual(['']);
  });

  it('tells of its end before its services are gone, and what fails then costs its user nothing', async () => {
    const app = await startScene();
    const { session, browser, script } = app;
    const shared = session.group.services.get(Shared);
    session.group.completionSignal.addEventListener('abort', () => {
      script.callNow(session.group.services.get(Shared) === shared ? 'services are there' : 'services are gone');
      throw new Error('a bad listener');
    });
    script.hooks['Shared.onSessionEnd terminated'] = fail;
    await session.terminate();
    const { failed } = await session.group.cleanupCompletion;
    expect(failed).toEqual([{ what: 'Shared.onSessionEnd()', error: expect.objectContaining({}) }]);
    expect(script.lines).toEqual(['services are there', 'Shared.onSessionEnd terminated']);
    expect(faults()).toEqual([
      expect.stringMatching(/The group .*listener of completionSignal.*a bad listener/),
      expect.stringMatching(/The group .*Shared\.onSessionEnd\(\)/),
    ]);
    const next = await app.enter(browser);
    expect([next.isAvailable, next.id, next.group === session.group]).toEqual([true, session.id, false]);
  });

  it('ends when its own clean-up has taken its time', async () => {
    const { session, script, clock } = await startScene();
    script.hooks['Shared.onSessionEnd terminated'] = () => new Promise(() => {});
    session.services.get(Shared);
    const report = session.group.terminate();
    await clock.advance(4 * SECOND);
    expect(await report).toMatchObject({ timedOut: ['Shared.onSessionEnd()'] });
    expect(await session.cleanupCompletion).toMatchObject({ timedOut: [] });
    expect(faults()).toEqual([expect.stringMatching(/The group .*Shared\.onSessionEnd\(\)/)]);
  });
});

function boomOnly(): PropertyDescriptorMap {
  return { boom: { value: 'boom', enumerable: true } };
}

describe('What is late for an end', () => {
  it('changes nothing in the report that was given', async () => {
    const made = new Gate();
    const index = sessionScoped({
      provide: 'INDEX',
      useFactory: () => made.opened.then(() => ({})),
      dispose: () => new Promise(() => undefined),
    });
    const app = await start({ metadata: { providers: [index] }, options: { preload: false } });
    const { session } = await app.user();
    session.services.resolve('INDEX').catch(() => undefined);
    await settle();
    const ending = session.terminate();
    await app.clock.advance(5 * SECOND);
    const { timedOut } = await ending;
    expect(timedOut).toEqual(['the making of INDEX']);
    made.open();
    await settle();
    expect(timedOut).toEqual(['the making of INDEX']);
    faults();
  });
});

function fail(): never {
  throw new Error('It was called');
}
