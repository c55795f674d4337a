import { SessionScoped } from 'nestjs-active-session';
import { nextInstanceNumber } from '../session/instance-number.js';
import type { SourceName } from './search-source.js';

const MAX_ENTRIES = 50;

export interface SearchEntry {
  key: string;
  text: string;
  regex: boolean;
  folder: string;
  source: SourceName;
  startedAt: string;
}

/** The searches of one session, newest first. It ends with the session, as its runners do. */
@SessionScoped()
export class SearchHistory {
  readonly instance = nextInstanceNumber();
  private readonly entries: SearchEntry[] = [];

  /** A search that is known already (the request was sent twice) stays where it is. */
  add(entry: SearchEntry): void {
    if (this.entries.some(({ key }) => key === entry.key)) return;
    this.entries.unshift(entry);
    this.entries.length = Math.min(this.entries.length, MAX_ENTRIES);
  }

  list(): readonly SearchEntry[] {
    return [...this.entries];
  }
}
