import { randomBytes } from 'node:crypto';
import { describeError } from './describe-error.js';
import { BadArgumentError } from './errors.js';
import { SystemClock, type Clock } from './clock.js';
import type {
  SessionRuleObject,
  SessionRule,
  UserSessionOptions,
  LimitOptions,
  Replay,
  SequenceOptions,
  ActiveSessionModuleOptions,
  ResolvedOptions,
} from './options.js';
import { defaultSerializeError } from './serialized-error.js';

const MINUTE_MS = 60_000;
/** What there is to set; the types see to it that nothing is missing. */
const ALLOWED = {
  options: namesOf<ActiveSessionModuleOptions>({
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
  }),
  limits: namesOf<LimitOptions>({ sessions: true, sessionsPerGroup: true, runnersPerSession: true, onLimit: true }),
  onLimit: namesOf<Required<LimitOptions>['onLimit']>({ sessions: true, sessionsPerGroup: true }),
  sequence: namesOf<SequenceOptions>({
    defaultAdvance: true,
    queueLimit: true,
    queueLimitBytes: true,
    sizeOf: true,
    overflow: true,
    replay: true,
    sliceMs: true,
    serializeError: true,
  }),
  rule: namesOf<SessionRuleObject>({ path: true, when: true, suffix: true, exclude: true }),
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
  if (options.identify !== undefined && typeof options.onRegenerate === 'function')
    throw expected(
      'onRegenerate',
      'left away beside "identify": only express-session gives a user session another id',
      options.onRegenerate,
    );
  if (cleanupTimeoutMs >= shutdownTimeoutMs)
    throw expected('cleanupTimeoutMs', `below shutdownTimeoutMs (${shutdownTimeoutMs})`, cleanupTimeoutMs);
  return Object.freeze({
    rules: resolveRules(options.sessions),
    userSession: resolveUserSession(options.userSession),
    identify: checked('identify', options.identify, isFunction, 'a function of the request'),
    onRegenerate:
      checked(
        'onRegenerate',
        options.onRegenerate,
        (value: unknown) => value === 'end' || isFunction(value),
        "'end', or a function of the request that returns 'end' or 'keep'",
      ) ?? 'end',
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
    bindDurableProviders: oneOf('bindDurableProviders', options.bindDurableProviders, [true, false] as const, false),
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
  // Those of most runners.
  if (defaults !== undefined && ALLOWED.sequence.every((name) => options[name as keyof SequenceOptions] === undefined))
    return defaults;
  const isReplay = (value: unknown): value is Replay =>
    value === 'last-read' || value === 'all' || (Number.isSafeInteger(value) && (value as number) >= 0);
  return Object.freeze({
    defaultAdvance: count('sequence.defaultAdvance', options.defaultAdvance, defaults?.defaultAdvance ?? 20),
    queueLimit: count('sequence.queueLimit', options.queueLimit, defaults?.queueLimit ?? 1000),
    queueLimitBytes: count('sequence.queueLimitBytes', options.queueLimitBytes, defaults?.queueLimitBytes ?? Infinity),
    sizeOf:
      checked('sequence.sizeOf', options.sizeOf, isFunction, 'a function of an item') ?? defaults?.sizeOf ?? bytesOf,
    overflow: oneOf(
      'sequence.overflow',
      options.overflow,
      ['error', 'drop-oldest', 'drop-newest'] as const,
      defaults?.overflow ?? 'error',
    ),
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
    // What was given is a secret: it is not shown.
    throw new TypeError(
      'ActiveSessionModule: expected option "userSession.secret" to be a non-empty string, or several',
    );
  return Object.freeze({ ...options });
}

function resolveRules(sessions: ActiveSessionModuleOptions['sessions']): readonly SessionRule[] {
  const rules = sessions === undefined ? [{}] : Array.isArray(sessions) ? [...sessions] : [sessions];
  rules.forEach((rule: unknown, index) => {
    const name = `sessions[${index}]`;
    if (!isObject(rule)) throw expected(name, 'a rule: { path?, when?, suffix?, exclude? } or { apply(req) }', rule);
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

/** @throws BadArgumentError for what has no size by itself */
function bytesOf(item: unknown): number {
  if (typeof item === 'string') return Buffer.byteLength(item);
  if (ArrayBuffer.isView(item)) return item.byteLength;
  throw new BadArgumentError('With "queueLimitBytes" give the option "sizeOf" for items that are no texts or bytes');
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isFunction = (value: unknown): boolean => typeof value === 'function';
const isClock = (value: unknown): value is Clock =>
  isObject(value) &&
  'now' in value &&
  typeof value.now === 'function' &&
  'setTimeout' in value &&
  typeof value.setTimeout === 'function';

/** The one form in which an option is refused. */
export function expected(name: string, what: string, value: unknown, cause?: unknown): TypeError {
  const message = `ActiveSessionModule: expected option "${name}" to be ${what}, got ${shown(value)} (${typeof value})`;
  return new TypeError(message, { cause });
}

/** Not everything can be made a text. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  try {
    return String(value);
  } catch {
    return describeError(value).text;
  }
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
