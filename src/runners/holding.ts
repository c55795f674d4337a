/** What `holds` takes: a LockedService, as `SessionLock.acquire()` gives it. */
export interface Holding {
  readonly isReallyLocked: boolean;
  release(): void;
}

/** A lock that was given to a runner. */
export interface GivenLock {
  release(): void;
  /** Runs code that is known to hold the lock. */
  runHolding<R>(fn: () => R): R;
}

/** Runs code that is known to hold all of these. */
export function runHoldingAll<R>(locks: readonly GivenLock[], fn: () => R): R {
  return locks.reduce<() => R>((inner, lock) => () => lock.runHolding(inner), fn)();
}

export function releaseAll(locks: readonly GivenLock[]): void {
  for (const lock of locks) lock.release();
}
