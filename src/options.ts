import type { IncomingMessage } from 'node:http';
import type { Clock } from './clock.js';
import type { ErrorSerializer } from './serialized-error.js';

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
  /** `true`: what matches belongs to no session, whatever the other rules say and wherever this one stands. @default false */
  exclude?: boolean;
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

/** What becomes of the active sessions of a user session that gets a new id: see {@link ActiveSessionModuleOptions.onRegenerate}. */
export type OnRegenerate = 'end' | ((req: SessionRequest) => 'end' | 'keep');

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

/** What becomes of an item that is pushed and for which there is no room: see {@link SequenceOptions.overflow}. */
export type Overflow = 'error' | 'drop-oldest' | 'drop-newest';

/** Options of sequence runners; each can be given for a single runner, too. */
export interface SequenceOptions {
  /** How many items a read gets that does not say. @default 20 */
  defaultAdvance?: number;
  /** How many unread items the source may be ahead of the reader. @default 1000 */
  queueLimit?: number;
  /** How many bytes of unread items the source may be ahead of the reader, the last item not counted. @default no limit */
  queueLimitBytes?: number;
  /** The size of an item in bytes. @default the bytes of texts, Buffers and typed arrays; others need this option */
  sizeOf?: (item: never) => number;
  /**
   * What becomes of an item for which there is no room, where the source cannot be made to wait (an Observable): the runner
   * fails with a SourceOverflowError, or the oldest unread item, or the new one, is dropped.
   * @default 'error'
   */
  overflow?: Overflow;
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
  /**
   * What becomes of the active sessions when express-session gives a user session a new id, as passport does at login
   * *and* at logout. `'end'` ends them. A function is asked before the change, when `req.session` is still the old one:
   * where it answers `'keep'`, they go on under the new id, and all other requests of the old one that are being handled
   * are answered 410. Keep only what belonged to nobody before: docs/guide/logout.md has the recipe for passport.
   * @default 'end'
   */
  onRegenerate?: OnRegenerate;
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
  /** How long, in ms, the application's shutdown waits for all sessions; then, for a second at most, for answers. @default 10 s */
  shutdownTimeoutMs?: number;
  /**
   * How long, in ms, a request waits for its user session, where the module mounts express-session; then it is answered
   * 503. So long, too, the first answer of a session waits until its user session is saved. @default 5 s
   */
  userSessionTimeoutMs?: number;
  /** `true`: a new request waits until the session that it replaces has cleaned up. @default false */
  replaceAfterCleanup?: boolean;
  sequence?: SequenceOptions;
  /**
   * `true`: Nest's own durable providers live in the active session of the request, and end with it, by the same hooks as
   * session-scoped ones: what Nest constructs, not what factories return. A `ContextIdStrategy` of the application stays in use for requests without a session and for what is not durable. They get no `REQUEST`: it would be the one of
   * some request of the session; inject `ActiveSession`.
   * @default false
   */
  bindDurableProviders?: boolean;
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
  onRegenerate: OnRegenerate;
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
  bindDurableProviders: boolean;
  problemDetails: boolean;
  clock: Clock;
}>;
