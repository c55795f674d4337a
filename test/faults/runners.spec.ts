import { describe, expect, it } from '@jest/globals';
import {
  getActiveSession,
  getSessionLockToken,
  RunnerBase,
  SessionEndedError,
  sessionLock,
  sessionScoped,
  type AcquireOptions,
  type ActiveSession,
  type LockedService,
  type Runner,
  type RunnerContext,
  type RunnerResult,
  type SequenceSource,
  type SessionLock,
} from 'nestjs-active-session';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { Observable } from 'rxjs';
import { rejection } from '../runners/pending.js';
import { settle } from '../support/fake-clock.js';
import { until, untilAborted } from '../support/gate.js';
import type { Handlers } from '../support/handlers.js';
import { each, FAILING, SILENT, THROWING, Weakness, type Fault } from './faults.js';
import { expectClean, nameOf, useScenes, type Reports, type Scene, type User } from './scene.js';

const { start, faults } = useScenes();

const WAIT_MS = 1_000;

/** The page from the start, of the only runner. */
const read = async (req: object): Promise<RunnerResult<unknown> | undefined> =>
  getActiveSession(req).getRunner(0)?.getRequired({ startPosition: 0, advance: 3, waitMs: WAIT_MS });

const RESOURCE = 'Resource';

interface Entered {
  scene: Scene;
  user: User;
  session: ActiveSession;
  /** Acquires the lock of a service, as a request of the user does. */
  acquire(options?: AcquireOptions): Promise<LockedService<object>>;
}

async function enter(handlers: Handlers = {}): Promise<Entered> {
  const resource = sessionScoped({ provide: RESOURCE, useFactory: () => ({}) });
  const scene = await start({ providers: [resource, sessionLock(RESOURCE)], handlers: { read, ...handlers } });
  const user = await scene.user();
  const lock = scene.app.get<SessionLock<object>>(getSessionLockToken(RESOURCE));
  const acquire: Entered['acquire'] = (options) => scene.registry.run(user.session, () => lock.acquire(options));
  return { scene, user, session: user.session, acquire };
}

/** Clients get no details. Of what cannot be looked at the log says so. */
async function expectFailed({ browser, session }: User, fault: Fault, kind: string, result: unknown): Promise<void> {
  const { status, body } = await browser.get('/read');
  expect([status, body]).toMatchObject([200, { status: 'failed', error: { name: 'Error' } }]);
  expect(body.result).toEqual(result);
  expect(Object.is(session.getRunner(0)?.error, fault.thrown)).toBe(true);
  const unreadable = `${nameOf(session)}, ${kind} runner 0: serializeError: It cannot be looked at`;
  expect(faults()).toEqual(fault.text === 'an error that cannot be shown' ? [unreadable] : []);
}

function expectLeftBehind({ session }: User, reports: Reports, label: string): void {
  expect(reports.session).toMatchObject({ failed: [], timedOut: [], leftBehind: [label] });
  expect(faults()).toEqual([`${nameOf(session)} (terminated), ${label}: did not stop in time and was left behind`]);
}

/** Two steps of an iterator, and then what the fault does. */
function steps<R = IteratorResult<number>>(act: () => unknown): () => R | { value: number } {
  let step = 0;
  return () => (++step <= 2 ? { value: step } : (act() as R));
}

type Source = (act: () => unknown) => SequenceSource<number>;

const WAITING: [string, Source, number[]][] = [
  ['the function that opens it', (act) => () => act() as Promise<number[]>, []],
  [
    'next() of an asynchronous iterator',
    (act) => {
      const next = steps(act);
      return { [Symbol.asyncIterator]: () => ({ next: async () => next() }) };
    },
    [1, 2],
  ],
  [
    'pull() of a stream of the web',
    (act) => {
      const next = steps<Promise<{ value: number }>>(act);
      const pull = async (controller: { enqueue(item: number): void }): Promise<void> =>
        controller.enqueue((await next()).value);
      return new ReadableStream<number>({ pull }, { highWaterMark: 0 });
    },
    [1, 2],
  ],
];

const SYNCHRONOUS: [string, Source, number[]][] = [
  ['next() of an iterator', (act) => ({ [Symbol.iterator]: () => ({ next: steps(act) }) }), [1, 2]],
  ['the subscription to an Observable', (act) => new Observable<number>(() => void act()), []],
  [
    'an Observable',
    (act) =>
      new Observable<number>((subscriber) => {
        subscriber.next(1);
        subscriber.next(2);
        act();
      }),
    [1, 2],
  ],
];

