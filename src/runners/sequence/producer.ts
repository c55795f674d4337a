import { setImmediate } from 'node:timers';
import { isAbortOf } from '../stopping.js';
import { openItems, type OpenSource, type SequenceSource } from './source.js';

/** What a producer works for. */
export interface ProducerTarget<T> {
  /** Whether there is room for another item. */
  hasRoom(): boolean;
  push(item: T): void;
  /** The source has ended, or failed. Not called after a stop. */
  end(failure?: { error: unknown }): void;
  /** An error of a source that had been told to stop. */
  warn(what: string, error: unknown): void;
}

/**
 * Pulls items from a source as long as there is room, never more than one step at a time, and gives way to others after
 * `sliceMs`. All of it runs in the context in which {@link start} was called.
 */
export class Producer<T> {
  private iterator: Iterator<T> | AsyncIterator<T> | undefined;
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
    private readonly sliceMs: number,
  ) {}

  /** Begins to pull; a source that is a function gets the signal. */
  start(makeSignal: () => AbortSignal): void {
    this.isStarted = true;
    this.work = this.pullAll(makeSignal);
  }

  /** There may be room again. */
  wake(): void {
    const { wakeUp } = this;
    this.wakeUp = undefined;
    wakeUp?.();
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

  private async pullAll(makeSignal: () => AbortSignal): Promise<void> {
    try {
      const { source } = this;
      const opened = openItems(typeof source === 'function' ? await source((this.signal = makeSignal())) : source);
      this.iterator = opened.iterator;
      await this.pullFrom(opened);
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

  private async pullFrom({ isAsync, iterator }: OpenSource<T>): Promise<void> {
    let sliceEnd = performance.now() + this.sliceMs;
    while (!this.isStopping) {
      if (!this.target.hasRoom()) {
        await this.room();
        continue;
      }
      const step = isAsync ? await iterator.next() : this.stepOf(iterator);
      if (step.done === true) {
        this.isOver = true;
        return;
      }
      // Before the item goes out and not after it: an end right behind the last item is found in the same turn.
      if (performance.now() >= sliceEnd) {
        await nextTurn();
        sliceEnd = performance.now() + this.sliceMs;
      }
      if (this.isStopping) return;
      this.target.push(step.value);
    }
  }

  private stepOf(iterator: Iterator<T>): IteratorResult<T> {
    this.isInStep = true;
    try {
      return iterator.next();
    } finally {
      this.isInStep = false;
    }
  }

  private room(): Promise<void> {
    return new Promise((resolve) => {
      this.wakeUp = resolve;
    });
  }

  /** The iterator of a source that was never pulled from, so that it can be closed. */
  private openUnstarted(): void {
    if (typeof this.source === 'function') return;
    try {
      this.iterator = openItems(this.source).iterator;
    } catch (error) {
      this.target.warn('its source, while it was being closed', error);
    }
  }

  /** Calls `return()` of the iterator, once. In the middle of its step a sync generator cannot be closed: the pull does it after. */
  private close(): void {
    const { iterator } = this;
    if (iterator === undefined || this.isOver || this.isInStep || this.closing !== undefined) return;
    try {
      const returned: unknown = iterator.return?.();
      this.closing = Promise.resolve(returned).then(
        () => undefined,
        (error: unknown) => this.target.warn('return() of its source', error),
      );
    } catch (error) {
      this.closing = Promise.resolve();
      this.target.warn('return() of its source', error);
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
