import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SystemClock, type Clock } from './clock.js';
import { defaultSerializeError, type ErrorSerializer } from './serialized-error.js';

/** What rules and `identify` get: the request of Express, as far as this library knows it. */
export interface SessionRequest extends IncomingMessage {
  originalUrl?: string;
  sessionID?: string;
  // What other middleware put on the request (user, query, cookies ...) is the application's; only it knows the types.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  [member: string]: any;
}

/** An object that decides which requests belong to a session, for what the other forms of a rule cannot say. */
export interface SessionFilter {
  apply(req: SessionRequest): { mapped: boolean; suffix?: string | null };
}

/**
 * Which requests belong to an active session, and to which one of their user session. All conditions of a rule must
 * hold. A rule without `path` and `when` matches every request.
 */
export interface SessionRuleObject {
  /**
   * A path in the syntax of Nest's router (`/shop/*rest`), or a RegExp. It is matched against the pathname of the
   * original URL, global prefix included.
   */
  path?: string | RegExp;
  /** Called after `path` has matched. */
  when?(req: SessionRequest): boolean;
  /** Chooses one of several active sessions of a user session: `[A-Za-z0-9_-]{1,64}`; `''` is the one without suffix. */
  suffix?: string | ((req: SessionRequest) => string | undefined);
}

export type SessionRule = SessionRuleObject | SessionFilter;

/**
 * Options of express-session, passed on as they are. The type lists the usual ones, so that applications without
 * express-session need not install its types.
 */
export interface UserSessionOptions {
  /** Signs the cookie. In production it must be given; elsewhere a random one is made at each start. */
  secret?: string | string[];
  name?: string;
  /** @default false */
  resave?: boolean;
  /** @default false */
  saveUninitialized?: boolean;
  rolling?: boolean;
  proxy?: boolean;
  unset?: 'destroy' | 'keep';
  /** A store of express-session. @default its MemoryStore, which is for development only */
  store?: unknown;
  /** @default { httpOnly: true, sameSite: 'lax' } */
  cookie?: object;
  genid?(req: SessionRequest): string;
}

export type OnLimit = 'reject' | 'evict-idle';

/** Upper bounds. A number of `Infinity` takes a limit away. */
export interface LimitOptions {
  /** Active sessions in this process, those that are still cleaning up included. @default 50_000 */
  sessions?: number;
  /** Active sessions of one user session. @default 32 */
  sessionsPerGroup?: number;
  /** Unfinished runners of one active session. @default 64 */
  runnersPerSession?: number;
  /**
   * What happens at a limit: `reject` the newcomer, or `evict-idle`, which ends the session that was idle for longest.
   * @default { sessions: 'reject', sessionsPerGroup: 'evict-idle' }
   */
  onLimit?: { sessions?: OnLimit; sessionsPerGroup?: OnLimit };
}

/** How much of a sequence stays readable behind the reader: see {@link SequenceOptions.replay}. */
export type Replay = 'last-read' | 'all' | number;

/** Options of sequence runners; each can be given for a single runner, too. */
export interface SequenceOptions {
  /** How many items a read gets that does not say. @default 20 */
  defaultAdvance?: number;
  /** How many unread items the source may be ahead of the reader. @default 1000 */
  queueLimit?: number;
  /**
   * Which items can be read again: those of the last read, `n` items behind the reader, or all.
   * @default 'last-read'
   */
  replay?: Replay;
  /** How long, in ms, a source may run in one turn of the event loop before others get theirs. @default 10 */
  sliceMs?: number;
  /** Makes the client-safe form of an error. @default name and code; the message only of an HttpException */
  serializeError?: ErrorSerializer;
}

