import type { Hold } from './hold.js';

/** A place in the queue of a {@link Mutex}. */
export interface Place {
  readonly onGranted: () => void;
  before: Place | undefined;
  behind: Place | undefined;
}

/** Mutual exclusion, first come first served. Every operation takes the same time, however many wait. */
export class Mutex {
  /** Who has it. */
  holder: Hold | undefined;
  private isHeld = false;
  private first: Place | undefined;
  private last: Place | undefined;

  /** @returns whether it was free, and is the caller's now */
  tryEnter(): boolean {
    if (this.isHeld) return false;
    return (this.isHeld = true);
  }

  /** Takes a place behind all others. `onGranted` is called when it is the caller's. */
  queue(onGranted: () => void): Place {
    const place: Place = { onGranted, before: this.last, behind: undefined };
    if (this.last === undefined) this.first = place;
    else this.last.behind = place;
    return (this.last = place);
  }

  /** Gives up a place whose turn has not come. */
  giveUp({ before, behind }: Place): void {
    if (before === undefined) this.first = behind;
    else before.behind = behind;
    if (behind === undefined) this.last = before;
    else behind.before = before;
  }

  /** Passes it on to whoever waits longest. */
  leave(): void {
    this.holder = undefined;
    const next = this.first;
    if (next === undefined) {
      this.isHeld = false;
      return;
    }
    this.giveUp(next);
    next.onGranted();
  }
}
