import { describe, expect, it, jest } from '@jest/globals';
import { Inject, Injectable, type ModuleMetadata } from '@nestjs/common';
import {
  ActiveSession,
  BadArgumentError,
  getSessionLockToken,
  InjectSessionLock,
  LimitReachedError,
  RunnerBase,
  RunnerStatus,
  SequenceRunnerBase,
  SessionEndedError,
  SessionScoped,
  type GetRequiredOptions,
  type InjectableRunnerFactory,
  type Runner,
  type RunnerContext,
  type RunnerResult,
  type SequenceItems,
  type SequenceOptions,
  type SessionLock,
} from 'nestjs-active-session';
import { settle } from '../support/fake-clock.js';
import { Gate, until } from '../support/gate.js';
import { useSession } from './one-session.js';
import { isPending, rejection } from './pending.js';
import { numbers, Tap } from './tap.js';

interface Hooks {
  start?(): void | Promise<void>;
  abort?(reason: unknown): unknown;
  dispose?(): void | Promise<void>;
}

/** A runner of which the test may call everything. */
class Meter extends RunnerBase<number> {
  override readonly kind = 'meter';
  position = 0;

  constructor(
    context: RunnerContext,
    private readonly hooks: Hooks = {},
  ) {
    super(context);
  }

  override getAvailable(): RunnerResult<number> {
    return this.resultOf(this.position, this.position, this.position);
  }

  override async getRequired(_options?: GetRequiredOptions): Promise<RunnerResult<number>> {
    await this.startRunning();
    return this.getAvailable();
  }

  start = (): Promise<void> | undefined => this.startRunning();
  set = (status: RunnerStatus): boolean => this.setStatus(status);
  step = (): void => this.markStep();
  end = (failure?: { error: unknown }): void => this.markWorkOver(failure);
  get signal(): AbortSignal {
    return this.workSignal;
  }
  get endOfWork(): RunnerStatus {
    return this.outcome;
  }

  protected override onStart(): void | Promise<void> {
    return this.hooks.start?.();
  }
  protected override onAbort(reason: unknown): void {
    // Nobody keeps an override from being asynchronous.
    return this.hooks.abort?.(reason) as void;
  }
  protected override onDispose(): void | Promise<void> {
    return this.hooks.dispose?.();
  }
}

@SessionScoped()
class Prices {
  readonly factor = 2;
}

/** With it the application has the lock. */
@Injectable()
class PriceChange {
  constructor(@InjectSessionLock(Prices) readonly lock: SessionLock<Prices>) {}
}

@Injectable()
class MeterFactory implements InjectableRunnerFactory<Hooks, number> {
  constructor(private readonly prices: Prices) {}
  create(hooks: Hooks, context: RunnerContext): Meter {
    const meter = new Meter(context, hooks);
    meter.position = this.prices.factor;
    return meter;
  }
}

@SessionScoped()
class ScopedFactory {
  made = 0;
  constructor(private readonly session: ActiveSession) {}
  create(_request: unknown, context: RunnerContext): Promise<Meter> {
    const meter = new Meter(context);
    meter.position = ++this.made;
    meter.extraData = this.session.id;
    return Promise.resolve(meter);
  }
}

/** One for all users; it takes as many turns of the event loop as it is asked to. */
@Injectable()
class SlowFactory implements InjectableRunnerFactory<{ turns: number }, number> {
  async create(request: { turns: number }, context: RunnerContext): Promise<Meter> {
    await settle(request.turns);
    const meter = new Meter(context);
    meter.position = request.turns;
    meter.extraData = context.session;
    return meter;
  }
}

const metadata: ModuleMetadata = {
  providers: [
    Prices,
    PriceChange,
    MeterFactory,
    ScopedFactory,
    SlowFactory,
    { provide: 'METERS', useExisting: MeterFactory },
    { provide: 'NO FACTORY', useValue: {} },
  ],
};
const here = useSession({ limits: { runnersPerSession: 4 } }, metadata);
const meter = async (hooks: Hooks = {}): Promise<Meter> =>
  (await here.session.createRunner((given: Hooks, context) => new Meter(context, given), hooks)) as Meter;

