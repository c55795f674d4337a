import type { Hold } from './hold.js';
import { Mutex } from './mutex.js';

/** Somebody who waits for a lock. */
export interface Waiting {
  refuse(error: unknown): void;
}

/** The locks of one scope, and what its code has to do with locks: it may use those of its group, too. */
export class ScopeLocks {
  private readonly byToken = new Map<unknown, Mutex>();
  readonly waiting = new Set<Waiting>();
  readonly held = new Set<Hold>();

  mutexFor(token: unknown): Mutex {
    let mutex = this.byToken.get(token);
    if (mutex === undefined) this.byToken.set(token, (mutex = new Mutex()));
    return mutex;
  }

  /** Nobody waits any longer. */
  refuseAll(error: unknown): void {
    for (const each of [...this.waiting]) each.refuse(error);
  }

  /** The scope has ended: what it holds of its group is free. */
  releaseAll(): void {
    for (const hold of [...this.held]) hold.release();
  }
}
