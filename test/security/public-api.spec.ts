import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import fc from 'fast-check';
import * as library from 'nestjs-active-session';
import {
  ActiveSessionModule,
  RunnerKey,
  TimeSeriesRunner,
  type AcquireOptions,
  type ActiveSession,
  type ActiveSessionModuleOptions,
  type GetAvailableOptions,
  type GetRequiredOptions,
  type LimitOptions,
  type ProcessOptions,
  type ProcessRunner,
  type RunnerOptions,
  type RunnerWanted,
  type ScopedOptions,
  type ScopedFactoryOptions,
  type SequenceOptions,
  type SequenceRunner,
  type SequenceRunnerOptions,
  type SessionLock,
  type SessionPerTabOptions,
  type SessionRuleObject,
  type TimeSeriesOptions,
  type UserSessionOptions,
} from 'nestjs-active-session';
import { SEED } from '../support/random.js';
import { useSessionApps, type SessionApp } from '../support/session-app.js';
import { anyValues, hostileValues, NEVER, outcomeOf } from './hostile-values.js';

let app: SessionApp;
let session: ActiveSession;
let lock: SessionLock<object>;
let sequence: SequenceRunner<number>;
let process: ProcessRunner<number>;

// Before the application closes: what hostile work has left does not end by itself, and may have failed.
afterEach(async () => {
  const ended = session.terminate();
  await app.clock.advance(60_000);
  await ended;
  faults();
});

const { start, faults } = useSessionApps();

beforeEach(async () => {
  app = await start({
    options: { limits: { runnersPerSession: Infinity } },
    metadata: { providers: [{ provide: 'THING', useValue: {} }, library.sessionLock('THING')] },
  });
  ({ session } = await app.user());
  lock = app.app.get(library.getSessionLockToken('THING'));
  sequence = session.createSequenceRunner([1, 2, 3], { replay: 'all' });
  process = session.createProcessRunner(() => 1);
});

// The types forbid what these do.
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
type Attack = (value: any) => unknown;
/** Why there is nothing to attack. */
type Reason = string;

const TAKES_NOTHING: Reason = 'takes nothing';
const MADE_BY_LIBRARY: Reason = 'made by the library';
const A_VALUE: Reason = 'a value';

/** The methods that take something. */
type Attackable<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => unknown ? (A['length'] extends 0 ? never : K) : never;
}[keyof T];

/** Attacks on each method, none left out. */
function onEach<T>(attacks: Record<Attackable<T>, Attack[]>): Attack[] {
  return Object.values<Attack[]>(attacks).flat();
}

/** Attacks on what takes options: the whole of them, and each, none left out, in a call that is right otherwise. */
function byOption<T>(names: Record<keyof T, true>, call: Attack, others: Partial<T> = {}): Attack[] {
  return [
    call,
    ...Object.keys(names).map(
      (name): Attack =>
        (value) =>
          call({ ...others, [name]: value }),
    ),
  ];
}

const RUNNER: Record<keyof RunnerOptions, true> = {
  name: true,
  dedupeKey: true,
  signal: true,
  extraData: true,
  holds: true,
};
const SEQUENCE: Record<keyof SequenceOptions, true> = {
  defaultAdvance: true,
  queueLimit: true,
  queueLimitBytes: true,
  sizeOf: true,
  overflow: true,
  replay: true,
  sliceMs: true,
  serializeError: true,
};
const SEQUENCE_RUNNER: Record<keyof SequenceRunnerOptions, true> = { ...RUNNER, ...SEQUENCE, startNow: true };
const TIME_SERIES: Record<keyof TimeSeriesOptions, true> = {
  ...SEQUENCE_RUNNER,
  intervalMs: true,
  count: true,
  missed: true,
};
const AVAILABLE: Record<keyof GetAvailableOptions, true> = { advance: true, startPosition: true };
const REQUIRED: Record<keyof GetRequiredOptions, true> = {
  ...AVAILABLE,
  atLeast: true,
  waitMs: true,
  signal: true,
};
const ACQUIRE: Record<keyof AcquireOptions, true> = { timeoutMs: true, signal: true };
const SCOPED: Record<keyof ScopedOptions, true> = { fallback: true, prepare: true };
const FACTORY: Record<keyof ScopedFactoryOptions<object>, true> = {
  ...SCOPED,
  provide: true,
  useFactory: true,
  inject: true,
  dispose: true,
  callable: true,
};
const MODULE: Record<keyof ActiveSessionModuleOptions, true> = {
  sessions: true,
  userSession: true,
  identify: true,
  onRegenerate: true,
  idSecret: true,
  hostId: true,
  idleTimeoutMs: true,
  maxLifetimeMs: true,
  expiryWarningMs: true,
  runnerIdleTimeoutMs: true,
  preload: true,
  limits: true,
  cleanupTimeoutMs: true,
  shutdownTimeoutMs: true,
  userSessionTimeoutMs: true,
  replaceAfterCleanup: true,
  sequence: true,
  bindDurableProviders: true,
  problemDetails: true,
  clock: true,
};
const LIMITS: Record<keyof LimitOptions, true> = {
  sessions: true,
  sessionsPerGroup: true,
  runnersPerSession: true,
  onLimit: true,
};
const RULE: Record<keyof SessionRuleObject, true> = { path: true, when: true, suffix: true, exclude: true };
const USER_SESSION: Partial<Record<keyof UserSessionOptions, true>> = { secret: true };