describe('session.createRunner()', () => {
  it('makes a runner by a function, which gets the request and what the runner is made with', async () => {
    let seen: unknown[] = [];
    const factory = (request: { unit: string }, context: RunnerContext): Meter => {
      const { session, number, name, key, id } = context;
      seen = [request, session, number, name, String(key), id, here.current()];
      return new Meter(context);
    };
    const options = { name: 'of water', extraData: 'mine' };
    const runner = await here.session.createRunner(factory, { unit: 'm3' }, options);
    const { session } = here;
    const id = { sessionId: session.id, generation: 1, number: 0 };
    expect(seen).toEqual([{ unit: 'm3' }, session, 0, 'of water', String(runner.key), id, session]);
    expect(runner).toMatchObject({
      kind: 'meter',
      number: 0,
      name: 'of water',
      extraData: 'mine',
      status: 'not-started',
    });
    expect(session.getRunner(runner.key, { kind: 'meter', name: 'of water' })).toBe(runner);
    expect(session.getRunner(runner.key, { kind: 'sequence' })).toBeUndefined();
    expect(session.isFresh).toBe(false);
  });

  it.each([
    ['a class', MeterFactory],
    ['a string', 'METERS'],
  ])(
    'makes it by an injectable factory, whose token is %s, with scoped providers of the session',
    async (_what, token) => {
      const runner = await here.session.createRunner<Hooks, number>(token, {});
      expect(await runner.getRequired()).toMatchObject({ result: 2, status: 'stalled' });
    },
  );

  it('makes it by a factory that is itself scoped, and asynchronous', async () => {
    const runners = [
      await here.session.createRunner(ScopedFactory, {}),
      await here.session.createRunner(ScopedFactory, {}),
      await (await here.another()).createRunner(ScopedFactory, {}),
    ];
    expect(runners.map(({ position }) => position)).toEqual([1, 2, 1]);
    expect(runners[0]!.extraData).toBe(here.session.id);
  });

  it('hands each call its own request and session, also where several users come at the same time', async () => {
    const users = [here.session, await here.another(), await here.another()];
    const calls = users.flatMap((session, user) => [
      { session, turns: 6 - user },
      { session, turns: 1 + user },
    ]);
    const runners = await Promise.all(calls.map(({ session, turns }) => session.createRunner(SlowFactory, { turns })));
    for (const [call, { session, turns }] of calls.entries()) {
      const runner = runners[call]!;
      expect([runner.position, runner.id.sessionId]).toEqual([turns, session.id]);
      expect(runner.extraData).toBe(session);
      expect(session.getRunner(runner.key)).toBe(runner);
    }
  });

  it('gives the same runner for the same dedupeKey, also while its factory is at work', async () => {
    const gate = new Gate();
    const factory = jest.fn(async (_request: object, context: RunnerContext) => {
      await gate.opened;
      return new Meter(context);
    });
    const options = { dedupeKey: 'once' };
    const both = [here.session.createRunner(factory, {}, options), here.session.createRunner(factory, {}, options)];
    gate.open();
    const [first, second] = await Promise.all(both);
    expect(second).toBe(first);
    expect(await here.session.createRunner(factory, {}, options)).toBe(first);
    expect(factory).toHaveBeenCalledTimes(1);
    expect(await here.session.createRunner(factory, {}, { dedupeKey: 'twice' })).not.toBe(first);
  });

  it('counts what is being made for the limit', async () => {
    const gate = new Gate();
    const factory = async (_request: object, context: RunnerContext): Promise<Meter> => {
      await gate.opened;
      return new Meter(context);
    };
    const made = numbers(0, 4).map(() => here.session.createRunner(factory, {}));
    await expect(here.session.createRunner(factory, {})).rejects.toThrow(LimitReachedError);
    expect(() => here.session.createSequenceRunner([])).toThrow(LimitReachedError);
    gate.open();
    expect((await Promise.all(made)).map(({ number }) => number)).toEqual([0, 1, 2, 3]);
  });
});

