import { LockTimeoutError, NotInSessionError } from '../../errors.js';
import type { Hold } from './hold.js';
import { nameOfToken, type Token } from '../injection-metadata.js';
import type { ScopeHost } from '../scope-host.js';
import type { Scope, ScopeLevel } from '../scope.js';
import { PROVIDER, ScopedProvider } from '../providers/scoped-provider.js';
import { LockedService, SessionLock, type AcquireOptions } from './session-lock.js';
import type { Acquired, SessionLocks } from './session-locks.js';

/** Provides the lock of one token: to singletons that of the running code's session, to scoped objects their own session's. */
export class LockProvider extends ScopedProvider {
  readonly label: string;
  /** What singletons get injected. */
  readonly lock: SessionLock<unknown>;

  constructor(
    private readonly token: Token,
    private readonly locks: SessionLocks,
    host: ScopeHost,
  ) {
    super(host);
    this.label = `SessionLock<${nameOfToken(token)}>`;
    this.lock = new TokenLock(this, token, locks, undefined);
  }

  /** Groups can lock what is not of a single session. */
  override get level(): ScopeLevel {
    return this.locks.levelOf(this.token) === 'session' ? 'session' : 'group';
  }

  override resolveIn(scope: Scope): object {
    return new TokenLock(this, this.token, this.locks, scope);
  }

  override resolveIfPossible(scope: Scope): object {
    return this.resolveIn(scope);
  }

  override resolveCurrent(member: PropertyKey): object {
    throw new NotInSessionError(`${this.label}.${String(member)}`);
  }
}

class TokenLock<T> extends SessionLock<T> {
  readonly [PROVIDER]: LockProvider;

  constructor(
    provider: LockProvider,
    private readonly token: Token<T>,
    private readonly locks: SessionLocks,
    /** Undefined: that of the running code. */
    private readonly scope: Scope | undefined,
  ) {
    super();
    this[PROVIDER] = provider;
  }

  override async acquire(options?: AcquireOptions): Promise<LockedService<T>> {
    return new HeldService(await this.locks.acquire(this.token, this.scope, options), this.locks);
  }

  override async tryAcquire(options?: AcquireOptions): Promise<LockedService<T> | undefined> {
    try {
      return await this.acquire({ timeoutMs: 0, ...options });
    } catch (error) {
      if (error instanceof LockTimeoutError) return undefined;
      throw error;
    }
  }

  override async run<R>(fn: (service: T) => R | Promise<R>, options?: AcquireOptions): Promise<R> {
    const { service, hold } = await this.locks.acquire(this.token, this.scope, options);
    try {
      return await this.locks.runHolding(hold, () => fn(service));
    } finally {
      hold?.release();
    }
  }
}

/** {@link LockedService} of a lock that is, or was, held. */
export class HeldService<T> extends LockedService<T> {
  readonly service: T;
  private readonly hold: Hold | undefined;

  constructor(
    { service, hold }: Acquired<T>,
    private readonly locks: SessionLocks,
  ) {
    super();
    this.service = service;
    this.hold = hold;
  }

  override get isReallyLocked(): boolean {
    return this.hold?.isReleased === false;
  }

  override release(): void {
    this.hold?.release();
  }

  /** @internal Runs the work that the lock was given to. */
  runHolding<R>(fn: () => R): R {
    return this.locks.runHolding(this.hold, fn);
  }
}
