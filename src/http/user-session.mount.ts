import type { HttpAdapterHost } from '@nestjs/core';
import type session from 'express-session';
import type { Observable } from 'rxjs';
import type { ResolvedOptions, UserSessionOptions } from '../options.js';

/** Whether the module has mounted express-session. */
export interface UserSessionMount {
  readonly isMounted: boolean;
}

/**
 * Mounts express-session, where the application leaves that to the module. It happens as early as the HTTP adapter is
 * there, so that what the application mounts afterwards (`passport.session()`) finds the user session.
 */
export async function mountUserSession(
  options: ResolvedOptions,
  adapterHost: HttpAdapterHost,
): Promise<UserSessionMount> {
  if (options.userSession === undefined) return { isMounted: false };
  const middleware = await createMiddleware(options.userSession);
  const mount = (): unknown => adapterHost.httpAdapter?.use(middleware);
  // In tests the adapter comes after the providers. Nest before 11.1 does not tell when.
  const { init$ } = adapterHost as { init$?: Observable<void> };
  if (adapterHost.httpAdapter !== undefined) mount();
  else init$?.subscribe(mount);
  return { isMounted: true };
}

async function createMiddleware(options: UserSessionOptions): Promise<unknown> {
  const { default: createSession } = await importExpressSession();
  return createSession({
    resave: false,
    saveUninitialized: false,
    ...(options as object),
    cookie: { httpOnly: true, sameSite: 'lax', ...options.cookie },
  } as session.SessionOptions);
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
