import { inspect } from 'node:util';
import { Scope as NestScope, type Type } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { checkObject } from '../../check-arguments.js';
import type { Clock } from '../../clock.js';
import { BadArgumentError, LockAbortedError, LockTimeoutError, ScopeMisuseError } from '../../errors.js';
import { isProvided } from '../../nest-internals.js';
import type { ContextCell, SessionContext } from '../context.js';
import { Hold } from './hold.js';
import { nameOfToken, type Token } from '../injection-metadata.js';
import { LockWait } from './lock-wait.js';
import type { Mutex } from './mutex.js';
import type { Scope, ScopeLevel } from '../scope.js';
import { providerOf } from '../providers/scoped-provider.js';
import type { AcquireOptions } from './session-lock.js';
import { ScopeModuleRef } from '../session-module-ref.js';

const DEFAULT_TIMEOUT_MS = 30_000;
/** After so long a request that waits for what it holds itself is told of in the log. */
const SUSPICIOUS_MS = 5_000;

/** What is held, and in which scope; nothing outside of a session. */
export interface Entered {
  readonly scope: Scope | undefined;
  readonly hold: Hold | undefined;
}

/** A service, and what is held for it; nothing outside of a session. */
export interface Acquired<T> {
  readonly service: T;
  readonly hold: Hold | undefined;
}

/** All locks of one application. They live in the scopes of its sessions and groups. */
export class SessionLocks {
  constructor(
    private readonly context: SessionContext,
    private readonly clock: Clock,
    private readonly moduleRef: ModuleRef,
    private readonly warn: (message: string) => void,
  ) {}

  /**
   * Waits for the lock. What it throws stands with `SessionLock.acquire()`.
   * @param scope undefined: that of the running code
   */
  async enter(token: Token, scope: Scope | undefined, options: AcquireOptions = {}): Promise<Entered> {
    checkOptions(options);
    const own = scope ?? this.currentScope();
    // Before anybody waits: a token that nobody provides has no lock.
    this.moduleRef.introspect(token as Type<unknown>);
    const hold = own === undefined || own.isFallback ? undefined : await this.waitFor(token, own, options);
    return { scope: own, hold };
  }

  /** What there is for the token. Where it cannot be had, the lock is released. */
  async serve<T>(token: Token<T>, { scope, hold }: Entered): Promise<Acquired<T>> {
    try {
      const service = await (scope === undefined
        ? this.withoutSession(token)
        : new ScopeModuleRef(scope, this.moduleRef).resolve(token));
      return { service, hold };
    } catch (error) {
      hold?.release();
      throw error;
    }
  }

  /** Runs code that is known to hold a lock. */
  runHolding<R>(hold: Hold | undefined, fn: () => R): R {
    return hold === undefined ? fn() : this.context.runHolding(hold, fn);
  }

  /** Whether what the token stands for is session- or group-scoped; undefined for what all sessions share. */
  levelOf(token: Token): ScopeLevel | undefined {
    if (!isProvided(this.moduleRef, token)) return undefined;
    const { scope } = this.moduleRef.introspect(token as Type<unknown>);
    return scope === NestScope.DEFAULT ? providerOf(this.moduleRef.get(token, { strict: false }))?.level : undefined;
  }

  private withoutSession<T>(token: Token<T>): T | Promise<T> {
    const { scope } = this.moduleRef.introspect(token as Type<unknown>);
    if (scope !== NestScope.TRANSIENT) return this.moduleRef.get<T>(token, { strict: false });
    return this.moduleRef.resolve<T>(token, undefined, { strict: false });
  }

  private currentScope(): Scope | undefined {
    const cell = this.context.current();
    return cell?.scope ?? (cell?.isAvailable('session') === true ? cell.open() : undefined);
  }

  private async waitFor(
    token: Token,
    own: Scope,
    { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: AcquireOptions,
  ): Promise<Hold> {
    const name = nameOfToken(token);
    if (!own.isOpenAt(own.level)) throw own.endedError();
    if (signal?.aborted === true) throw new LockAbortedError(name, signal.reason);
    const mutex = own.locksAt(this.levelOf(token) ?? own.level).mutexFor(token);
    const cell = this.context.current();
    this.refuseSelf(mutex, name);
    if (!mutex.tryEnter()) {
      const onTimeout = (): Error => new LockTimeoutError(name, timeoutMs, this.holderOf(mutex, cell, own));
      const tell = (): void =>
        this.warn(`Waiting for the lock of ${name} for ${SUSPICIOUS_MS} ms: ${this.holderOf(mutex, cell, own)}`);
      if (timeoutMs === 0) throw onTimeout();
      await new LockWait({
        mutex,
        locks: own.locks,
        clock: this.clock,
        timeoutMs,
        signal,
        onTimeout,
        onAborted: (reason) => new LockAbortedError(name, reason),
        onSuspicious: isHeldBy(cell, mutex) ? { afterMs: SUSPICIOUS_MS, tell } : undefined,
      }).granted;
    }
    return new Hold(mutex, own.locks, cell, this.clock.now());
  }

  /** What is known to hold it would wait for itself. */
  private refuseSelf(mutex: Mutex, name: string): void {
    for (let known = this.context.knownHolds(); known !== undefined; known = known.outer)
      if (known.hold === mutex.holder && !known.hold.isReleased)
        throw new ScopeMisuseError(
          `The lock of ${name} is acquired by code that already holds it, and would wait for itself for ever. Pass the locked service on instead of acquiring it again.`,
        );
  }

  private holderOf(mutex: Mutex, cell: ContextCell | undefined, own: Scope): string {
    const { holder } = mutex;
    if (holder === undefined) return 'it is being passed on at this moment';
    const other = holder.isOf(own.locks) ? 'other code of the session' : 'another session of the user';
    const who = isHeldBy(cell, mutex) ? 'the same request, which may be waiting for itself' : other;
    return `it has been held for ${Math.round(this.clock.now() - holder.sinceMs)} ms by ${who}`;
  }
}

/** Whether the request that this is the cell of has the lock. */
function isHeldBy(cell: ContextCell | undefined, { holder }: Mutex): boolean {
  return cell?.isOfOneRequest === true && holder?.cell === cell;
}

/** @throws BadArgumentError that names the option */
function checkOptions(options: AcquireOptions): void {
  checkObject('the options of a lock', options);
  const { timeoutMs, signal } = options;
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs >= 0))
    throw new BadArgumentError(
      `Expected the option "timeoutMs" of a lock to be a number of ms >= 0, got ${inspect(timeoutMs)}`,
    );
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new BadArgumentError('Expected the option "signal" of a lock to be an AbortSignal');
}
