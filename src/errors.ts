import { describeError } from './describe-error.js';
import { HttpException, type HttpExceptionOptions } from '@nestjs/common';

/** Why a session, or a group, ended. */
export type SessionEndReason =
  'terminated' | 'idle' | 'max-lifetime' | 'evicted' | 'shutdown' | 'user-session-ended' | 'failed';

/** The stable codes of {@link ActiveSessionError}; the HTTP status of each stands in {@link ERROR_KINDS}. */
export type ActiveSessionErrorCode = keyof typeof ERROR_KINDS;

interface ErrorKind {
  readonly status: number;
  readonly title: string;
}

/** One line per code: what HTTP clients see of it. Code 500 means "a fault in the program": clients get a generic text. */
const ERROR_KINDS = {
  SESSION_UNAVAILABLE: { status: 503, title: 'Session unavailable' },
  SESSION_ENDED: { status: 410, title: 'Session ended' },
  RUNNER_GONE: { status: 410, title: 'Runner gone' },
  POSITION_GONE: { status: 409, title: 'Position gone' },
  BAD_RUNNER_KEY: { status: 400, title: 'Malformed runner key' },
  BAD_ARGUMENT: { status: 400, title: 'Bad argument' },
  LIMIT_REACHED: { status: 429, title: 'Limit reached' },
  CLIENT_GONE: { status: 499, title: 'Client closed request' },
  LOCK_TIMEOUT: { status: 503, title: 'Lock not acquired in time' },
  LOCK_ABORTED: { status: 503, title: 'Waiting for a lock was aborted' },
  NOT_IN_SESSION: { status: 500, title: 'Internal Server Error' },
  PREPARATION_FAILED: { status: 500, title: 'Internal Server Error' },
  SCOPE_MISUSE: { status: 500, title: 'Internal Server Error' },
  SOURCE_OVERFLOW: { status: 500, title: 'Internal Server Error' },
  CLEANUP_TIMEOUT: { status: 500, title: 'Internal Server Error' },
} as const satisfies Record<string, ErrorKind>;

const GENERIC_DETAIL = 'The server could not process the request.';

interface ErrorFacts {
  /** What clients may read; default: nothing but the title. */
  detail?: string;
  /** Instead of the status of the code. */
  status?: number;
  /** Further members of the problem details object. */
  members?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

/**
 * The root of every error that this library throws. It is an `HttpException`, so that its status is right under any
 * exception filter. `message` is for the log and names classes and the fix; clients only see {@link detail}.
 */
export class ActiveSessionError extends HttpException {
  /** Stable, for programs: compare this and not the message. */
  readonly code: ActiveSessionErrorCode;
  /** The text that clients get. It never names a class, a session or a foreign error. */
  readonly detail: string;

  constructor(code: ActiveSessionErrorCode, message: string, facts: ErrorFacts = {}) {
    const kind: ErrorKind = ERROR_KINDS[code];
    const status = facts.status ?? kind.status;
    const detail = status === 500 ? GENERIC_DETAIL : (facts.detail ?? `${kind.title}.`);
    const options: HttpExceptionOptions = facts.cause === undefined ? {} : { cause: facts.cause };
    super({ type: 'about:blank', title: kind.title, status, detail, code, ...facts.members }, status, options);
    this.message = message;
    this.code = code;
    this.detail = detail;
  }
}

/** There is no active session for this request; the message tells why. 503. */
export class SessionUnavailableError extends ActiveSessionError {
  constructor(message: string, cause?: unknown) {
    super('SESSION_UNAVAILABLE', message, {
      detail: 'There is no session for this request.',
      members: { retryAfterSeconds: 1 },
      cause,
    });
  }
}

/** The session has ended, so it cannot be used any more. 410. It is also the reason of `completionSignal`. */
export class SessionEndedError extends ActiveSessionError {
  readonly reason: SessionEndReason;

  constructor(reason: SessionEndReason, what = 'The session') {
    super('SESSION_ENDED', `${what} has ended (${reason}) and cannot be used any more`, {
      detail: 'The session has ended.',
      members: { reason },
    });
    this.reason = reason;
  }
}

/**
 * No runner of this session has that key: it never existed, has ended, is of another kind, or belongs to another
 * session. The four cases cannot be told apart from outside. 410.
 */
export class RunnerGoneError extends ActiveSessionError {
  constructor() {
    super(
      'RUNNER_GONE',
      'No runner of this session has this key (it never existed, has ended or is not of this session)',
      {
        detail: 'The runner is not available any more.',
      },
    );
  }
}

/** A read from a position whose items are not kept any more. 409, with `oldest` and `from`. */
export class PositionGoneError extends ActiveSessionError {
  /** The oldest position that can still be read. */
  readonly oldest: number;
  /** The position that was asked for. */
  readonly from: number;