/** Options of `ActiveSessionModule.forRoot()`. */
export interface ActiveSessionModuleOptions {
  /** Rules, in order; the first matching one with a suffix chooses it. @default every request, no suffix */
  sessions?: SessionRule | SessionRule[];
  /** Given: the module mounts express-session with these options. Else the application does: `app.use(session(...))`. */
  userSession?: UserSessionOptions;
  /** Names the user session of a request instead of `req.sessionID`, for example the subject of a JWT. */
  identify?: (req: SessionRequest) => string | undefined;
  /** Makes public session ids an HMAC; for user-session ids that have less than 128 random bits. */
  idSecret?: string;
  /** The name of this process among several, in statistics. @default random */
  hostId?: string;
  /** A session ends that was not used for so long, in ms. @default 20 minutes */
  idleTimeoutMs?: number;
  /** A session ends at this age at the latest, in ms, used or not. @default 24 hours */
  maxLifetimeMs?: number;
  /** So long before a session idles out `events$` tells that it is expiring, in ms; 0 for never. @default 0 */
  expiryWarningMs?: number;
  /** A runner ends that has done its work and was not read for so long, in ms. @default `idleTimeoutMs` */
  runnerIdleTimeoutMs?: number;
  /** `true`: create the session before the handler runs; `'auto'`: at first use, unless something must be prepared. @default 'auto' */
  preload?: 'auto' | boolean;
  limits?: LimitOptions;
  /** How long, in ms, the clean-up of one session may take; below `shutdownTimeoutMs`. @default 5 s, or half of a shorter shutdownTimeoutMs */
  cleanupTimeoutMs?: number;
  /** How long, in ms, the application's shutdown waits for all sessions. @default 10 s */
  shutdownTimeoutMs?: number;
  /**
   * How long, in ms, a request waits for its user session, where the module mounts express-session; then it is answered
   * 503. @default 5 s
   */
  userSessionTimeoutMs?: number;
  /** `true`: a new request waits until the session that it replaces has cleaned up. @default false */
  replaceAfterCleanup?: boolean;
  sequence?: SequenceOptions;
  /** Errors of this library are answered as `application/problem+json` (RFC 9457). @default true */
  problemDetails?: boolean;
  /** @default the clock of the platform */
  clock?: Clock;
}

/** The token of the {@link ResolvedOptions}. */
export const RESOLVED_OPTIONS = Symbol('nestjs-active-session.options');

/** The options as the library uses them: complete, checked and frozen. */
export type ResolvedOptions = Readonly<{
  rules: readonly SessionRule[];
  userSession: UserSessionOptions | undefined;
  identify: ((req: SessionRequest) => string | undefined) | undefined;
  idSecret: string | undefined;
  hostId: string;
  idleTimeoutMs: number;
  maxLifetimeMs: number;
  expiryWarningMs: number;
  runnerIdleTimeoutMs: number;
  preload: 'auto' | boolean;
  limits: Readonly<{ sessions: number; sessionsPerGroup: number; runnersPerSession: number }>;
  onLimit: Readonly<{ sessions: OnLimit; sessionsPerGroup: OnLimit }>;
  cleanupTimeoutMs: number;
  shutdownTimeoutMs: number;
  userSessionTimeoutMs: number;
  replaceAfterCleanup: boolean;
  sequence: Readonly<Required<SequenceOptions>>;
  problemDetails: boolean;
  clock: Clock;
}>;

const MINUTE_MS = 60_000;
/** What there is to set; the types see to it that nothing is missing. */
const ALLOWED = {
  options: namesOf<ActiveSessionModuleOptions>({
    sessions: true,
    userSession: true,
    identify: true,
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
    problemDetails: true,
    clock: true,
  }),
  limits: namesOf<LimitOptions>({ sessions: true, sessionsPerGroup: true, runnersPerSession: true, onLimit: true }),
  onLimit: namesOf<Required<LimitOptions>['onLimit']>({ sessions: true, sessionsPerGroup: true }),
  sequence: namesOf<SequenceOptions>({
    defaultAdvance: true,
    queueLimit: true,
    replay: true,
    sliceMs: true,
    serializeError: true,
  }),
  rule: namesOf<SessionRuleObject>({ path: true, when: true, suffix: true }),
};

function namesOf<T>(names: Record<keyof T, true>): readonly string[] {
  return Object.keys(names);
}

export const SEQUENCE_OPTIONS = ALLOWED.sequence;