describe('A factory that fails', () => {
  const error = new Error('no meter today');
  it.each<[string, (request: object, context: RunnerContext) => Runner | Promise<Runner>]>([
    [
      'at once',
      () => {
        throw error;
      },
    ],
    ['later', () => Promise.reject(error)],
    [
      'with a runner half made',
      async (_request, context) => {
        new Meter(context, { dispose: () => void disposed() });
        await settle();
        throw error;
      },
    ],
  ])('%s leaves nothing behind', async (_when, factory) => {
    disposed.mockClear();
    expect(await rejection(here.session.createRunner(factory, {}, { dedupeKey: 'key' }))).toBe(error);
    expect(here.session.runners.size).toBe(0);
    const runner = await here.session.createRunner(
      (_: object, context) => new Meter(context),
      {},
      { dedupeKey: 'key' },
    );
    expect(runner).toBeInstanceOf(Meter);
    await settle();
    expect(disposed).toHaveBeenCalledTimes(_when === 'with a runner half made' ? 1 : 0);
  });
  const disposed = jest.fn();

  it.each<[string, unknown]>([
    ['nothing', () => undefined],
    ['something else', () => ({ getRequired: () => undefined })],
    ['a runner that the session has made', () => here.session.createSequenceRunner([1])],
    ['a runner that another call has made', async () => meter()],
  ])('with %s is told so', async (_what, factory) => {
    const made = here.session.createRunner(factory as () => Runner, {});
    await expect(made).rejects.toThrow(
      /Expected the factory of a runner to return a runner that it has made with its context/,
    );
    await expect(made).rejects.toThrow(BadArgumentError);
  });

  it.each([
    [undefined, /Expected a runner factory to be a function, or the token of a provider/],
    [5, /Expected a runner factory to be a function, or the token of a provider/],
    ['NO FACTORY', /Expected the provider of a runner factory to have a method create\(\)/],
    ['NOBODY', /Nest could not find NOBODY/],
  ])('because it is none (%p) is told so', async (factory, message) => {
    await expect(here.session.createRunner(factory as string, {})).rejects.toThrow(message);
  });

  it('is told that a context is good for one runner, and that there must be one', async () => {
    await expect(
      here.session.createRunner((_: object, context) => {
        new Meter(context);
        return new Meter(context);
      }, {}),
    ).rejects.toThrow(/meter runner \d+ was made with this context already/);
    expect(() => new Meter({ number: 1 } as RunnerContext)).toThrow(
      /is made with the context that session.createRunner/,
    );
    await expect(here.session.createRunner(() => undefined as never, {}, { nam: 'x' } as object)).rejects.toThrow(
      'There is no option "nam" of a runner',
    );
  });

  it('releases the lock that was given to its runner, whatever has failed', async () => {
    const lock = here.session.services.get<SessionLock<Prices>>(getSessionLockToken(Prices) as never);
    const failures: [unknown, object][] = [
      [() => Promise.reject(error), {}],
      [() => undefined, {}],
      [MeterFactory, { nam: 'x' }],
      ['NOBODY', {}],
    ];
    for (const [factory, options] of failures) {
      const holds = await lock.acquire({ timeoutMs: 0 });
      await rejection(here.session.createRunner(factory as () => Runner, {}, { ...options, holds }));
    }
    const holds = await lock.acquire({ timeoutMs: 0 });
    const runner = await here.session.createRunner(MeterFactory, {}, { holds, dedupeKey: 'one' });
    expect(await lock.tryAcquire()).toBeUndefined();
    runner.abort();
    await here.session.createRunner(
      MeterFactory,
      {},
      { holds: await lock.acquire({ timeoutMs: 0 }), dedupeKey: 'one' },
    );
    expect(await lock.tryAcquire()).toBeDefined();
  });

  it('has its lock as long as what it had made is being disposed of', async () => {
    const gate = new Gate();
    const lock = here.session.services.get<SessionLock<Prices>>(getSessionLockToken(Prices) as never);
    const holds = await lock.acquire();
    const failing = async (_: object, context: RunnerContext): Promise<never> => {
      await new Meter(context, { dispose: () => gate.opened }).start();
      throw error;
    };
    expect(await rejection(here.session.createRunner(failing, {}, { holds }))).toBe(error);
    expect(await lock.tryAcquire()).toBeUndefined();
    gate.open();
    await settle();
    expect(await lock.tryAcquire()).toBeDefined();
  });

  it('for a limit releases it, too', async () => {
    const lock = here.session.services.get<SessionLock<Prices>>(getSessionLockToken(Prices) as never);
    for (let i = 0; i < 4; i++) here.session.createSequenceRunner(new Tap(), { startNow: true });
    const made = here.session.createRunner(MeterFactory, {}, { holds: await lock.acquire() });
    await expect(made).rejects.toThrow(LimitReachedError);
    expect(await lock.tryAcquire()).toBeDefined();
  });

  it('or is over, can make no runner any more', async () => {
    const kept: RunnerContext[] = [];
    const failing = (_: object, context: RunnerContext): never => {
      kept.push(context);
      throw error;
    };
    await rejection(here.session.createRunner(failing, {}));
    expect(() => new Meter(kept[0]!)).toThrow('The factory that was given this context is over');
  });

  it('because the session ends in the very moment is part of that end', async () => {
    for (let turns = 0; turns < 8; turns++) {
      const session = await here.another();
      const gate = new Gate();
      const made = session.createRunner(async (_: object, context) => {
        await gate.opened;
        return new Meter(context);
      }, {});
      await settle();
      gate.open();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await session.terminate();
      const outcome: unknown = await made.catch((thrown: unknown) => thrown);
      if (outcome instanceof Meter) expect(outcome.status).toBe('aborted');
      else expect(outcome).toBeInstanceOf(SessionEndedError);
      expect(session.runners.size).toBe(0);
    }
  });

  it('because it ends the session itself leaves nothing behind, and the end knows of it', async () => {
    const dispose = jest.fn();
    const made = here.session.createRunner((_: object, context) => {
      const own = new Meter(context, { dispose: () => void dispose() });
      void context.session.terminate();
      return own;
    }, {});
    expect(await rejection(made)).toBeInstanceOf(SessionEndedError);
    await here.session.cleanupCompletion;
    await settle();
    expect(dispose).toHaveBeenCalledTimes(1);
  });

  it('because the session ends is waited for, and what it makes is ended', async () => {
    const [gate, dispose] = [new Gate(), jest.fn()];
    const made = here.session.createRunner(async (_: object, context) => {
      await gate.opened;
      return new Meter(context, { dispose: () => void dispose() });
    }, {});
    await settle();
    const ended = here.session.terminate();
    expect(await isPending(ended)).toBe(true);
    gate.open();
    expect(await rejection(made)).toBeInstanceOf(SessionEndedError);
    expect(await ended).toMatchObject({ leftBehind: [] });
    await settle();
    expect(dispose).toHaveBeenCalledTimes(1);
    await expect(here.session.createRunner(MeterFactory, {})).rejects.toThrow(SessionEndedError);
  });
});

