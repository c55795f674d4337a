import type { Clock, ClockTimer } from './clock.js';

/** What must be over in time. */
export interface Limited {
  /** Kept by {@link TimeLimit}: undefined while it is not limited. */
  limit: Limit | undefined;
  /** Called once, when the time is up. */
  onTimeUp(): void;
}

/** Since when something is limited, and its place among the others. */
interface Limit {
  readonly dueMs: number;
  before: Limited | undefined;
  after: Limited | undefined;
}

/**
 * One timer for all that must be over within one and the same time. They are due in the order in which they were started. Nearly
 * all is over long before: so the timer is not cancelled then, but looks what is left.
 */
export class TimeLimit {
  private first: Limited | undefined;
  private last: Limited | undefined;
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
    const { last } = this;
    limited.limit = { dueMs: this.clock.now() + this.limitMs, before: last, after: undefined };
    if (last?.limit === undefined) this.first = limited;
    else last.limit.after = limited;
    this.last = limited;
    if (this.timer === undefined) this.startTimer(this.limitMs);
  }

  /** It is over. Does nothing where it is not limited. */
  stop(limited: Limited): void {
    const { limit } = limited;
    if (limit === undefined) return;
    limited.limit = undefined;
    const { before, after } = limit;
    if (before?.limit === undefined) this.first = after;
    else before.limit.after = after;
    if (after?.limit === undefined) this.last = before;
    else after.limit.before = before;
    this.cancelUnused();
  }

  /** Little comes any more: from now on the timer goes with the last of it. */
  close(): void {
    this.isClosed = true;
    this.cancelUnused();
  }

  private cancelUnused(): void {
    if (!this.isClosed || this.first !== undefined) return;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private startTimer(delayMs: number): void {
    this.runClean(() => {
      this.timer = this.clock.setTimeout(() => this.look(), delayMs);
    });
  }

  private look(): void {
    const now = this.clock.now();
    try {
      for (let { first } = this; first?.limit !== undefined && first.limit.dueMs <= now; { first } = this) {
        this.stop(first);
        first.onTimeUp();
      }
    } finally {
      // Also where one has thrown: the others go on. What was started meanwhile is not due before the first one.
      this.timer?.cancel();
      this.timer = undefined;
      const dueMs = this.first?.limit?.dueMs;
      if (dueMs !== undefined) this.startTimer(dueMs - now);
    }
  }
}
