import { SessionEndedError, SessionUnavailableError, type ActiveSessionError } from '../errors.js';
import { ActiveSession } from './active-session.js';
import { ActiveSessionGroup } from './active-session-group.js';

/** Why a request has no active session. */
export type UnavailableReason = keyof typeof REASONS;

const REASONS = {
  'not-mounted':
    'the request did not pass the middleware of ActiveSessionModule; import ActiveSessionModule.forRoot() into the application that handles it',
  'not-mapped': 'no rule of option "sessions" matches the request',
  'no-user-session':
    'the request has no user session. Either let the module mount express-session: forRoot({ userSession: { secret } }), ' +
    'or mount it yourself before app.listen(): app.use(session({ secret, resave: false, saveUninitialized: false })); ' +
    'or give the option "identify"',
  'user-session-missing':
    'the request has no user session, although express-session is mounted: its store has failed or is disconnected, ' +
    'the path of its cookie is another one, or the application has taken req.session away',
  'no-session-id':
    'req.session is there, but req.sessionID is no string (cookie-session has none); use express-session, or the option "identify"',
  'not-identified': 'the option "identify" named no user session for the request; it returns a text, and no promise',
  'too-late':
    'the session was first used after the headers of the response had gone out, so its cookie cannot be sent any more. ' +
    'Use the session before the first byte, or set the option `preload: true`',
  'shutting-down': 'the application is shutting down',
  'user-session-ended': 'its user session has ended',
  'request-over': 'its request has been answered; what goes on after that must have used the session before',
} as const;

export function unavailableMessage(reason: UnavailableReason): string {
  return `There is no active session: ${REASONS[reason]}`;
}

export function unavailableError(reason: UnavailableReason): ActiveSessionError {
  if (reason === 'user-session-ended') return new SessionEndedError(reason, 'The user session');
  return new SessionUnavailableError(unavailableMessage(reason));
}

/** Stand for a session that is not there, one for each reason: `isAvailable` is false, and other members throw. */
export function unavailableSession(reason: UnavailableReason): ActiveSession {
  return SESSIONS[reason];
}

/** Like {@link unavailableSession}, for a group. */
export function unavailableGroup(reason: UnavailableReason): ActiveSessionGroup {
  return GROUPS[reason];
}

function standIn<T extends object>(reason: UnavailableReason, prototype: T): T {
  return new Proxy(Object.freeze(Object.create(prototype) as T), {
    get(target, key) {
      if (key === 'isAvailable') return false;
      if (
        typeof key === 'symbol' ||
        key === 'endReason' ||
        key === 'then' ||
        key === 'constructor' ||
        key in Object.prototype
      )
        return Reflect.get(target, key) as unknown;
      if (key === 'toJSON') return () => ({ isAvailable: false, reason });
      throw unavailableError(reason);
    },
  });
}

function standIns<T extends object>(prototype: T): Record<UnavailableReason, T> {
  const reasons = Object.keys(REASONS) as UnavailableReason[];
  return Object.fromEntries(reasons.map((reason) => [reason, standIn(reason, prototype)])) as Record<
    UnavailableReason,
    T
  >;
}

const SESSIONS = standIns(ActiveSession.prototype);
const GROUPS = standIns(ActiveSessionGroup.prototype);
