import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { linesOf, readTextFile } from './text-file.js';
import type { LineMatcher } from './matcher.js';
import { TurnTaker } from './turn-taker.js';

/** A row shows at most so much of its line: minified files have lines of 100,000 characters. */
export const MAX_ROW_CHARS = 300;

export interface FoundLine {
  /** Relative to the root, with `/`. */
  file: string;
  /** The first line of a file is 1. */
  line: number;
  text: string;
}

/**
 * Every matching line of every text file below `root`, or below `folder` in it. The order is fixed: depth first, the
 * names of each folder sorted by their UTF-8 bytes, files and folders in one order. Symbolic links are not followed;
 * what cannot be read is left out, as are binary and very large files (`readTextFile`).
 *
 * The signal ends it with the signal's reason, also in the middle of a file: a runner that is aborted can stop a
 * generator only through its signal, because `return()` waits behind a pending read.
 */
export async function* searchFiles(
  root: string,
  matches: LineMatcher,
  signal: AbortSignal,
  folder = '',
): AsyncGenerator<FoundLine, void, undefined> {
  const turns = new TurnTaker(signal);
  for await (const file of textFilePaths(root, folder, signal)) {
    const content = await readTextFile(join(root, file), signal);
    if (content === undefined) continue;
    let line = 0;
    for (const text of linesOf(content)) {
      line += 1;
      if (turns.isOver()) await turns.next();
      if (matches(text)) yield { file, line, text: text.slice(0, MAX_ROW_CHARS) };
    }
  }
}

async function* textFilePaths(root: string, folder: string, signal: AbortSignal): AsyncGenerator<string> {
  signal.throwIfAborted();
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((a, b) => compareBytes(a.name, b.name))) {
    signal.throwIfAborted();
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* textFilePaths(root, path, signal);
    else if (entry.isFile()) yield path;
  }
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