const compile: Attack = async (options) => {
  const imports = [ActiveSessionModule.forRoot(settling(options) as ActiveSessionModuleOptions)];
  await (await Test.createTestingModule({ imports }).compile()).close();
};

const thing = { provide: 'ANOTHER', useFactory: () => ({}) };
/** What an application, or Nest, awaits may take as long as it likes. */
const settling = (value: unknown): unknown => (value === NEVER ? undefined : value);

const local: Attack[] = [
  (value) => session.takeOwnership(value as () => void),
  ...onEach<library.SessionProperties>({
    get: [(key) => session.properties.get(key)],
    has: [(key) => session.properties.has(key)],
    set: [(key) => session.properties.set(key, key)],
    delete: [(key) => session.properties.delete(key)],
    getOrAdd: [(key) => session.properties.getOrAdd(key, () => 1), (make) => session.properties.getOrAdd('a', make)],
    update: [(key) => session.properties.update(key, () => 1), (change) => session.properties.update('a', change)],
  }),
];

const runnerAttacks: Attack[] = [
  (reason) => session.createSequenceRunner([1]).abort(reason),
  (reason) => session.createProcessRunner(() => 1).abort(reason),
  ...[() => sequence, () => process].flatMap((runner) => [
    ...byOption(AVAILABLE, (options) => runner().getAvailable(options as GetAvailableOptions)),
    ...byOption(REQUIRED, (options) => runner().getRequired(options as GetRequiredOptions)),
  ]),
];

