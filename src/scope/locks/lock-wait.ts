import type { Clock, ClockTimer } from '../../clock.js';
import type { Mutex, Place } from './mutex.js';
import type { ScopeLocks, Waiting } from './scope-locks.js';

/** What timers take; who waits for longer waits for ever. */
const LONGEST_MS = 2 ** 31 - 1;

export interface WaitSetup {
  readonly mutex: Mutex;
  /** Of the session that waits: its end ends the waiting. */
  readonly locks: ScopeLocks;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onTimeout: () => unknown;
  readonly onAborted: (reason: unknown) => unknown;
  /** Told once, where the waiting takes long. */
  readonly onSuspicious: { readonly afterMs: number; readonly tell: () => void } | undefined;
}

/** Somebody waits for a lock that another has. It ends once, whatever comes first. */
export class LockWait implements Waiting {
  /** Resolves when the lock is the caller's. */
  readonly granted: Promise<void>;
  private readonly place: Place;
  private readonly timers: ClockTimer[] = [];
  private readonly onAbort = (): void => this.refuse(this.setup.onAborted(this.setup.signal?.reason));
  private grant!: () => void;
  private reject!: (error: unknown) => void;

  constructor(private readonly setup: WaitSetup) {
    const { mutex, locks, clock, timeoutMs, signal, onTimeout, onSuspicious } = setup;
    this.granted = new Promise((resolve, reject) => {
      this.grant = resolve;
      this.reject = reject;
    });
    this.place = mutex.queue(() => {
      this.leave();
      this.grant();
    });
    if (timeoutMs <= LONGEST_MS) this.timers.push(clock.setTimeout(() => this.refuse(onTimeout()), timeoutMs));
    if (onSuspicious !== undefined) this.timers.push(clock.setTimeout(onSuspicious.tell, onSuspicious.afterMs));
    signal?.addEventListener('abort', this.onAbort, { once: true });
    locks.waiting.add(this);
  }

  refuse(error: unknown): void {
    this.setup.mutex.giveUp(this.place);
    this.leave();
    this.reject(error);
  }

  private leave(): void {
    for (const timer of this.timers) timer.cancel();
    this.setup.signal?.removeEventListener('abort', this.onAbort);
    this.setup.locks.waiting.delete(this);
  }
}