  constructor(from: number, oldest: number) {
    super(
      'POSITION_GONE',
      `Items before position ${oldest} are not kept; position ${from} was asked for (see option "replay")`,
      {
        detail: `The items from position ${from} on are not available any more; the oldest available position is ${oldest}.`,
        members: { oldest, from },
      },
    );
    this.oldest = oldest;
    this.from = from;
  }
}

/** A text that is no runner key at all. 400. */
export class BadRunnerKeyError extends ActiveSessionError {
  constructor() {
    super('BAD_RUNNER_KEY', 'The text is not a runner key', { detail: 'The runner key is malformed.' });
  }
}

/**
 * An argument that can never be right. The message names the argument, what is expected and what was given. 400, as such may come
 * from a request; 500 for a function or an object that is none, which is the program's own.
 */
export class BadArgumentError extends ActiveSessionError {
  constructor(message: string, status?: 500) {
    super('BAD_ARGUMENT', message, { detail: message, ...(status && { status }) });
  }
}

/** A limit of the options was reached. 429 where the user reached their own limit, 503 where the server did. */
export class LimitReachedError extends ActiveSessionError {
  /** Which option under `limits`. */
  readonly limit: string;
  /** What the `Retry-After` header says. */
  readonly retryAfterSeconds: number;

  constructor(limit: string, value: number, status: 429 | 503) {
    const retryAfterSeconds = status === 429 ? 5 : 30;
    super('LIMIT_REACHED', `limits.${limit} (${value}) is reached`, {
      status,
      detail: status === 429 ? 'Too many at once for this user.' : 'The server has too many sessions at the moment.',
      members: { retryAfterSeconds },
    });
    this.limit = limit;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/**
 * The reason of `requestSignal()`: nobody is there any more to get an answer. Its status, 499, is the one that web servers
 * log for it; as an HttpException it is no error to Nest.
 */
export class ClientGoneError extends ActiveSessionError {
  constructor() {
    super('CLIENT_GONE', 'The client has gone before it had its answer');
  }
}

/** A lock was not free in time. 503; the message tells for how long it is held. */
export class LockTimeoutError extends ActiveSessionError {
  constructor(what: string, timeoutMs: number, holder: string) {
    super('LOCK_TIMEOUT', `The lock of ${what} was not free within ${timeoutMs} ms: ${holder}`, {
      detail: 'Something else of this user is in the way. Try again.',
      members: { retryAfterSeconds: 1 },
    });
  }
}

/** The signal of somebody who waited for a lock has aborted; `cause` is its reason. */
export class LockAbortedError extends ActiveSessionError {
  constructor(what: string, reason: unknown) {
    super('LOCK_ABORTED', `Waiting for the lock of ${what} was aborted`, { cause: reason });
  }
}

/** Code that needs a session ran outside of any. 500: it is a fault in the program, and the message names the fix. */
export class NotInSessionError extends ActiveSessionError {
  constructor(what: string) {
    super(
      'NOT_IN_SESSION',
      `${what} was used outside of an active session. Use it while a request of a session is handled, ` +
        'or run the code with ActiveSessionRegistry.run(session, fn) or session.bind(fn).',
    );
  }
}

/** A scoped class is declared or used in a way that cannot work; the message says which and how to mend it. 500. */
export class ScopeMisuseError extends ActiveSessionError {
  constructor(message: string) {
    super('SCOPE_MISUSE', message);
  }
}

/** A source pushed more items than were read, and cannot be made to wait. It is the error of its runner. 500. */
export class SourceOverflowError extends ActiveSessionError {
  constructor() {
    super(
      'SOURCE_OVERFLOW',
      'The source pushed more items than the options "queueLimit" and "queueLimitBytes" allow unread. Read faster, raise them, or set "overflow"',
    );
  }
}

/**
 * A scoped provider that must be there before the handler runs could not be made; `cause` tells why. 500. The next
 * request tries again.
 */
export class PreparationFailedError extends ActiveSessionError {
  /** @param provider its name */
  constructor(
    readonly provider: string,
    cause: unknown,
  ) {
    super('PREPARATION_FAILED', `${provider} could not be prepared: ${describeError(cause).text}`, { cause });
  }
}