describe('The status of a runner of your own', () => {
  it('goes from running to running and to the end, and never back', async () => {
    const runner = await meter();
    expect([runner.status, runner.set(RunnerStatus.NotStarted)]).toEqual(['not-started', false]);
    expect([runner.set(RunnerStatus.Progressed), runner.set(RunnerStatus.Stalled)]).toEqual([true, true]);
    expect([runner.set(RunnerStatus.NotStarted), runner.status]).toEqual([false, 'stalled']);
    const onEnd = jest.fn();
    runner.completionSignal.addEventListener('abort', onEnd);
    expect(runner.set(RunnerStatus.Completed)).toBe(true);
    expect(onEnd).toHaveBeenCalledTimes(1);
    for (const status of Object.values(RunnerStatus)) expect(runner.set(status)).toBe(false);
    expect([runner.abort(), runner.abortReason]).toEqual(['completed', undefined]);
  });

  it('is failed with an error that clients can be told', async () => {
    const runner = await meter();
    await runner.start();
    runner.end({ error: Object.assign(new Error('secret'), { code: 'E_METER' }) });
    expect([runner.isBackgroundCompleted, runner.status, runner.endOfWork]).toEqual([true, 'stalled', 'failed']);
    runner.set(runner.endOfWork);
    expect(runner.getAvailable()).toMatchObject({ status: 'failed', error: { name: 'Error', code: 'E_METER' } });
  });
});

