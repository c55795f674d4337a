/** How many forgotten places are kept before the array is cut. */
const SLACK = 1024;

/**
 * The items of a sequence that can be read: `[base, reached)`. `position` is the end of what was ever handed out, and
 * `base <= position <= reached` always holds.
 */
export class SequenceLog<T> {
  private items: (T | undefined)[] = [];
  /** The place of item `base` in `items`. */
  private head = 0;
  private currentBase = 0;
  private currentPosition = 0;

  get base(): number {
    return this.currentBase;
  }

  get position(): number {
    return this.currentPosition;
  }

  get reached(): number {
    return this.currentBase + this.items.length - this.head;
  }

  get unread(): number {
    return this.reached - this.currentPosition;
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** The items `[from, to)`, cut to what there is. */
  slice(from: number, to: number): T[] {
    const start = this.head + from - this.currentBase;
    return this.items.slice(start, start + Math.max(0, to - from)) as T[];
  }

  /** Hands out up to `count` unread items. */
  take(count: number): T[] {
    const from = this.currentPosition;
    this.currentPosition = Math.min(from + count, this.reached);
    return this.slice(from, this.currentPosition);
  }

  /** Forgets what lies before `position`, but nothing unread. */
  forget(position: number): void {
    const count = Math.min(position, this.currentPosition) - this.currentBase;
    if (count <= 0) return;
    this.items.fill(undefined, this.head, this.head + count);
    this.head += count;
    this.currentBase += count;
    if (this.head > SLACK && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
  }

  /** Takes the oldest unread item away, as if it had never been. @returns false where there is none */
  dropOldest(): boolean {
    return this.items.splice(this.head + this.currentPosition - this.currentBase, 1).length > 0;
  }

  dropUnread(): void {
    this.items.length = this.head + this.currentPosition - this.currentBase;
  }
}
