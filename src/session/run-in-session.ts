import { randomUUID } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import { checkFunction } from '../check-arguments.js';
import { ScopeMisuseError } from '../errors.js';
import { isUnknownElement } from '../nest-internals.js';
import type { ActiveSession } from './active-session.js';
import { Sessions } from './sessions.js';

/**
 * Runs `fn` in a new active session of a new user, without any request, and ends both afterwards: for tests of scoped
 * classes, and for scripts. What must be prepared is there before.
 * @param app an application, or what `Test.createTestingModule().compile()` gives
 * @returns what `fn` returns, when the session has cleaned up
 * @throws ScopeMisuseError where the application does not import ActiveSessionModule; BadArgumentError; PreparationFailedError
 * @example
 * ```ts
 * const count = await runInSession(app, () => {
 *   app.get(Cart).add('apple');
 *   return app.get(CartController).count();
 * });
 * ```
 */
export async function runInSession<R>(
  app: INestApplicationContext,
  fn: (session: ActiveSession) => R | Promise<R>,
): Promise<R> {
  checkFunction('what runInSession() runs', fn);
  const sessions = sessionsOf(app);
  const { scopeHost } = sessions.environment;
  const session = sessions.findOrCreate({
    userSessionId: randomUUID(),
    suffix: '',
    hint: { generation: 0, groupId: undefined },
    isConfirmed: true,
  });
  try {
    await session.scope.prepareAll(scopeHost.providersToPrepare());
    return await scopeHost.context.run(session.scope.cell, () => fn(session));
  } finally {
    await session.terminate();
    await session.group.terminate();
  }
}

function sessionsOf(app: INestApplicationContext): Sessions {
  const unchecked = app as { get?: unknown } | null | undefined;
  try {
    const found: unknown = typeof unchecked?.get === 'function' ? app.get(Sessions, { strict: false }) : undefined;
    if (found instanceof Sessions) return found;
  } catch (error) {
    if (!isUnknownElement(error)) throw error;
  }
  throw new ScopeMisuseError('runInSession() needs an application that imports ActiveSessionModule.forRoot()');
}
