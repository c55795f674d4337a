/** The longest delay that timers of the platform take; a longer one would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** A timer that was started by a {@link Clock}. */
export interface ClockTimer {
  cancel(): void;
}

/** Where the library takes the time from. Give your own as option `clock`, for example in tests. */
export abstract class Clock {
  /** Milliseconds of a clock that never goes back. */
  abstract now(): number;
  /** Calls `fn` once, `delayMs` from now or later; a timer does not keep the process alive. */
  abstract setTimeout(fn: () => void, delayMs: number): ClockTimer;
}

/** The clock of the platform. */
export class SystemClock extends Clock {
  now(): number {
    return performance.now();
  }

  setTimeout(fn: () => void, delayMs: number): ClockTimer {
    const timer = setTimeout(fn, Math.min(Math.max(delayMs, 0), LONGEST_DELAY_MS));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  }
}
