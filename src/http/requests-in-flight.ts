import type { RequestCell } from './request-cell.js';

/**
 * The cells of the requests that are being handled. Each knows its place: a request enters and leaves in the same time,
 * however many there are. (A Set that is always nearly empty makes itself anew every few requests.)
 */
export class RequestsInFlight {
  private readonly cells: RequestCell[] = [];

  add(cell: RequestCell): void {
    cell.place = this.cells.push(cell) - 1;
  }

  /** Does nothing where the cell is not there. */
  remove(cell: RequestCell): void {
    const { place } = cell;
    if (this.cells[place] !== cell) return;
    const last = this.cells.pop() as RequestCell;
    if (last === cell) return;
    this.cells[place] = last;
    last.place = place;
  }

  some(predicate: (cell: RequestCell) => boolean): boolean {
    return this.cells.some(predicate);
  }

  filter(predicate: (cell: RequestCell) => boolean): RequestCell[] {
    return this.cells.filter(predicate);
  }
}
