import { BadArgumentError } from '../../errors.js';
import { disown } from '../../is-thenable.js';

/** How many bytes the unread items have: their sizes, oldest first. */
export class UnreadBytes {
  private readonly sizes: number[] = [];
  private total = 0;

  constructor(
    private readonly limit: number,
    private readonly sizeOf: (item: unknown) => number,
  ) {}

  get isFull(): boolean {
    return this.total >= this.limit;
  }

  add(item: unknown): void {
    // Without a limit nobody pays for sizes.
    if (this.limit === Infinity) return;
    const size = this.sizeOf(item);
    if (!(size >= 0 && size < Infinity)) {
      disown(size);
      throw new BadArgumentError(`Expected "sizeOf" to return a number of bytes >= 0, got ${size}`);
    }
    this.sizes.push(size);
    this.total += size;
  }

  /** Takes the oldest `count` away. */
  take(count: number): void {
    if (this.sizes.length === 0) return;
    for (const size of this.sizes.splice(0, count)) this.total -= size;
  }
}