/**
 * Checks the application's options and fills in the defaults. The caller's object is neither kept nor changed.
 * @throws TypeError that names the option, what is expected and what was given
 */
export function resolveOptions(options: ActiveSessionModuleOptions = {}): ResolvedOptions {
  refuseUnknown('', options, ALLOWED.options);
  const idleTimeoutMs = duration('idleTimeoutMs', options.idleTimeoutMs, 20 * MINUTE_MS);
  const shutdownTimeoutMs = positive('shutdownTimeoutMs', options.shutdownTimeoutMs, 10_000);
  const cleanupTimeoutMs = positive(
    'cleanupTimeoutMs',
    options.cleanupTimeoutMs,
    Math.min(5_000, shutdownTimeoutMs / 2),
  );
  if (cleanupTimeoutMs >= shutdownTimeoutMs)
    throw expected('cleanupTimeoutMs', `below shutdownTimeoutMs (${shutdownTimeoutMs})`, cleanupTimeoutMs);
  return Object.freeze({
    rules: resolveRules(options.sessions),
    userSession: resolveUserSession(options.userSession),
    identify: checked('identify', options.identify, isFunction, 'a function of the request'),
    idSecret: checked('idSecret', options.idSecret, isText, 'a non-empty string'),
    hostId: checked('hostId', options.hostId, isText, 'a non-empty string') ?? randomBytes(6).toString('base64url'),
    idleTimeoutMs,
    maxLifetimeMs: positive('maxLifetimeMs', options.maxLifetimeMs, 24 * 60 * MINUTE_MS),
    expiryWarningMs: duration('expiryWarningMs', options.expiryWarningMs, 0),
    runnerIdleTimeoutMs: duration('runnerIdleTimeoutMs', options.runnerIdleTimeoutMs, idleTimeoutMs),
    preload: oneOf('preload', options.preload, ['auto', true, false] as const, 'auto'),
    ...resolveLimits(options.limits),
    cleanupTimeoutMs,
    shutdownTimeoutMs,
    userSessionTimeoutMs: positive('userSessionTimeoutMs', options.userSessionTimeoutMs, 5_000),
    replaceAfterCleanup: oneOf('replaceAfterCleanup', options.replaceAfterCleanup, [true, false] as const, false),
    sequence: resolveSequence(options.sequence),
    problemDetails: oneOf('problemDetails', options.problemDetails, [true, false] as const, true),
    clock: checked('clock', options.clock, isClock, 'a Clock') ?? new SystemClock(),
  });
}

/** Checks the `sequence` options, or those of one runner over the module's. */
export function resolveSequence(
  options: SequenceOptions = {},
  defaults?: ResolvedOptions['sequence'],
): ResolvedOptions['sequence'] {
  refuseUnknown('sequence', options, ALLOWED.sequence);
  const isReplay = (value: unknown): value is Replay =>
    value === 'last-read' || value === 'all' || (Number.isSafeInteger(value) && (value as number) >= 0);
  return Object.freeze({
    defaultAdvance: count('sequence.defaultAdvance', options.defaultAdvance, defaults?.defaultAdvance ?? 20),
    queueLimit: count('sequence.queueLimit', options.queueLimit, defaults?.queueLimit ?? 1000),
    replay:
      checked('sequence.replay', options.replay, isReplay, "'last-read', 'all' or an integer >= 0") ??
      defaults?.replay ??
      'last-read',
    sliceMs: positive('sequence.sliceMs', options.sliceMs, defaults?.sliceMs ?? 10),
    serializeError:
      checked('sequence.serializeError', options.serializeError, isFunction, 'a function of the error') ??
      defaults?.serializeError ??
      defaultSerializeError,
  });
}

function resolveUserSession(options: UserSessionOptions | undefined): UserSessionOptions | undefined {
  if (options === undefined) return undefined;
  checked('userSession', options, isObject, 'an object of express-session options');
  const holds = (secret: unknown): boolean =>
    isText(secret) || (Array.isArray(secret) && secret.length > 0 && secret.every(isText));
  if (options.secret !== undefined && !holds(options.secret))
    throw expected('userSession.secret', 'a non-empty string, or several', options.secret);
  return Object.freeze({ ...options });
}

