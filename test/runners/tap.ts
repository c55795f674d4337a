/** A source under the test's control: it gives what it is told to give, and waits where there is nothing. */
export class Tap<T = number> implements AsyncIterableIterator<T> {
  /** How often it was asked for an item. */
  pulls = 0;
  /** How often it was closed from outside. */
  returns = 0;
  private readonly items: T[] = [];
  private end: (() => Promise<IteratorResult<T>>) | undefined;
  private wake: (() => void) | undefined;

  give(...items: T[]): this {
    this.items.push(...items);
    return this.wakeUp();
  }

  finish(): this {
    this.end = () => Promise.resolve({ done: true, value: undefined });
    return this.wakeUp();
  }

  fail(error: unknown): this {
    this.end = () => Promise.reject(error);
    return this.wakeUp();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<T>> {
    this.pulls++;
    while (this.items.length === 0 && this.end === undefined)
      await new Promise<void>((resolve) => (this.wake = resolve));
    if (this.items.length > 0) return { done: false, value: this.items.shift() as T };
    return this.end!();
  }

  return(): Promise<IteratorResult<T>> {
    this.returns++;
    this.items.length = 0;
    this.finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  private wakeUp(): this {
    this.wake?.();
    this.wake = undefined;
    return this;
  }
}

/** The whole numbers from `from` up to `to`, without it. */
export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