describe('A source', () => {
  it.each([...each(WAITING, FAILING), ...each(SYNCHRONOUS, THROWING)])(
    'of which %s %s fails its runner, after what came before',
    async (_place, _how, fault, [, source, result]) => {
      const { scene, user, session } = await enter();
      session.createSequenceRunner(source(fault.act), { replay: 'all' });
      await expectFailed(user, fault, 'sequence', result);
      expectClean(await scene.recovers(user));
    },
  );

  // A stream of the web answers by itself when it is cancelled.
  it.each(each(WAITING.slice(0, 2), SILENT))(
    'of which %s %s holds up no read, and is left behind at the end',
    async (_place, _how, fault, [, source, result]) => {
      const { scene, user, session } = await enter();
      const weakness = new Weakness();
      weakness.breaks(fault);
      const runner = session.createSequenceRunner(source(weakness.act), { replay: 'all' });
      const answer = user.browser.get('/read');
      await until(() => weakness.failures > 0 && runner.progress.reached === result.length);
      await scene.clock.advance(WAIT_MS);
      expect((await answer).body).toMatchObject({ result, status: 'stalled' });
      expectLeftBehind(user, await scene.recovers(user, true), 'sequence runner 0');
    },
  );

  const closed: [string, Source][] = [
    [
      'return() of an asynchronous iterator',
      (act) => ({
        [Symbol.asyncIterator]: () => ({ next: async () => ({ value: 1 }), return: act as () => Promise<never> }),
      }),
    ],
    ['cancel() of a stream of the web', (act) => new ReadableStream<number>({ cancel: act as () => Promise<void> })],
  ];
  const closedAtOnce: [string, Source][] = [
    [
      'return() of an iterator',
      (act) => ({ [Symbol.iterator]: () => ({ next: () => ({ value: 1 }), return: act as () => never }) }),
    ],
  ];

  it.each([...each(closed, FAILING), ...each(closedAtOnce, THROWING)])(
    'of which %s %s is told of in the log, and its runner has stopped',
    async (_place, _how, fault, [, source]) => {
      const { scene, user, session } = await enter();
      const runner = session.createSequenceRunner(source(fault.act), { startNow: true });
      runner.abort();
      await until(() => runner.isBackgroundCompleted);
      expect(faults()).toEqual([`${nameOf(session)}, sequence runner 0: closing its source: ${fault.text}`]);
      expectClean(await scene.recovers(user));
    },
  );

  it.each(each(closed, SILENT))('of which %s %s is left behind at the end', async (_place, _how, fault, [, source]) => {
    const { scene, user, session } = await enter();
    session.createSequenceRunner(source(fault.act), { startNow: true });
    expectLeftBehind(user, await scene.recovers(user, true), 'sequence runner 0');
  });

  it.each(
    each(
      [
        [
          'a source',
          (session: ActiveSession, fail: (signal: AbortSignal) => Promise<never>) =>
            session.createSequenceRunner(fail, { startNow: true }),
        ],
        [
          'a process',
          (session: ActiveSession, fail: (signal: AbortSignal) => Promise<never>) =>
            session.createProcessRunner((_report, signal) => fail(signal)),
        ],
      ] as const,
      THROWING,
    ),
  )(
    'or body: %s that %s while it is being stopped is told of in the log, and has stopped',
    async (_place, _how, fault, [, create]) => {
      const { scene, user, session } = await enter();
      const runner = create(session, async (signal) => {
        await untilAborted(signal).catch(() => undefined);
        return fault.act() as never;
      });
      await settle();
      runner.abort();
      await until(() => runner.isBackgroundCompleted);
      expect(faults()).toEqual([expect.stringMatching(/runner 0: its (source|body), while it was being stopped: /)]);
      expectClean(await scene.recovers(user));
    },
  );

  // Others are too much for the stream itself.
  const ofStreams = THROWING.filter(({ text }) => text.includes('out of order'));
  it.each(ofStreams.map((fault) => [fault.name, fault] as const))(
    'that is a stream of Node and %s fails its runner',
    async (_how, fault) => {
      const { scene, user, session } = await enter();
      const next = steps(fault.act);
      const source = new Readable({
        objectMode: true,
        read() {
          this.push(next().value);
        },
      });
      session.createSequenceRunner(source, { replay: 'all' });
      // What a stream had buffered when it failed is lost by the stream.
      await expectFailed(user, fault, 'sequence', expect.any(Array));
      expectClean(await scene.recovers(user));
    },
  );
});

