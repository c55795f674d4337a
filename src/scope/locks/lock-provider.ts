import { inspect } from 'node:util';
import { checkFunction, checkObject } from '../../check-arguments.js';
import { LockTimeoutError, NotInSessionError } from '../../errors.js';
import { HeldService } from './held-service.js';
import { nameOfToken, type Token } from '../injection-metadata.js';
import type { ScopeHost } from '../scope-host.js';
import type { Scope, ScopeLevel } from '../scope.js';
import { PROVIDER, ScopedProvider } from '../providers/scoped-provider.js';
import { SessionLock, type AcquireOptions, type LockedService } from './session-lock.js';
import type { Acquired, Entered, SessionLocks } from './session-locks.js';

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
    this.label = nameOfLock(token);
    this.lock = new TokenLock(this, token, locks, undefined);
  }

  /** Groups can lock what is not of a single session. */
  override get level(): ScopeLevel {
    return this.locks.levelOf(this.token) === 'session' ? 'session' : 'group';
  }

  /** A lock is group-scoped where what it locks is. */
  override get groupAlternative(): string {
    return `${nameOfToken(this.token)} group-scoped`;
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
    return this.lockedService(await this.enter(options));
  }

  override async tryAcquire(options: AcquireOptions = {}): Promise<LockedService<T> | undefined> {
    checkObject('the options of a lock', options);
    let entered: Entered;
    try {
      entered = await this.locks.enter(this.token, this.scope, { ...options, timeoutMs: options.timeoutMs ?? 0 });
    } catch (error) {
      if (error instanceof LockTimeoutError) return undefined;
      throw error;
    }
    return this.lockedService(await this.locks.serve(this.token, entered));
  }

  override async run<R>(fn: (service: T) => R | Promise<R>, options?: AcquireOptions): Promise<R> {
    checkFunction('what run() runs', fn);
    const { service, hold } = await this.enter(options);
    try {
      return await this.locks.runHolding(hold, () => fn(service));
    } finally {
      hold?.release();
    }
  }

  [inspect.custom](): string {
    return nameOfLock(this.token);
  }

  private async enter(options: AcquireOptions | undefined): Promise<Acquired<T>> {
    return this.locks.serve(this.token, await this.locks.enter(this.token, this.scope, options));
  }

  private lockedService(acquired: Acquired<T>): LockedService<T> {
    return new HeldService(acquired, this.locks, nameOfToken(this.token));
  }
}

function nameOfLock(token: Token): string {
  return `SessionLock<${nameOfToken(token)}>`;
}