/** All that `src/index.ts` exports, and how it is attacked. */
const EXPORTS: Record<keyof typeof library, Attack[] | Reason> = {
  ActiveSessionModule: [
    ...byOption(MODULE, compile),
    ...byOption<LimitOptions>(LIMITS, (limits) => compile({ limits })),
    ...byOption<SequenceOptions>(SEQUENCE, (options) => compile({ sequence: options })),
    ...byOption<SessionRuleObject>(RULE, (rule) => compile({ sessions: rule })),
    ...byOption(USER_SESSION as Record<keyof UserSessionOptions, true>, (userSession) => compile({ userSession })),
    (options) => ActiveSessionModule.forRootAsync(options),
  ],
  Clock: 'extended by applications',
  SystemClock: 'hands over to the timers of Node',
  ActiveSessionError: MADE_BY_LIBRARY,
  BadArgumentError: MADE_BY_LIBRARY,
  BadRunnerKeyError: MADE_BY_LIBRARY,
  ClientGoneError: MADE_BY_LIBRARY,
  LimitReachedError: MADE_BY_LIBRARY,
  LockAbortedError: MADE_BY_LIBRARY,
  LockTimeoutError: MADE_BY_LIBRARY,
  NotInSessionError: MADE_BY_LIBRARY,
  PositionGoneError: MADE_BY_LIBRARY,
  PreparationFailedError: MADE_BY_LIBRARY,
  RunnerGoneError: MADE_BY_LIBRARY,
  ScopeMisuseError: MADE_BY_LIBRARY,
  SessionEndedError: MADE_BY_LIBRARY,
  SessionUnavailableError: MADE_BY_LIBRARY,
  SourceOverflowError: MADE_BY_LIBRARY,
  InjectActiveSession: TAKES_NOTHING,
  InjectActiveSessionGroup: TAKES_NOTHING,
  RunnerParam: [(name) => library.RunnerParam(name), (want) => library.RunnerParam('key', want)],
  ParseRunnerKeyPipe: [(value) => new library.ParseRunnerKeyPipe().transform(value)],
  RequestSignal: TAKES_NOTHING,
  requestSignal: [(req) => library.requestSignal(req)],
  sessionPerTab: byOption<SessionPerTabOptions>(
    { header: true, query: true, path: true },
    (options) => library.sessionPerTab(options),
    { query: 'tab' },
  ),
  getActiveSession: [(req) => library.getActiveSession(req)],
  getActiveSessionGroup: [(req) => library.getActiveSessionGroup(req)],
  refreshActiveSession: [(req) => library.refreshActiveSession(req)],
  ProcessRunner: [
    (body) => session.createProcessRunner(body),
    (result) => session.createProcessRunner(() => result).getRequired({ waitMs: 0 }),
    (report) => session.createProcessRunner((tell) => tell(report, report)).getAvailable(),
    ...byOption<ProcessOptions>({ ...RUNNER, history: true }, (options) =>
      session.createProcessRunner(() => 1, options),
    ),
    ...byOption<{ since: number }>({ since: true }, (options) => process.reports(options)),
  ],
  runInSession: [
    (anything) => library.runInSession(anything, () => 1),
    (fn) => library.runInSession(app.app, fn),
    (result) => library.runInSession(app.app, () => settling(result)),
  ],
  RunnerKey: [
    (text) => RunnerKey.parse(text),
    (text) => RunnerKey.tryParse(text),
    (number) => RunnerKey.of(number, session).toString.length,
    (owner) => RunnerKey.of(0, owner),
    (owner) => RunnerKey.of(0, session).isFor(owner),
  ],
  Runner: runnerAttacks,
  RunnerStatus: A_VALUE,
  RunnerBase: [
    (setup) =>
      new (class extends library.SequenceRunnerBase {
        override open = () => [];
        constructor() {
          super(setup);
        }
      })(),
  ],
  SequenceRunner: [
    (source) => session.createSequenceRunner(source),
    (source) => session.createSequenceRunner(source).getRequired({ waitMs: 0 }),
    (source) => session.createSequenceRunner(() => source).getRequired({ waitMs: 0 }),
    (item) => session.createSequenceRunner([item], { queueLimitBytes: 9, startNow: true }).getRequired({ waitMs: 0 }),
    (size) => session.createSequenceRunner([1], { queueLimitBytes: 9, sizeOf: () => size }).getRequired({ waitMs: 0 }),
    ...byOption<SequenceRunnerOptions>(SEQUENCE_RUNNER, (options) => session.createSequenceRunner([], options)),
  ],
  SequenceRunnerBase: 'see RunnerBase',
  TimeSeriesRunner: [
    (gauge) => session.createTimeSeriesRunner(gauge, { intervalMs: 1 }),
    (value) => session.createTimeSeriesRunner(() => value, { intervalMs: 1 }).getRequired({ waitMs: 0 }),
    ...byOption<TimeSeriesOptions>(TIME_SERIES, (options) => session.createTimeSeriesRunner(() => 1, options), {
      intervalMs: 1,
    }),
    (setup) => new TimeSeriesRunner(setup, () => 1, { intervalMs: 1 }),
    (gauge) => session.createRunner((_request, context) => new TimeSeriesRunner(context, gauge, { intervalMs: 1 }), 1),
    (measuring) => session.createRunner((_request, context) => new TimeSeriesRunner(context, () => 1, measuring), 1),
  ],
  GroupScoped: [
    ...byOption<ScopedOptions>(SCOPED, (options) => library.GroupScoped(options)(class {})),
    (target) => library.GroupScoped()(target),
  ],
  SessionScoped: [
    ...byOption<ScopedOptions>(SCOPED, (options) => library.SessionScoped(options)(class {})),
    (target) => library.SessionScoped()(target),
  ],
  groupScoped: byOption(FACTORY, (options) => library.groupScoped(options as ScopedFactoryOptions<object>), thing),
  sessionScoped: byOption(FACTORY, (options) => library.sessionScoped(options as ScopedFactoryOptions<object>), thing),
  getSessionLockToken: [(token) => library.getSessionLockToken(token)],
  InjectSessionLock: [(token) => library.InjectSessionLock(token)],
  sessionLock: [(token) => library.sessionLock(token)],
  inSession: [
    (source) =>
      library
        .inSession()(source)
        .subscribe({ error: () => undefined }),
  ],
  LockedService: [(holds) => session.createSequenceRunner([], { holds: [holds] })],
  SessionLock: onEach<SessionLock<object>>({
    acquire: byOption<AcquireOptions>(ACQUIRE, async (options) => (await lock.acquire(options)).release()),
    tryAcquire: byOption<AcquireOptions>(ACQUIRE, async (options) => (await lock.tryAcquire(options))?.release()),
    run: [(fn) => lock.run(fn), ...byOption<AcquireOptions>(ACQUIRE, (options) => lock.run(() => 1, options))],
  }),
  SessionModuleRef: onEach<library.SessionModuleRef>({
    get: [(token) => session.services.get(token)],
    has: [(token) => session.services.has(token)],
    resolve: [(token) => session.services.resolve(token)],
    create: [(type) => session.services.create(type)],
  }),
  ActiveSessionGroupRegistry: onEach<library.ActiveSessionGroupRegistry>({
    get: [(id) => app.groups.get(id)],
    terminateFor: [(req) => app.groups.terminateFor(req)],
  }),
  ActiveSessionGroup: [(value) => session.group.takeOwnership(value as () => void)],
  ActiveSessionRegistry: onEach<library.ActiveSessionRegistry>({
    get: [(id) => app.registry.get(id)],
    terminate: [(id) => app.registry.terminate(id)],
    run: [(anything) => app.registry.run(anything, () => 1), (fn) => app.registry.run(session, fn)],
  }),
  ActiveSession: onEach<ActiveSession>({
    bind: [(fn) => session.bind(fn)()],
    createSequenceRunner: [(source) => session.createSequenceRunner(source)],
    createTimeSeriesRunner: [(gauge) => session.createTimeSeriesRunner(gauge, { intervalMs: 1 })],
    createProcessRunner: [(body) => session.createProcessRunner(body)],
    createRunner: [
      (factory) => session.createRunner(factory, 1),
      (made) => session.createRunner(() => settling(made) as TimeSeriesRunner, 1),
      (request) => session.createRunner(() => sequence, request),
      ...byOption(RUNNER, (options) =>
        session.createRunner(
          (_request, context) => new TimeSeriesRunner(context, () => 1, { intervalMs: 1 }),
          1,
          options as RunnerOptions,
        ),
      ),
    ],
    getRunner: [
      (key) => session.getRunner(key),
      ...byOption<RunnerWanted>({ kind: true, name: true }, (want) => session.getRunner(0, want)),
    ],
    // Of a runner that is there it tells later.
    trackRunnerCleanup: [(number) => void session.trackRunnerCleanup(number)],
    takeOwnership: [],
  }),
  GROUP_CHANNEL: A_VALUE,
  SESSION_CHANNEL: A_VALUE,
  LocalSession: local,
  SessionProperties: 'see LocalSession',
};

