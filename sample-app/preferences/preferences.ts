import { GroupScoped } from 'nestjs-active-session';
import { nextInstanceNumber } from '../session/instance-number.js';
import { DEFAULT_PAGE_SIZE } from './page-size.js';

/** One per user: "New session" does not change it. */
@GroupScoped()
export class Preferences {
  readonly instance = nextInstanceNumber();
  private rowsPerPage = DEFAULT_PAGE_SIZE;

  get pageSize(): number {
    return this.rowsPerPage;
  }

  set pageSize(rows: number) {
    this.rowsPerPage = rows;
  }
}