describe('The body of a process', () => {
  it.each(each([['at once', 0] as const, ['after two reports', 2] as const], FAILING))(
    'that %s %s fails its runner, which has its last report, and lets go of its lock',
    async (_when, _how, fault, [, reports]) => {
      const { scene, user, session, acquire } = await enter();
      const holds = await acquire();
      session.createProcessRunner<number>(
        (report) => {
          for (let count = 1; count <= reports; count++) report(count);
          return fault.act() as Promise<number>;
        },
        { holds },
      );
      await expectFailed(user, fault, 'process', reports === 0 ? undefined : reports);
      (await acquire({ timeoutMs: 0 })).release();
      expectClean(await scene.recovers(user));
    },
  );

  it.each(SILENT.map((fault) => [fault.name, fault] as const))(
    'that %s holds up no read, and is left behind at the end, without its lock',
    async (_how, fault) => {
      const { scene, user, session, acquire } = await enter();
      const holds = await acquire();
      session.createProcessRunner(fault.act, { holds });
      const answer = user.browser.get('/read');
      await until(() => scene.registry.stats().pinned > 0);
      await settle();
      await scene.clock.advance(WAIT_MS);
      expect((await answer).body).toMatchObject({ status: 'stalled' });
      const refused = rejection(acquire());
      expectLeftBehind(user, await scene.recovers(user, true), 'process runner 0');
      expect(await refused).toBeInstanceOf(SessionEndedError);
    },
  );
});

describe('The gauge of a time series', () => {
  it.each(FAILING.map((fault) => [fault.name, fault] as const))(
    'that %s fails its runner, after what was measured before',
    async (_how, fault) => {
      const { scene, user, session } = await enter();
      let measured = 0;
      session.createTimeSeriesRunner(() => (measured++ === 0 ? 1 : (fault.act() as number)), {
        intervalMs: 10,
        replay: 'all',
        startNow: true,
      });
      await scene.clock.advance(10);
      await expectFailed(user, fault, 'time-series', [{ at: expect.any(String), value: 1 }]);
      expectClean(await scene.recovers(user));
    },
  );
});

class Lamp extends RunnerBase<string> {
  override readonly kind = 'lamp';
  override readonly position = 0;

  constructor(
    context: RunnerContext,
    private readonly hooks: Partial<Record<'onStart' | 'onAbort' | 'onDispose' | 'releaseWaits', () => unknown>>,
  ) {
    super(context);
  }

  override getAvailable(): RunnerResult<string> {
    return this.resultOf('on', 0, 0);
  }

  override async getRequired(): Promise<RunnerResult<string>> {
    await this.startRunning();
    return this.getAvailable();
  }

  override releaseWaits(): void {
    this.hooks.releaseWaits?.();
  }

  protected override onStart(): void | Promise<void> {
    return this.hooks.onStart?.() as Promise<void>;
  }

  protected override onAbort(): void {
    // An override may be asynchronous, whatever its type says.
    return this.hooks.onAbort?.() as void;
  }

  protected override onDispose(): void | Promise<void> {
    return this.hooks.onDispose?.() as Promise<void>;
  }
}

describe('The factory of a runner', () => {
  const made: [string, boolean][] = [
    ['before it has made one', false],
    ['after it has made one', true],
  ];

  it.each(each(made, FAILING))(
    'that, %s, %s costs its request a 500, and nothing is left of the runner and its lock',
    async (_when, _how, fault, [, makes]) => {
      const weakness = new Weakness();
      const { scene, user, session, acquire } = await enter({
        make: async (req) => {
          const create = async (_request: null, context: RunnerContext): Promise<Runner<string>> => {
            const lamp = new Lamp(context, {});
            await weakness.act();
            return lamp;
          };
          const fail = (): Runner<string> => weakness.act() as Runner<string>;
          const { number } = await getActiveSession(req).createRunner(makes ? create : fail, null, {
            holds: await acquire(),
          });
          return { number };
        },
      });
      weakness.breaks(fault);
      expect((await user.browser.get('/make')).status).toBe(500);
      // What the factory has thrown is the handler's, and Nest logs it.
      expect(faults()).toHaveLength(1);
      expect(session.runners.size).toBe(0);
      (await acquire({ timeoutMs: 0 })).release();
      expectClean(await scene.recovers(user));
    },
  );

  it.each(SILENT.map((fault) => [fault.name, fault] as const))(
    'that %s is left by its request with the end of its session, and the report names it',
    async (_how, fault) => {
      const weakness = new Weakness();
      weakness.breaks(fault);
      const { scene, user, session, acquire } = await enter({
        make: async (req) => getActiveSession(req).createRunner(weakness.act, null, { holds: await acquire() }),
      });
      const answer = user.browser.get('/make');
      await until(() => weakness.failures > 0);
      expectLeftBehind(user, await scene.end(session, true), 'the factory of runner 0');
      expect(await answer).toMatchObject({ status: 410, body: { code: 'SESSION_ENDED' } });
      expectClean(await scene.recovers({ ...user, session: await scene.enter(user.browser) }));
    },
  );
});

