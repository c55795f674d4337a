import { Clock, type ClockTimer } from 'nestjs-active-session';

interface FakeTimer {
  readonly dueMs: number;
  readonly fn: () => void;
}

/** A clock that only moves when it is told to. */
export class FakeClock extends Clock {
  private nowMs = 1_000_000;
  private readonly timers = new Set<FakeTimer>();

  now(): number {
    return this.nowMs;
  }

  setTimeout(fn: () => void, delayMs: number): ClockTimer {
    const timer: FakeTimer = { dueMs: this.nowMs + Math.max(0, delayMs), fn };
    this.timers.add(timer);
    return { cancel: () => this.timers.delete(timer) };
  }

  /** How many timers wait. */
  get pending(): number {
    return this.timers.size;
  }

  /** Moves on, firing what is due in the order in which it is due, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    for (;;) {
      await settle();
      const next = this.nextTimer();
      if (next === undefined || next.dueMs > end) break;
      this.timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.fn();
    }
    this.nowMs = end;
    await settle();
  }

  private nextTimer(): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.timers) if (next === undefined || timer.dueMs < next.dueMs) next = timer;
    return next;
  }
}

/** Lets all that is ready run: some turns of the event loop. */
export async function settle(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
