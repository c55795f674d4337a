import { BadArgumentError } from '../errors.js';

/** A lock that a runner is given: see `SessionLock`. */
export interface Holding {
  release(): void;
  /** Runs code that is known to hold the lock. */
  runHolding?<R>(fn: () => R): R;
}

/** What `holds` takes: one lock, or several. */
export type Holds = Holding | readonly Holding[];

export function holdingsOf(holds: Holds | undefined): readonly Holding[] {
  return holds === undefined ? [] : isList(holds) ? holds : [holds];
}

/** Releases what the caller has given away, also where nothing came of it. */
export function releaseHoldings(holds: Holds | undefined): void {
  for (const holding of holdingsOf(holds)) if (isHolding(holding)) holding.release();
}

/** @throws BadArgumentError */
export function checkHolds(holds: Holds | undefined): void {
  if (!holdingsOf(holds).every(isHolding))
    throw new BadArgumentError('Expected the option "holds" of a runner to be a LockedService, or a list of them');
}

/** Runs code that is known to hold all of these. */
export function runHoldingAll<R>(holdings: readonly Holding[], fn: () => R): R {
  const wrap = (inner: () => R, holding: Holding) => (): R =>
    holding.runHolding === undefined ? inner() : holding.runHolding(inner);
  return holdings.reduce(wrap, fn)();
}

function isList(holds: Holds): holds is readonly Holding[] {
  return Array.isArray(holds);
}

function isHolding(holding: unknown): holding is Holding {
  return (
    typeof holding === 'object' && holding !== null && 'release' in holding && typeof holding.release === 'function'
  );
}
