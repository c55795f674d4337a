import { setImmediate } from 'node:timers';
import { Observable, Subject, takeUntil, type Subscribable } from 'rxjs';
import { SourceOverflowError } from '../../errors.js';
import type { Overflow } from '../../options.js';
import { isAbortOf } from '../stopping.js';
import {
  checkItems,
  isPushed,
  openPulled,
  type Closable,
  type PulledSource,
  type SequenceItems,
  type SequenceSource,
} from './source.js';

/** What a producer works for. */
export interface ProducerTarget<T> {
  /** Whether there is room for another item. */
  hasRoom(): boolean;
  push(item: T): void;
  /** Drops the oldest item that nobody has read. @returns false where there is none */
  dropOldest(): boolean;
  /** The source has ended, or failed. Not called after a stop. */
  end(failure?: { error: unknown }): void;
  /** An error of a source that had been told to stop. */
  warn(what: string, error: unknown): void;
}

/**
 * Takes items from a source as long as there is room. What can be pulled is pulled, never more than one step at a time, and
 * gives way to others after `sliceMs`; an Observable pushes, and `overflow` says what becomes of what has no room. All of it
 * runs in the context in which {@link start} was called.
 */
export class Producer<T> {
  private opened: Closable | undefined;
  private isStarted = false;
  private isStopping = false;
  private isOver = false;
  /** In a step of a sync source, which may itself be what stops the producer. */
  private isInStep = false;
  private work: Promise<void> | undefined;
  private closing: Promise<void> | undefined;
  private wakeUp: (() => void) | undefined;
  private signal: AbortSignal | undefined;

  constructor(
    private readonly source: SequenceSource<T>,
    private readonly target: ProducerTarget<T>,
    private readonly settings: { readonly sliceMs: number; readonly overflow: Overflow },
  ) {}

  /** Begins to take items; a source that is a function gets the signal. */
  start(makeSignal: () => AbortSignal): void {
    this.isStarted = true;
    this.work = this.takeAll(makeSignal);
  }

  /** There may be room again. */
  wake(): void {
    const { wakeUp } = this;
    this.wakeUp = undefined;
    wakeUp?.();
  }

  /** Whether its source has ended, and there is nothing to wait for. */
  get isStopped(): boolean {
    return this.isOver && this.closing === undefined;
  }

  /**
   * Stops pulling and closes the source, also one that was never started.
   * @returns resolves when the source has stopped and is closed; never rejects. A generator that waits cannot be stopped
   * in its wait: only its signal can do that.
   */
  async stop(): Promise<void> {
    const isFirst = !this.isStopping;
    this.isStopping = true;
    if (isFirst && !this.isStarted) this.openUnstarted();
    this.wake();
    if (isFirst) this.close();
    // What stops it may be the first step of its own source: then start() has not come back yet.
    await Promise.resolve();
    await this.work;
    await this.closing;
  }

  private async takeAll(makeSignal: () => AbortSignal): Promise<void> {
    try {
      const { source } = this;
      const items = typeof source === 'function' ? checkItems(await source((this.signal = makeSignal()))) : source;
      await (isPushed(items) ? this.listenTo(items) : this.pullFrom(this.open(items)));
      if (this.isStopping) {
        this.close();
        return;
      }
      this.isOver = true;
      this.target.end();
    } catch (error) {
      this.isOver = true;
      if (!this.isStopping) this.target.end({ error });
      else if (!isAbortOf(this.signal, error)) this.target.warn('its source, while it was being stopped', error);
    }
  }

  private open(items: Exclude<SequenceItems<T>, Subscribable<T>>): PulledSource<T> {
    const opened = openPulled(items);
    this.opened = opened;
    return opened;
  }

  private async pullFrom(source: PulledSource<T>): Promise<void> {
    const { sliceMs } = this.settings;
    let sliceEnd = performance.now() + sliceMs;
    while (!this.isStopping) {
      if (!this.target.hasRoom()) {
        await this.room();
        continue;
      }
      const step = source.isAsync ? await source.next() : this.stepOf(source);
      if (step.done === true) {
        this.isOver = true;
        return;
      }
      // Before the item goes out and not after it: an end right behind the last item is found in the same turn.
      if (performance.now() >= sliceEnd) {
        await nextTurn();
        sliceEnd = performance.now() + sliceMs;
      }
      if (this.isStopping) return;
      this.give(step.value);
    }
  }

  /** An item that the reader cannot take is no fault of the source, which is closed then. */
  private give(item: T): void {
    try {
      this.target.push(item);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Resolves when it has completed, or was closed. */
  private async listenTo(source: Subscribable<T>): Promise<void> {
    if (this.isStopping) return;
    await new Promise<void>((resolve, reject) => {
      // It may push without end while it is being subscribed to: only an operator can end that.
      const stop = new Subject<void>();
      this.opened = { close: () => stop.next() };
      new Observable<T>((subscriber) => source.subscribe(subscriber)).pipe(takeUntil(stop)).subscribe({
        next: (item) => {
          try {
            this.take(item);
          } catch (error) {
            reject(error);
            stop.next();
          }
        },
        error: reject,
        complete: resolve,
      });
    });
  }

  /** @throws SourceOverflowError */
  private take(item: T): void {
    const { overflow } = this.settings;
    while (!this.target.hasRoom()) {
      if (overflow === 'error') throw new SourceOverflowError();
      if (overflow === 'drop-newest' || !this.target.dropOldest()) return;
    }
    this.target.push(item);
  }

  private stepOf(source: PulledSource<T> & { isAsync: false }): IteratorResult<T> {
    this.isInStep = true;
    try {
      return source.next();
    } finally {
      this.isInStep = false;
    }
  }

  private room(): Promise<void> {
    return new Promise((resolve) => {
      this.wakeUp = resolve;
    });
  }

  /** What was never pulled from is opened, so that it can be closed. */
  private openUnstarted(): void {
    const { source } = this;
    if (typeof source === 'function' || isPushed(source)) return;
    try {
      this.open(source);
    } catch (error) {
      this.target.warn('its source, while it was being closed', error);
    }
  }

  /** Closes the source, once. In the middle of its step a sync generator cannot be closed: the pull does it after. */
  private close(): void {
    const { opened } = this;
    if (opened === undefined || this.isOver || this.isInStep || this.closing !== undefined) return;
    try {
      const closed: unknown = opened.close();
      this.closing = Promise.resolve(closed).then(
        () => undefined,
        (error: unknown) => this.target.warn('closing its source', error),
      );
    } catch (error) {
      this.closing = Promise.resolve();
      this.target.warn('closing its source', error);
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
