import type { Clock } from '../../clock.js';
import { checkFunction, checkObject } from '../../check-arguments.js';
import { BadArgumentError } from '../../errors.js';

/** Asked for the values of a time series. What takes time should stop with `signal`. */
export type Gauge<T> = (signal: AbortSignal) => T | Promise<T>;

/** One measurement, and when its gauge was asked. */
export interface TimePoint<T> {
  at: Date;
  value: T;
}

/** When a gauge is asked. */
export interface MeasuringOptions {
  /** From one measurement to the next, in ms. */
  intervalMs: number;
  /** How many measurements are taken. @default no end */
  count?: number;
  /**
   * What becomes of measurements whose time has passed, because the gauge was slow or nobody has read: they are skipped, or taken
   * one right after the other.
   * @default 'skip'
   */
  missed?: 'skip' | 'catch-up';
}

/** The names of the {@link MeasuringOptions}. */
export const MEASURING_OPTIONS: readonly (keyof MeasuringOptions)[] = ['intervalMs', 'count', 'missed'];

/** @throws BadArgumentError that names what is wrong */
export function checkMeasuring(gauge: unknown, options: MeasuringOptions): void {
  checkFunction('the gauge of a time series', gauge);
  checkObject('the options of a time series', options);
  const { intervalMs, count, missed } = options;
  if (!(typeof intervalMs === 'number' && intervalMs > 0 && intervalMs < Infinity))
    throw new BadArgumentError('Expected the option "intervalMs" of a time series to be a number of ms above 0');
  if (count !== undefined && count !== Infinity && !(Number.isSafeInteger(count) && count > 0))
    throw new BadArgumentError('Expected the option "count" of a time series to be a whole number above 0');
  if (missed !== undefined && missed !== 'skip' && missed !== 'catch-up')
    throw new BadArgumentError("Expected the option \"missed\" of a time series to be 'skip' or 'catch-up'");
}

/**
 * Each measurement has its time, counted from the start: neither a slow gauge nor a late timer moves those after it. The clock
 * never goes back; the dates follow it, whatever is done to the time of day.
 */
export async function* measurements<T>(
  gauge: Gauge<T>,
  { intervalMs, count = Infinity, missed = 'skip' }: MeasuringOptions,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<TimePoint<T>, void, undefined> {
  const startMs = clock.now();
  const startDateMs = Date.now();
  let tick = 0;
  for (let taken = 0; taken < count; taken++) {
    if (taken > 0) tick = missed === 'skip' ? Math.max(tick + 1, ticksSince(startMs)) : tick + 1;
    await waitUntil(startMs + tick * intervalMs, clock, signal);
    const at = new Date(startDateMs + clock.now() - startMs);
    yield { at, value: await gauge(signal) };
  }

  /** The number of the tick that is now, or comes next. */
  function ticksSince(start: number): number {
    return Math.ceil((clock.now() - start) / intervalMs);
  }
}

/** @throws the signal's reason */
async function waitUntil(dueMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  // A timer cannot be longer than 25 days.
  for (let leftMs = dueMs - clock.now(); leftMs > 0; leftMs = dueMs - clock.now()) await delay(leftMs, clock, signal);
}

function delay(delayMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      timer.cancel();
      reject(signal.reason as Error);
    };
    const timer = clock.setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
