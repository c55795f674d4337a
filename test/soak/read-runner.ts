import { ENDINGS, IDLE_MS, rowOf, type Order, type Page } from './protocol.js';
import type { Span } from './tab.js';

/** What a user knows of a runner. */
export class ReadRunner {
  cursor = 0;
  isAborted = false;
  private surelyReadMs = -Infinity;

  constructor(
    readonly key: string,
    readonly order: Order,
    private readonly owner: string,
  ) {}

  /** All rows that there are going to be. */
  get count(): number {
    return this.order.kind === 'endless' ? Infinity : this.order.count;
  }

  get isReplayed(): boolean {
    return this.order.replay === 'all' && this.order.kind !== 'process';
  }

  /** Whether 410 is an answer. */
  mayBeGone({ receivedMs }: Span): boolean {
    return receivedMs - this.surelyReadMs >= IDLE_MS;
  }

  /** @param from where it was read */
  accept(page: Page, from: number, advance: number, { sentMs }: Span): void {
    this.surelyReadMs = Math.max(this.surelyReadMs, sentMs);
    const wrong = this.order.kind === 'process' ? this.wrongReport(page, from) : this.wrongRows(page, from, advance);
    const problem = wrong ?? this.wrongStatus(page);
    if (problem !== undefined)
      throw new Error(`${problem}: ${this.order.kind} ${this.key} from ${from}, ${JSON.stringify(page)}`);
    if (from === this.cursor) this.cursor = page.position;
  }

  private wrongRows({ rows, from, position }: Page, askedFrom: number, advance: number): string | undefined {
    if (from !== askedFrom) return 'Read elsewhere';
    if (rows.length !== position - from || rows.length > advance || position > this.count)
      return 'Too many, or too few';
    const isRight = rows.every((row, index) => row === rowOf(this.owner, this.order.tag, from + index));
    return isRight ? undefined : 'Wrong rows';
  }

  private wrongReport({ rows, position }: Page, askedFrom: number): string | undefined {
    if (position < askedFrom) return 'Gone back';
    const expected = position === 0 ? [] : [rowOf(this.owner, this.order.tag, Math.min(position, this.count) - 1)];
    return rows.join() === expected.join() ? undefined : 'A wrong report';
  }

  private wrongStatus({ status, position }: Page): string | undefined {
    if (status === 'aborted') return this.isAborted ? undefined : 'Nobody has aborted it';
    if (status !== 'completed' && status !== 'failed') return undefined;
    if (status !== ENDINGS[this.order.kind]) return 'Another end was ordered';
    return position === this.count + (this.order.kind === 'process' ? 1 : 0) ? undefined : 'Ended too early';
  }
}
