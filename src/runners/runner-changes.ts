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

  constructor(private readonly runner: Changing) {
    const changes = new Observable<RunnerChange>((subscriber) => {
      subscriber.next(runner.now());
      if (this.isOver) subscriber.complete();
      else subscriber.add(this.subject.subscribe(subscriber));
    });
    this.changes$ = isolateSubscribers(changes, (error) => runner.onError(error));
  }

  /** Something has changed. */
  notify(): void {
    if (!this.subject.observed) return;
    this.hasChanged = true;
    if (this.timer !== undefined) return;
    this.tell();
    this.timer = this.runner.clock.setTimeout(() => {
      this.timer = undefined;
      if (this.hasChanged) this.notify();
    }, THROTTLE_MS);
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
    if (this.subject.observed) this.runner.run(() => this.subject.next(this.runner.now()));
  }
}
