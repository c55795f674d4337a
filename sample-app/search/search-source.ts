import { UnprocessableEntityException } from '@nestjs/common';
import type { FileProgress } from '../files/file-progress.js';
import type { LineMatcher } from '../files/matcher.js';
import { type FoundLine, searchFiles } from '../files/search-files.js';
import { collectWords, matchingWords } from '../files/words.js';

/** All rows of a search stay in memory until it is dropped (`replay: 'all'`), so there must be an end to them. */
export const MAX_ROWS = 100_000;

export const SOURCES = ['asynchronous', 'synchronous'] as const;
export type SourceName = (typeof SOURCES)[number];

/**
 * What a search's runner reads from: lines that are found one after the other by an asynchronous generator, or words
 * that are collected first and then looked through by a synchronous one, which the runner takes in slices, so that it
 * blocks nobody. Functions of their own: what runs for minutes in the background holds only these values, nothing of
 * the request that started it.
 */
export const searchSources = {
  asynchronous:
    (root: string, folder: string, matches: LineMatcher, progress: FileProgress) =>
    (signal: AbortSignal): AsyncGenerator<FoundLine, void, undefined> =>
      atMost(MAX_ROWS, searchFiles(root, matches, signal, folder, progress)),

  synchronous:
    (root: string, folder: string, matches: LineMatcher, progress: FileProgress) =>
    async (signal: AbortSignal): Promise<Generator<FoundLine, void, undefined>> =>
      matchingWords(await collectWords(root, folder, MAX_ROWS, signal, progress), matches),
};

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
