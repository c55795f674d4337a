/** What the server and its users have agreed on. */

/** The server's processes of one moment. */
export interface Sample {
  readonly heapMb: number;
  readonly rssMb: number;
  /** Of the event loop in this second, in ms. */
  readonly delayP99Ms: number;
  readonly sessions: number;
}

/** What is left when all users have gone. */
export interface Remains {
  /** After forced collections. */
  readonly heapBytes: number;
  /** Sessions, groups, runners, instances ...: whatever is counted must be zero. */
  readonly counts: Readonly<Record<string, number>>;
  /** What the server has logged as an error or a warning. */
  readonly faults: readonly string[];
  readonly ended: Readonly<Record<string, number>>;
  /** The event loop since the start: percentile, ms. */
  readonly delaysMs: Readonly<Record<string, number>>;
}

export type FromServer = { readonly url: string } | { readonly sample: Sample } | { readonly remains: Remains };

/** A session idles out after so long, in ms; a runner, too, which has done its work. */
export const IDLE_MS = 2_000;

/** The header that names a tab, and the one that names the user for whom it is opened. */
export const TAB = 'x-tab';
export const USER = 'x-user';

/** The kinds of runners that give rows, and how they end. */
export const ENDINGS = {
  generator: 'completed',
  array: 'completed',
  observable: 'completed',
  readable: 'completed',
  custom: 'completed',
  series: 'completed',
  failing: 'failed',
  endless: 'never',
  process: 'completed',
} as const;

export type Kind = keyof typeof ENDINGS;
export const KINDS = Object.keys(ENDINGS) as Kind[];

export interface Order {
  readonly kind: Kind;
  readonly tag: string;
  readonly count: number;
  readonly replay: 'last-read' | 'all';
  readonly advance: number;
}

/** No two active sessions have the same. */
export interface Identity {
  readonly id: string;
  readonly stamp: string;
  readonly generation: number;
}

/** What everybody is told of their session. */
export interface View extends Identity {
  /** Of the session-scoped desk. */
  readonly owner: string;
  readonly notes: number;
  /** Of the group-scoped profile. */
  readonly profile: number;
  readonly profileOwner: string;
  readonly user?: string;
}

export interface Page {
  readonly rows: readonly string[];
  readonly from: number;
  readonly position: number;
  readonly status: string;
}

export interface Started extends Identity {
  readonly key: string;
  readonly page: Page;
}

/** The rows of one runner; of a process the result at this number of reports. */
export function rowOf(owner: string, tag: string, index: number): string {
  return `${owner}/${tag}/${index}`;
}
