import type { Clock, ClockTimer } from './clock.js';

/** What must be over in time. */
export interface Limited {
  /** Kept by {@link TimeLimit}: undefined while it is not limited. */
  limit: { readonly dueMs: number; place: number } | undefined;
  /** Called once, when the time is up. Must not throw. */
  onTimeUp(): void;
}

/**
 * One timer for all that must be over within one and the same time. Nearly all of it is over long before: so the timer is not
 * cancelled then, but looks what is left.
 */
export class TimeLimit {
  /** Each knows its place, so that it leaves in the same time, however many there are. */
  private readonly running: Limited[] = [];
  private timer: ClockTimer | undefined;
  private isClosed = false;

  constructor(
    readonly limitMs: number,
    private readonly clock: Clock,
    /** Runs outside of any request: a timer would keep what it is made in. */
    private readonly runClean: (fn: () => void) => void,
  ) {}

  /** From now on the time runs. */
  start(limited: Limited): void {
    limited.limit = { dueMs: this.clock.now() + this.limitMs, place: this.running.push(limited) - 1 };
    if (this.timer === undefined) this.startTimer(this.limitMs);
  }

  /** It is over. Does nothing where it is not limited. */
  stop(limited: Limited): void {
    const { limit } = limited;
    if (limit === undefined) return;
    limited.limit = undefined;
    const last = this.running.pop();
    if (last?.limit !== undefined) {
      this.running[limit.place] = last;
      last.limit.place = limit.place;
    }
    this.cancelUnused();
  }

  /** Little comes any more: from now on the timer goes with the last of it. */
  close(): void {
    this.isClosed = true;
    this.cancelUnused();
  }

  private cancelUnused(): void {
    if (!this.isClosed || this.running.length > 0) return;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private startTimer(delayMs: number): void {
    this.runClean(() => {
      this.timer = this.clock.setTimeout(() => this.look(), delayMs);
    });
  }

  private look(): void {
    this.timer = undefined;
    const now = this.clock.now();
    const due: Limited[] = [];
    let nextMs = Infinity;
    for (const limited of this.running) {
      const dueMs = limited.limit?.dueMs ?? Infinity;
      if (dueMs <= now) due.push(limited);
      else nextMs = Math.min(nextMs, dueMs);
    }
    if (nextMs < Infinity) this.startTimer(nextMs - now);
    for (const limited of due) {
      // One may end another.
      if (limited.limit === undefined) continue;
      this.stop(limited);
      limited.onTimeUp();
    }
  }
}