/** Errors of others that the documentation promises. */
const PROMISED: Partial<Record<keyof typeof library, RegExp>> = {
  ActiveSessionModule: /^ActiveSessionModule: /,
  SequenceRunner: /^ActiveSessionModule: expected option "sequence\./,
  TimeSeriesRunner: /^ActiveSessionModule: expected option "sequence\./,
  sessionPerTab: /^sessionPerTab\(\) needs to know/,
  SessionModuleRef: /^Nest could not find/,
  ActiveSession: /^Nest could not find/,
  // What cannot be changed is no request of Node.
  requestSignal: /object is not extensible/,
};

const numbers = (): string => {
  const { created, sessions, ended } = app.registry.stats();
  const { runners, properties, isFresh } = session;
  return JSON.stringify([created, sessions, ended, runners.size, properties.size, isFresh]);
};

async function attackWith(name: keyof typeof library, attack: Attack, value: unknown): Promise<void> {
  const before = numbers();
  const outcome = await outcomeOf(
    () => attack(value),
    ({ message }) => PROMISED[name]?.test(message) === true,
  );
  if (typeof outcome === 'object') throw new Error(`${attack.toString()} broke: ${outcome.broke}`);
  const after = numbers();
  if (outcome === 'refused' && after !== before)
    throw new Error(`${attack.toString()} left ${after}, before: ${before}`);
}

describe('Hostile values', () => {
  it('are tried on all that is exported', () => {
    expect(Object.keys(EXPORTS).sort()).toEqual(Object.keys(library).sort());
  });

  const attacked = Object.entries(EXPORTS).flatMap(([name, attacks]) =>
    typeof attacks === 'string' ? [] : [[name as keyof typeof library, attacks] as const],
  );

  // Each attack on the options of the module starts an application: there are too many to try them all each time.
  it.each(attacked.filter(([name]) => name !== 'ActiveSessionModule'))(
    'are taken, or refused with a word of why, and change nothing then: %s',
    async (name, attacks) => {
      for (const attack of attacks)
        for (const [what, value] of hostileValues())
          await attackWith(name, attack, value).catch((error: unknown) => {
            throw new Error(`With ${what}: ${String(error)}`, { cause: error });
          });
      expect(await session.createSequenceRunner([1]).getRequired()).toMatchObject({ result: [1], status: 'completed' });
    },
  );

  it.each(attacked)('are taken or refused also at random: %s', async (name, attacks) => {
    const property = fc.asyncProperty(fc.constantFrom(...attacks), anyValues, (attack, { make }) =>
      attackWith(name, attack, make()),
    );
    await fc.assert(property, { numRuns: 60, seed: SEED });
  });
});
