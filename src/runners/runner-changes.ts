import { Observable, Subject } from 'rxjs';
import type { Clock, ClockTimer } from '../clock.js';
import { isolateSubscribers } from '../isolated-observable.js';
import type { RunnerChange } from './runner.js';

/** So long, in ms, lies between two changes that are told. */
const THROTTLE_MS = 100;

interface Changing {
  readonly clock: Clock;
  /** How the runner is now. */
  now(): RunnerChange;
  /** Runs code of subscribers. */
  run(fn: () => void): void;
  /** Told what subscribers throw. */
  onError(error: unknown): void;
}

/** Tells subscribers how a runner is: at once, then the latest state at most every 100 ms, and the last one when it comes. */
export class RunnerChanges {
  readonly changes$: Observable<RunnerChange>;
  private readonly subject = new Subject<RunnerChange>();
  private timer: ClockTimer | undefined;
  private hasChanged = false;
  private isOver = false;
  private told: RunnerChange | undefined;

  constructor(private readonly runner: Changing) {
    const changes = new Observable<RunnerChange>((subscriber) => {
      const wasOver = this.isOver;
      subscriber.next(runner.now());
      if (!this.isOver) subscriber.add(this.subject.subscribe(subscriber));
      else {
        // Its first look may have ended the runner.
        if (!wasOver) subscriber.next(runner.now());
        subscriber.complete();
      }
    });
    this.changes$ = isolateSubscribers(changes, (error) => runner.onError(error));
  }

  /** Something has changed. */
  notify(): void {
    if (!this.subject.observed) return;
    this.hasChanged = true;
    if (this.timer !== undefined) return;
    // Before it is told: a subscriber that reads changes the runner, too.
    this.timer = this.runner.clock.setTimeout(() => {
      this.timer = undefined;
      if (this.hasChanged) this.notify();
    }, THROTTLE_MS);
    this.tell();
  }

  /** Nothing changes any more. */
  complete(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.timer?.cancel();
    this.tell();
    this.runner.run(() => this.subject.complete());
  }

  private tell(): void {
    this.hasChanged = false;
    const now = this.runner.now();
    if (!this.subject.observed || isSame(now, this.told)) return;
    this.told = now;
    this.runner.run(() => this.subject.next(now));
  }
}

function isSame(one: RunnerChange, other: RunnerChange | undefined): boolean {
  return (
    one.status === other?.status &&
    one.position === other.position &&
    one.progress.reached === other.progress.reached &&
    one.progress.estimatedEnd === other.progress.estimatedEnd
  );
}
