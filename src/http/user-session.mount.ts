import { AsyncResource } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { HttpException, type Logger } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import type session from 'express-session';
import type { Observable } from 'rxjs';
import { describeError } from '../describe-error.js';
import { SessionUnavailableError } from '../errors.js';
import type { UserSessionOptions } from '../options.js';
import type { SessionEnvironment } from '../session/environment.js';
import type { Limited } from '../time-limit.js';

type Next = (error?: unknown) => void;
type Middleware = (req: never, res: never, next: Next) => void;

/**
 * Mounts express-session, where the application leaves that to the module. It happens as early as the HTTP adapter is
 * there, so that what the application mounts afterwards (`passport.session()`) finds the user session.
 * @returns whether it was mounted
 */
export async function mountUserSession(
  environment: SessionEnvironment,
  adapterHost: HttpAdapterHost,
): Promise<boolean> {
  const { options, logger } = environment;
  if (options.userSession === undefined) return false;
  const { default: createMiddleware } = await importExpressSession();
  const settings = complete(options.userSession, createMiddleware.MemoryStore, logger);
  const middleware = withinTime(createMiddleware(settings), environment);
  const mount = (): unknown => adapterHost.httpAdapter?.use(middleware);
  // In tests the adapter comes after the providers. Nest before 11.1 does not tell when.
  const { init$ } = adapterHost as { init$?: Observable<void> };
  if (adapterHost.httpAdapter !== undefined) mount();
  else init$?.subscribe(mount);
  return true;
}

/** The application's options over ours; what is dangerous is refused in production, or warned of. */
function complete(
  options: UserSessionOptions,
  MemoryStore: typeof session.MemoryStore,
  logger: Logger,
): session.SessionOptions {
  const isProduction = process.env.NODE_ENV === 'production';
  if (options.secret === undefined && isProduction)
    throw new Error(
      'The option "userSession.secret" must be given in production: any text that nobody can guess, the same at each start',
    );
  if (options.secret === undefined)
    logger.warn(
      'The option "userSession.secret" is not given: a random one is used, so cookies do not outlive this process.',
    );
  const store = options.store as object | null | undefined;
  const isInMemory = store === undefined || store?.constructor === MemoryStore;
  if (isInMemory && isProduction)
    logger.warn(
      'The option "userSession.store" names no store of yours: express-session keeps user sessions in memory, which leaks and is not for production.',
    );
  if (options.resave === true)
    logger.warn('The option "userSession.resave" is true: slow requests save old data over new. Leave it away.');
  return {
    resave: false,
    saveUninitialized: false,
    ...(options as Partial<session.SessionOptions>),
    secret: options.secret ?? randomBytes(32).toString('hex'),
    cookie: { httpOnly: true, sameSite: 'lax', ...options.cookie },
  };
}

/** A request that waits: where nobody answers it goes on in its own context, as it does where somebody does. */
class Waiting extends AsyncResource implements Limited {
  limit: Limited['limit'];

  constructor(private readonly giveUp: () => void) {
    super('nestjs-active-session');
  }

  onTimeUp(): void {
    this.runInAsyncScope(this.giveUp);
  }
}

/** A store that fails or does not answer in time costs its requests a 503, and not a hanging connection. */
function withinTime(middleware: Middleware, { userSessionLimit: timeLimit, logger }: SessionEnvironment): Middleware {
  return (req, res, next) => {
    let isAnswered = false;
    const waiting = new Waiting(() =>
      answer(new Error(`no answer within userSessionTimeoutMs (${timeLimit.limitMs})`)),
    );
    const answer: Next = (error) => {
      if (isAnswered) return;
      isAnswered = true;
      timeLimit.stop(waiting);
      if (error === undefined || error === null) next();
      else next(failureOf(error, logger));
    };
    try {
      middleware(req, res, answer);
    } catch (error) {
      // An answer of the application's: `genid` and `cookie` are its functions.
      if (isAnswered || error instanceof HttpException) throw error;
      answer(error ?? new Error('it has thrown'));
    }
    if (!isAnswered) timeLimit.start(waiting);
  };
}

function failureOf(error: unknown, logger: Logger): SessionUnavailableError {
  const { text } = describeError(error);
  logger.error(`The store of user sessions has failed: ${text}`);
  return new SessionUnavailableError(`The store of user sessions has failed: ${text}`, error);
}

async function importExpressSession(): Promise<{ default: typeof session }> {
  try {
    return await import('express-session');
  } catch (error) {
    throw new Error('The option "userSession" needs the package express-session: npm install express-session', {
      cause: error,
    });
  }
}