describe('The start of a runner of your own', () => {
  it.each([
    ['at once', () => undefined],
    ['later', () => settle(1)],
  ])('is begun once, by the first who asks (%s)', async (_when, wait) => {
    const start = jest.fn<() => void | Promise<void>>(wait);
    const runner = await meter({ start });
    const reads = [runner.getRequired(), runner.getRequired()];
    expect(runner.status).toBe('stalled');
    await Promise.all([...reads, runner.getRequired()]);
    expect(start).toHaveBeenCalledTimes(1);
    expect(runner.progress.startedAt).toEqual(expect.any(Number));
  });

  it.each([true, false])('that fails is told to all who wait, and can be tried again (at once: %s)', async (isSync) => {
    let isBroken = true;
    const start = (): void | Promise<void> => {
      const fail = (): void => {
        if (isBroken) throw new Error('no power');
      };
      return isSync ? fail() : settle(1).then(fail);
    };
    const runner = await meter({ start });
    const outcomes = await Promise.allSettled([runner.getRequired(), runner.getRequired()]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect([runner.status, runner.progress]).toEqual(['not-started', { reached: 0 }]);
    isBroken = false;
    expect(await runner.getRequired()).toMatchObject({ status: 'stalled' });
  });

  it('that fails after an abort leaves it aborted', async () => {
    const gate = new Gate();
    const runner = await meter({
      start: async () => {
        await gate.opened;
        throw new Error('too late');
      },
    });
    const read = runner.getRequired();
    runner.abort();
    gate.open();
    await expect(read).rejects.toThrow('too late');
    expect(runner.status).toBe('aborted');
    expect(await runner.getRequired()).toMatchObject({ status: 'aborted' });
  });

  it('happens in the session', async () => {
    const seen: unknown[] = [];
    await (await meter({ start: () => void seen.push(here.current()) })).getRequired();
    expect(seen).toEqual([here.session]);
  });
});

describe('The end of a runner of your own', () => {
  it('calls its hooks once: the abort at once, the disposal at the end of the session, which waits for it', async () => {
    const told: unknown[] = [];
    const gate = new Gate();
    const runner = await meter({
      abort: (reason) => told.push(['abort', reason, runner.status, runner.signal.aborted]),
      dispose: async () => {
        await gate.opened;
        told.push('disposed');
      },
    });
    await runner.start();
    expect(runner.abort('enough')).toBe('aborted');
    expect(runner.abort('again')).toBe('aborted');
    expect(told).toEqual([['abort', 'enough', 'stalled', false]]);
    expect([runner.abortReason, runner.signal.reason]).toEqual(['enough', 'enough']);
    const ended = here.session.terminate();
    expect(await isPending(ended)).toBe(true);
    gate.open();
    expect((await ended).leftBehind).toEqual([]);
    expect(told).toHaveLength(2);
    expect(runner.isBackgroundCompleted).toBe(true);
  });

  it('is not stopped by hooks that throw, or reject: the log tells of them', async () => {
    const fail = (): never => {
      throw new Error('stuck');
    };
    const others = [
      await meter(),
      await meter({ abort: fail, dispose: fail }),
      await meter({ dispose: async () => fail() }),
    ];
    expect((await here.session.terminate()).leftBehind).toEqual([]);
    expect(others.map(({ status }) => status)).toEqual(['aborted', 'aborted', 'aborted']);
    expect(here.faults()).toEqual([
      expect.stringMatching(/meter runner 1: onAbort\(\): stuck$/),
      expect.stringMatching(/meter runner 1: onDispose\(\): stuck$/),
      expect.stringMatching(/meter runner 2: onDispose\(\): stuck$/),
    ]);
  });

  it('is not stopped by a hook that is asynchronous and rejects, nor by one that aborts again', async () => {
    const runner = await meter({ abort: async () => Promise.reject(new Error('stuck')) });
    runner.abort();
    await settle();
    expect(here.faults()).toEqual([expect.stringMatching(/meter runner 0: onAbort\(\): stuck$/)]);
    const told: unknown[] = [];
    const hooks: Hooks = {};
    const other = await meter(hooks);
    hooks.abort = (reason) => {
      told.push(reason);
      other.abort('again');
    };
    other.abort('first');
    expect([told, other.abortReason]).toEqual([['first'], 'first']);
  });

  it.each([true, false])(
    'tells the work also where that asks for its signal only then (started: %s)',
    async (isStarted) => {
      const runner = await meter();
      if (isStarted) await runner.start();
      runner.abort('enough');
      expect([runner.signal.aborted, runner.signal.reason]).toEqual([true, 'enough']);
    },
  );

  it('waits for a start that is under way, and disposes of what that has opened', async () => {
    const gate = new Gate();
    const told: string[] = [];
    const runner = await meter({
      start: async () => {
        await gate.opened;
        told.push('opened');
      },
      dispose: () => void told.push('disposed'),
    });
    const read = runner.getRequired();
    await settle();
    const ended = here.session.terminate();
    await settle();
    gate.open();
    await Promise.all([read, ended]);
    expect(told).toEqual(['opened', 'disposed']);
  });

  it('comes once to each, with the end of the session, and an abort after it changes nothing', async () => {
    const told: string[] = [];
    const make = (name: string): Promise<Meter> =>
      meter({ abort: () => void told.push(`${name}: abort`), dispose: () => void told.push(`${name}: dispose`) });
    const runners = [await make('new'), await make('working'), await make('aborted'), await make('completed')];
    for (const runner of runners.slice(1)) await runner.start();
    runners[2]!.abort();
    runners[3]!.set(RunnerStatus.Completed);
    const cleanups = runners.map(({ number }) => here.session.trackRunnerCleanup(number));
    await Promise.all([here.session.terminate(), here.session.terminate(), ...cleanups]);
    expect(runners.map((runner) => runner.abort('late'))).toEqual(['aborted', 'aborted', 'aborted', 'completed']);
    const disposals = ['new: dispose', 'working: dispose', 'aborted: dispose', 'completed: dispose'];
    expect(told.sort()).toEqual(['new: abort', 'working: abort', 'aborted: abort', ...disposals].sort());
    expect(here.session.runners.size).toBe(0);
  });

  it('is over for who tracks the clean-up, also where that fails', async () => {
    const { number } = await meter({ dispose: () => Promise.reject(new Error('stuck')) });
    const cleanup = here.session.trackRunnerCleanup(number);
    await here.session.terminate();
    expect(await cleanup).toBeUndefined();
    expect(here.faults()).toEqual([expect.stringContaining('stuck')]);
  });

  it('is not waited for for ever', async () => {
    await meter({ dispose: () => new Promise(() => undefined) });
    const ended = here.session.terminate();
    await settle();
    await here.clock.advance(5_000);
    expect((await ended).leftBehind).toEqual(['meter runner 0']);
    expect(here.faults()).toEqual([expect.stringContaining('meter runner 0: did not stop in time')]);
  });
});

describe('The idle time of a runner of your own', () => {
  const idle = useSession({ runnerIdleTimeoutMs: 10_000 });
  const idleMeter = async (hooks: Hooks = {}): Promise<Meter> =>
    (await idle.session.createRunner((given: Hooks, context) => new Meter(context, given), hooks)) as Meter;
  const isThere = (runner: Meter): boolean => idle.session.getRunner(runner.key) !== undefined;

  it('counts from its last step, where it was never started', async () => {
    const runner = await idleMeter();
    for (let step = 0; step < 3; step++) {
      await idle.clock.advance(8_000);
      runner.step();
    }
    expect(isThere(runner)).toBe(true);
    await idle.clock.advance(11_000);
    expect(isThere(runner)).toBe(false);
  });

  it('counts from a start that has failed, and from a final status, however long it worked before', async () => {
    const gate = new Gate();
    const failing = await idleMeter({
      start: async () => {
        await gate.opened;
        throw new Error('no power');
      },
    });
    const ended = await idleMeter();
    await ended.start();
    const read = rejection(failing.getRequired());
    await idle.clock.advance(20_000);
    gate.open();
    await read;
    ended.set(RunnerStatus.Completed);
    expect([failing, ended].map(isThere)).toEqual([true, true]);
    await idle.clock.advance(12_000);
    expect([failing, ended].map(isThere)).toEqual([false, false]);
  });
});

describe('A sequence runner of your own', () => {
  class Numbers extends SequenceRunnerBase<number> {
    constructor(
      context: RunnerContext,
      private readonly from: (signal: AbortSignal) => ReturnType<Numbers['open']>,
    ) {
      super(context, { replay: 'all', defaultAdvance: 3 });
    }
    protected override open(signal: AbortSignal): AsyncIterable<number> | Iterable<number> | Promise<Iterable<number>> {
      return this.from(signal);
    }
  }
  const create = (from: (signal: AbortSignal) => ReturnType<Numbers['open']>): Promise<Runner<number[]>> =>
    here.session.createRunner((given: typeof from, context) => new Numbers(context, given), from);

  it('is read like any other', async () => {
    const runner = await create(() => numbers(0, 5));
    expect(here.session.getRunner(runner.key, { kind: 'sequence' })).toBe(runner);
    expect(await runner.getRequired()).toMatchObject({ result: [0, 1, 2], status: 'progressed' });
    expect(await runner.getRequired()).toMatchObject({ result: [3, 4], status: 'completed' });
    expect(await runner.getRequired({ startPosition: 0, advance: 5 })).toMatchObject({ result: numbers(0, 5) });
  });

  it('opens its source at the first read, in the session, and stops it by its signal', async () => {
    const tap = new Tap().give(0);
    let given: AbortSignal | undefined;
    const runner = await create((signal) => {
      given = signal;
      expect(here.current()).toBe(here.session);
      return tap;
    });
    await settle();
    expect(given).toBeUndefined();
    await runner.getRequired({ advance: 1 });
    runner.abort('enough');
    expect([given?.reason, tap.returns]).toEqual(['enough', 1]);
  });

  it('is not made where its options are wrong, and nothing is left of it', async () => {
    class Wrong extends SequenceRunnerBase<number> {
      constructor(context: RunnerContext) {
        super(context, { queueLimit: -1 });
      }
      protected override open(): Iterable<number> {
        return [];
      }
    }
    const lock = here.session.services.get<SessionLock<Prices>>(getSessionLockToken(Prices) as never);
    const make = (_: object, context: RunnerContext): Wrong => new Wrong(context);
    const made = here.session.createRunner(make, {}, { holds: await lock.acquire() });
    await expect(made).rejects.toThrow('expected option "sequence.queueLimit" to be');
    expect([here.session.runners.size, await lock.tryAcquire()]).toEqual([0, expect.anything()]);
  });

  it('fails where its source cannot be opened', async () => {
    const runner = await create(() => Promise.reject(new Error('closed')));
    expect(await runner.getRequired()).toMatchObject({ result: [], status: 'failed' });
    await until(() => runner.isBackgroundCompleted);
  });
});

describe('A runner with injected dependencies', () => {
  it('may be made by session.services.create() alone', async () => {
    @Injectable()
    class Maker {
      constructor(@Inject(Prices) readonly prices: Prices) {}
    }
    const runner = await here.session.createRunner(async (_: object, context) => {
      const { prices } = await context.session.services.create(Maker);
      const made = new Meter(context);
      made.position = prices.factor;
      return made;
    }, {});
    expect(runner.position).toBe(2);
  });
});

/** A sequence runner of which the test may call everything. */
class Own extends SequenceRunnerBase<number> {
  disposedOf = 0;

  constructor(
    context: RunnerContext,
    private readonly items: SequenceItems<number>,
    options: SequenceOptions = {},
  ) {
    super(context, options);
  }

  protected override open(): SequenceItems<number> {
    return this.items;
  }

  /** A name that is likely in a class of an application. */
  read(): string {
    return 'mine';
  }

  callWorkOver(): void {
    this.markWorkOver();
  }

  protected override onDispose(): Promise<void> {
    return super.onDispose().then(() => {
      this.disposedOf++;
    });
  }
}

describe('A sequence runner of your own', () => {
  const create = (source: SequenceItems<number>, options?: SequenceOptions) =>
    here.session.createRunner((_: object, context) => new Own(context, source, options), {}) as Promise<Own>;

  it('may go on from super.onDispose(), also where its source has ended by itself', async () => {
    const runner = await create([1, 2]);
    expect(await runner.getRequired()).toMatchObject({ result: [1, 2] });
    await settle();
    await here.session.terminate();
    expect([runner.disposedOf, here.faults()]).toEqual([1, []]);
  });

  it('closes its source when it is aborted after it has called its work over', async () => {
    const tap = new Tap().give(1, 2, 3);
    const runner = await create(tap);
    expect(await runner.getRequired({ advance: 1 })).toMatchObject({ result: [1] });
    runner.callWorkOver();
    runner.abort('enough');
    await settle();
    expect(tap.returns).toBe(1);
  });

  it('may inherit its options from another object', async () => {
    const runner = await create([1, 2, 3, 4], Object.create({ defaultAdvance: 2 }) as SequenceOptions);
    expect(await runner.getRequired()).toMatchObject({ result: [1, 2] });
  });

  it('may have a method read()', async () => {
    const runner = await create([1, 2]);
    expect(await runner.getRequired()).toMatchObject({ result: [1, 2] });
    expect(runner.read()).toBe('mine');
  });
});