describe("A runner of the application's own", () => {
  it.each(FAILING.map((fault) => [fault.name, fault] as const))(
    'whose onStart() %s costs its read a 500, and starts with the next one',
    async (_how, fault) => {
      const weakness = new Weakness();
      weakness.breaks(fault);
      const { scene, user, session } = await enter();
      const runner = await session.createRunner(
        (_request: null, context) => new Lamp(context, { onStart: weakness.act }),
        null,
      );
      expect((await user.browser.get('/read')).status).toBe(500);
      expect([runner.status, faults().length]).toEqual(['not-started', 1]);
      weakness.mends();
      expect((await user.browser.get('/read')).body).toMatchObject({ result: 'on', status: 'stalled' });
      expectClean(await scene.recovers(user));
    },
  );

  it.each(
    each(
      [
        ['onAbort()', 'onAbort'],
        ['onDispose()', 'onDispose'],
      ] as const,
      FAILING,
    ),
  )('whose %s %s stops all the same: the log tells of it', async (name, _how, fault, [, hook]) => {
    const { scene, user, session } = await enter();
    await session.createRunner((_request: null, context) => new Lamp(context, { [hook]: fault.act }), null);
    await user.browser.get('/read');
    expectClean(await scene.recovers(user));
    expect(faults()).toEqual([`${nameOf(session)} (terminated), lamp runner 0: ${name}: ${fault.text}`]);
  });

  it.each(SILENT.map((fault) => [fault.name, fault] as const))(
    'whose onDispose() %s is left behind',
    async (_how, fault) => {
      const { scene, user, session } = await enter();
      await session.createRunner((_request: null, context) => new Lamp(context, { onDispose: fault.act }), null);
      await user.browser.get('/read');
      expectLeftBehind(user, await scene.recovers(user, true), 'lamp runner 0');
    },
  );
});

describe('A lock', () => {
  const locked = (req: object, act: () => unknown): Promise<unknown> => {
    const lock = getActiveSession(req).services.get<SessionLock<object>>(getSessionLockToken(RESOURCE));
    return lock.run(act, { timeoutMs: WAIT_MS });
  };

  it.each(FAILING.map((fault) => [fault.name, fault] as const))(
    'is free when what it was held for %s',
    async (_how, fault) => {
      const weakness = new Weakness();
      const { scene, user, acquire } = await enter({ locked: (req) => locked(req, weakness.act) });
      weakness.breaks(fault);
      expect((await user.browser.get('/locked')).status).toBe(500);
      expect(faults()).toHaveLength(1);
      (await acquire({ timeoutMs: 0 })).release();
      expectClean(await scene.recovers(user));
    },
  );

  it("that is never released is refused in time, and is nobody's after the end", async () => {
    const { scene, user, session, acquire } = await enter({ locked: (req) => locked(req, () => undefined) });
    await acquire();
    const answer = user.browser.get('/locked');
    await until(() => scene.clock.pending > 0 && scene.registry.stats().pinned > 0);
    await settle();
    await scene.clock.advance(WAIT_MS);
    expect(await answer).toMatchObject({ status: 503, body: { code: 'LOCK_TIMEOUT' } });
    const waiting = rejection(acquire());
    expectClean(await scene.end(session));
    expect(await waiting).toBeInstanceOf(SessionEndedError);
    expect((await user.browser.get('/locked')).status).toBe(200);
    expectClean(await scene.recovers({ ...user, session: await scene.enter(user.browser) }));
  });
});

describe('The function of a property', () => {
  it.each(THROWING.map((fault) => [fault.name, fault] as const))(
    'that %s costs its request a 500, and leaves the value as it was',
    async (_how, fault) => {
      const { scene, user, session } = await enter({
        add: (req) => getActiveSession(req).properties.getOrAdd('new', fault.act),
        update: (req) => getActiveSession(req).properties.update('old', fault.act),
      });
      session.properties.set('old', 1);
      for (const path of ['/add', '/update']) expect((await user.browser.get(path)).status).toBe(500);
      expect(faults()).toHaveLength(2);
      expect([...session.properties]).toEqual([['old', 1]]);
      expectClean(await scene.recovers(user));
    },
  );
});
