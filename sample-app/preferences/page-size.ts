/** Rows in one answer. */
export const MIN_PAGE_SIZE = 1;
export const MAX_PAGE_SIZE = 1_000;
export const DEFAULT_PAGE_SIZE = 100;
