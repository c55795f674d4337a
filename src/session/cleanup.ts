import type { Clock, ClockTimer } from '../clock.js';
import type { SessionEndReason } from '../errors.js';
import type { CleanupReport } from './local-session.js';

/** One clean-up: its steps are all called, in order, and waited for as long as there is time. Then it is the report. */
export class Cleanup {
  private readonly startedMs: number;
  private readonly failed: CleanupReport['failed'] = [];
  private readonly timedOut: string[] = [];
  private readonly leftBehind: string[] = [];
  private timer: ClockTimer | undefined;
  private giveUp: (() => void) | undefined;
  private isTimeUp = false;
  disposed = 0;

  constructor(
    private readonly reason: SessionEndReason,
    private readonly clock: Clock,
    private readonly timeoutMs: number,
    private readonly warn: (what: string, error: unknown) => void,
  ) {
    this.startedMs = clock.now();
  }

  /** Calls a step. It never throws, and what it returns never rejects. */
  readonly run = (what: string, step: () => unknown): void | Promise<void> => {
    try {
      const result = step();
      if (isThenable(result)) return this.wait(what, result, this.timedOut);
    } catch (error) {
      this.fail(what, error);
    }
  };

  /** Waits for runners to stop, for at most half of the time. */
  async waitForRunners(runners: readonly { label: string; ended: Promise<void> }[]): Promise<void> {
    if (runners.length === 0) return;
    const half = this.clock.setTimeout(() => this.giveUpWaiting(), this.timeoutMs / 2);
    const running = new Set(runners.map(({ label }) => label));
    const all = Promise.all(runners.map(({ label, ended }) => ended.then(() => running.delete(label))));
    await this.wait('runners', all, []);
    half.cancel();
    this.leftBehind.push(...running);
    for (const label of running) this.warn(label, new Error('did not stop in time and was left behind'));
  }

  finish(): CleanupReport {
    this.timer?.cancel();
    return {
      reason: this.reason,
      disposed: this.disposed,
      failed: [...this.failed],
      timedOut: [...this.timedOut],
      leftBehind: this.leftBehind,
      durationMs: this.clock.now() - this.startedMs,
    };
  }

  private wait(what: string, result: PromiseLike<unknown>, timedOut: string[]): Promise<void> {
    return new Promise((resolve) => {
      const leave = (): void => {
        if (this.giveUp === giveUp) this.giveUp = undefined;
        resolve();
      };
      const giveUp = (): void => {
        timedOut.push(what);
        if (timedOut === this.timedOut)
          this.warn(what, new Error('did not end in time; the clean-up goes on without it'));
        leave();
      };
      // A promise of ours: one of the application may call back at once, or throw.
      Promise.resolve(result).then(leave, (error: unknown) => {
        this.fail(what, error);
        leave();
      });
      if (this.isTimeUp) {
        giveUp();
        return;
      }
      this.giveUp = giveUp;
      this.timer ??= this.clock.setTimeout(() => {
        this.isTimeUp = true;
        this.giveUpWaiting();
      }, this.timeoutMs);
    });
  }

  private giveUpWaiting(): void {
    this.giveUp?.();
  }

  private fail(what: string, error: unknown): void {
    this.failed.push({ what, error });
    this.warn(what, error);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
