import type { Clock } from '../clock.js';
import type { SessionEndReason } from '../errors.js';
import { isThenable } from '../is-thenable.js';
import type { Ending } from '../runners/session-runners.js';
import type { Limited, TimeLimit } from '../time-limit.js';
import type { SessionEnvironment } from './environment.js';
import type { CleanupReport } from './local-session.js';

/** All runners together: each is named by itself where it does not stop. */
const RUNNERS = 'runners';

/** One clean-up: its steps are all called, in order, and waited for as long as there is time. Then it is the report. */
export class Cleanup implements Limited {
  limit: Limited['limit'];
  private readonly clock: Clock;
  private readonly timeLimit: TimeLimit;
  private readonly startedMs: number;
  // Mostly nothing is in them, and there is no end without a clean-up.
  private failed: CleanupReport['failed'] | undefined;
  private timedOut: string[] | undefined;
  private leftBehind: string[] | undefined;
  private giveUp: (() => void) | undefined;
  private isTimeUp = false;
  disposed = 0;

  constructor(
    private readonly reason: SessionEndReason,
    { options, cleanupLimit }: SessionEnvironment,
    private readonly warn: (what: string, error: unknown) => void,
  ) {
    this.clock = options.clock;
    this.timeLimit = cleanupLimit;
    this.startedMs = this.clock.now();
  }

  /** Calls a step. It never throws, and what it returns never rejects. */
  readonly run = (what: string, step: () => unknown): void | Promise<void> => {
    try {
      const result = step();
      if (isThenable(result)) return this.wait(what, result);
    } catch (error) {
      this.fail(what, error);
    }
  };

  /** Waits for runners to stop, for at most half of the time. */
  async waitForRunners(runners: readonly Ending[]): Promise<void> {
    const half = this.clock.setTimeout(() => this.giveUpWaiting(), this.timeLimit.limitMs / 2);
    const running = new Set(runners);
    const allStopped = new Promise<void>((resolve) => {
      for (const runner of runners)
        void runner.whenDisposed.then(() => {
          running.delete(runner);
          if (running.size === 0) resolve();
        });
    });
    await this.wait(RUNNERS, allStopped);
    half.cancel();
    if (running.size === 0) return;
    this.leftBehind = Array.from(running, ({ label }) => label);
    for (const label of this.leftBehind) this.warn(label, new Error('did not stop in time and was left behind'));
  }

  finish(): CleanupReport {
    this.timeLimit.stop(this);
    const { reason, disposed, failed = [], timedOut = [], leftBehind = [] } = this;
    // What fails, or is late, from now on is no part of the report.
    this.failed = this.timedOut = undefined;
    return { reason, disposed, failed, timedOut, leftBehind, durationMs: this.clock.now() - this.startedMs };
  }

  private wait(what: string, result: PromiseLike<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const leave = (): void => {
        if (this.giveUp === giveUp) this.giveUp = undefined;
        resolve();
      };
      const giveUp = (): void => {
        if (what !== RUNNERS) this.failToEnd(what);
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
      if (this.limit === undefined) this.timeLimit.start(this);
    });
  }

  onTimeUp(): void {
    this.isTimeUp = true;
    this.giveUpWaiting();
  }

  private giveUpWaiting(): void {
    this.giveUp?.();
  }

  private failToEnd(what: string): void {
    (this.timedOut ??= []).push(what);
    this.warn(what, new Error('did not end in time; the clean-up goes on without it'));
  }

  private fail(what: string, error: unknown): void {
    (this.failed ??= []).push({ what, error });
    this.warn(what, error);
  }
}
