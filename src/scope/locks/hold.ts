import type { ContextCell } from '../context.js';
import type { Mutex } from './mutex.js';
import type { ScopeLocks } from './scope-locks.js';

/** A lock that somebody has. */
export class Hold {
  private isOver = false;

  constructor(
    readonly mutex: Mutex,
    /** Of the session whose code has it. */
    private locks: ScopeLocks,
    /** The request, or other work, that has acquired it. */
    readonly cell: ContextCell | undefined,
    readonly sinceMs: number,
  ) {
    mutex.holder = this;
    locks.held.add(this);
  }

  get isReleased(): boolean {
    return this.isOver;
  }

  isOf(locks: ScopeLocks): boolean {
    return this.locks === locks;
  }

  /** Another session has it from now on: that of the runner that it was given to. */
  moveTo(locks: ScopeLocks): void {
    this.locks.held.delete(this);
    this.locks = locks;
    locks.held.add(this);
  }

  /** Passes it on. A second call does nothing. */
  release(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.locks.held.delete(this);
    this.mutex.leave();
  }
}
