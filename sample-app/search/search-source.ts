import { UnprocessableEntityException } from '@nestjs/common';
import type { LineMatcher } from '../files/matcher.js';
import { type FoundLine, searchFiles } from '../files/search-files.js';

/** All rows of a search stay in memory until it is dropped (`replay: 'all'`), so there must be an end to them. */
export const MAX_ROWS = 100_000;

/**
 * The source of a search's runner. A function of its own: what runs for minutes in the background holds only these
 * three values, nothing of the request that started it.
 */
export function searchSource(root: string, folder: string, matches: LineMatcher) {
  return (signal: AbortSignal): AsyncGenerator<FoundLine, void, undefined> =>
    atMost(MAX_ROWS, searchFiles(root, matches, signal, folder));
}

/** One row more is an error, not a silent end: the reader sees that the rows are not all there is. */
export async function* atMost<T>(maxRows: number, rows: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  let count = 0;
  for await (const row of rows) {
    if (count === maxRows)
      throw new UnprocessableEntityException(`More than ${maxRows} lines match. Search for something rarer.`);
    count += 1;
    yield row;
  }
}
