import type { FileProgress } from './file-progress.js';
import type { LineMatcher } from './matcher.js';
import { linesOf } from './text-file.js';
import { textFiles } from './text-files.js';
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
 * Every matching line of every text file below `root`, or below `folder` in it, in the order of `filePaths`. What cannot
 * be read is left out, as are binary and very large files (`readTextFile`).
 *
 * The signal ends it with the signal's reason, also in the middle of a file: a runner that is aborted can stop a
 * generator only through its signal, because `return()` waits behind a pending read.
 */
export async function* searchFiles(
  root: string,
  matches: LineMatcher,
  signal: AbortSignal,
  folder = '',
  progress?: FileProgress,
): AsyncGenerator<FoundLine, void, undefined> {
  const turns = new TurnTaker(signal);
  for await (const { file, content } of textFiles(root, folder, signal, progress)) {
    let line = 0;
    for (const text of linesOf(content)) {
      line += 1;
      if (turns.isOver()) await turns.next();
      if (matches(text)) yield { file, line, text: text.slice(0, MAX_ROW_CHARS) };
    }
  }
}