function resolveRules(sessions: ActiveSessionModuleOptions['sessions']): readonly SessionRule[] {
  const rules = sessions === undefined ? [{}] : Array.isArray(sessions) ? [...sessions] : [sessions];
  rules.forEach((rule: unknown, index) => {
    const name = `sessions[${index}]`;
    if (!isObject(rule)) throw expected(name, 'a rule: { path?, when?, suffix? } or { apply(req) }', rule);
    if ('apply' in rule) checked(`${name}.apply`, rule.apply, isFunction, 'a function of the request');
    else refuseUnknown(name, rule, ALLOWED.rule);
  });
  return Object.freeze(rules);
}

function resolveLimits(limits: LimitOptions = {}): Pick<ResolvedOptions, 'limits' | 'onLimit'> {
  refuseUnknown('limits', limits, ALLOWED.limits);
  const onLimit = limits.onLimit ?? {};
  refuseUnknown('limits.onLimit', onLimit, ALLOWED.onLimit);
  const ways = ['reject', 'evict-idle'] as const;
  return {
    limits: Object.freeze({
      sessions: count('limits.sessions', limits.sessions, 50_000),
      sessionsPerGroup: count('limits.sessionsPerGroup', limits.sessionsPerGroup, 32),
      runnersPerSession: count('limits.runnersPerSession', limits.runnersPerSession, 64),
    }),
    onLimit: Object.freeze({
      sessions: oneOf('limits.onLimit.sessions', onLimit.sessions, ways, 'reject'),
      sessionsPerGroup: oneOf('limits.onLimit.sessionsPerGroup', onLimit.sessionsPerGroup, ways, 'evict-idle'),
    }),
  };
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isFunction = (value: unknown): boolean => typeof value === 'function';
const isClock = (value: unknown): value is Clock =>
  isObject(value) && 'now' in value && typeof value.now === 'function' && 'setTimeout' in value;

function expected(name: string, what: string, value: unknown): TypeError {
  const shown = typeof value === 'string' ? `'${value}'` : String(value);
  return new TypeError(`ActiveSessionModule: expected option "${name}" to be ${what}, got ${shown} (${typeof value})`);
}

function refuseUnknown(where: string, options: unknown, allowed: readonly string[]): asserts options is object {
  if (!isObject(options)) throw expected(where === '' ? 'options' : where, 'an object', options);
  const unknown = Object.keys(options).find((key) => !allowed.includes(key));
  if (unknown === undefined) return;
  const name = where === '' ? unknown : `${where}.${unknown}`;
  throw new TypeError(`ActiveSessionModule: there is no option "${name}". Known are: ${allowed.join(', ')}`);
}

function checked<T>(name: string, value: T | undefined, holds: (value: T) => boolean, what: string): T | undefined {
  if (value !== undefined && !holds(value)) throw expected(name, what, value);
  return value;
}

function oneOf<const T>(name: string, value: T | undefined, allowed: readonly T[], fallback: T): T {
  if (value === undefined) return fallback;
  if (!allowed.includes(value)) throw expected(name, `one of ${allowed.join(', ')}`, value);
  return value;
}

/** A duration; `Infinity` for "never". */
function duration(name: string, value: number | undefined, fallback: number): number {
  return checked(name, value, (n) => typeof n === 'number' && n >= 0, 'a number of ms >= 0') ?? fallback;
}

function positive(name: string, value: number | undefined, fallback: number): number {
  return checked(name, value, (n) => typeof n === 'number' && n > 0, 'a number of ms above 0') ?? fallback;
}

/** A whole number from 1 on, `Infinity` for "no limit". */
function count(name: string, value: number | undefined, fallback: number): number {
  const holds = (n: unknown): boolean => n === Infinity || (Number.isSafeInteger(n) && (n as number) >= 1);
  return checked(name, value, holds, 'a whole number >= 1 (or Infinity)') ?? fallback;
}
