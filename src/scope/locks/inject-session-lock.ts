import { Inject, type FactoryProvider, type InjectionToken } from '@nestjs/common';
import { checkToken, nameOfToken, type Token } from '../injection-metadata.js';
import { LockProvider } from './lock-provider.js';
import { ScopeHost } from '../scope-host.js';
import { SessionLocks } from './session-locks.js';

/**
 * The tokens of all locks that classes of this program ask for. It is part of the program's text, as decorators'
 * metadata is: it only grows, while classes are defined, and no application reads another's state in it.
 */
const lockTokens = new Map<Token, InjectionToken>();

/**
 * Injects the {@link SessionLock} of a token into a constructor's parameter or a property. In a class that is loaded later
 * than the module that imports ActiveSessionModule (by LazyModuleLoader, or in `imports: [import('./late.js')...]`), its module
 * must provide the lock: see {@link sessionLock}.
 * @throws ScopeMisuseError where the token is none
 * @example
 * ```ts
 * constructor(@InjectSessionLock(Cart) private readonly cartLock: SessionLock<Cart>) {}
 * ```
 */
export function InjectSessionLock(token: Token): ParameterDecorator & PropertyDecorator {
  return Inject(getSessionLockToken(token));
}

/** The token of a lock, for the `inject` of factories and for `overrideProvider()` in tests. */
export function getSessionLockToken(token: Token): InjectionToken {
  checkToken('the token of a lock', token);
  let lockToken = lockTokens.get(token);
  if (lockToken === undefined) {
    // Nest names what it cannot find by this: the message then names the fix.
    lockToken = (): void => undefined;
    Object.defineProperty(lockToken, 'name', {
      value: `SessionLock<${nameOfToken(token)}> (import ActiveSessionModule.forRoot(); a module that is loaded later must provide sessionLock(${nameOfToken(token)}) itself)`,
    });
    lockTokens.set(token, lockToken);
  }
  return lockToken;
}

/** The provider of a lock, for modules that are loaded later than the application's root module. All others have it already. */
export function sessionLock(token: Token): FactoryProvider {
  return {
    provide: getSessionLockToken(token),
    useFactory: (locks: SessionLocks, host: ScopeHost) => new LockProvider(token, locks, host).lock,
    inject: [SessionLocks, ScopeHost],
  };
}

/** The providers of all locks that were asked for so far. */
export function declaredLocks(): FactoryProvider[] {
  return [...lockTokens.keys()].map((token) => sessionLock(token));
}
