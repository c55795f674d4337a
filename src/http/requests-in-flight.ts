import { clearTimeout, setTimeout } from 'node:timers';
import type { RequestCell } from './request-cell.js';

/**
 * The cells of the requests that are being handled. Each knows its place: a request enters and leaves in the same time,
 * however many there are. (A Set that is always nearly empty makes itself anew every few requests.)
 */
export class RequestsInFlight {
  private readonly cells: RequestCell[] = [];
  private onRemoved: (() => void) | undefined;

  add(cell: RequestCell): void {
    cell.place = this.cells.push(cell) - 1;
  }

  /** Does nothing where the cell is not there. */
  remove(cell: RequestCell): void {
    const { place } = cell;
    if (this.cells[place] !== cell) return;
    const last = this.cells.pop() as RequestCell;
    if (last !== cell) {
      this.cells[place] = last;
      last.place = place;
    }
    this.onRemoved?.();
  }

  /**
   * Resolves when there is none like that, or after so long. That is not of the application's clock: with a test that stops the
   * time, and leaves a stream open, it would wait for ever.
   */
  async none(predicate: (cell: RequestCell) => boolean, limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
      this.onRemoved = () => {
        if (!this.some(predicate)) resolve();
      };
      this.onRemoved();
    });
    clearTimeout(timer);
    this.onRemoved = undefined;
  }

  some(predicate: (cell: RequestCell) => boolean): boolean {
    return this.cells.some(predicate);
  }

  filter(predicate: (cell: RequestCell) => boolean): RequestCell[] {
    return this.cells.filter(predicate);
  }
}
