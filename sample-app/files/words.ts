import { UnprocessableEntityException } from '@nestjs/common';
import type { FileProgress } from './file-progress.js';
import type { LineMatcher } from './matcher.js';
import { type FoundLine, MAX_ROW_CHARS } from './search-files.js';
import { linesOf } from './text-file.js';
import { textFiles } from './text-files.js';
import { TurnTaker } from './turn-taker.js';

const WORD = /\p{Ll}{3,}/gu;

/**
 * The different words of all text files below `root`, or below `folder` in it, sorted: at least three letters, in lower
 * case. Each has the place where it stands first.
 */
export async function collectWords(
  root: string,
  folder: string,
  maxWords: number,
  signal: AbortSignal,
  progress?: FileProgress,
): Promise<FoundLine[]> {
  const turns = new TurnTaker(signal);
  const words = new Map<string, FoundLine>();
  for await (const { file, content } of textFiles(root, folder, signal, progress)) {
    let line = 0;
    for (const lineText of linesOf(content)) {
      line += 1;
      if (turns.isOver()) await turns.next();
      for (const [word] of lineText.toLowerCase().matchAll(WORD)) {
        const cut = word.slice(0, MAX_ROW_CHARS);
        if (words.has(cut)) continue;
        if (words.size === maxWords)
          throw new UnprocessableEntityException(`There are more than ${maxWords} different words. Choose a folder.`);
        const text = copyOf(cut);
        words.set(text, { file, line, text });
      }
    }
  }
  return [...words.values()].sort((a, b) => (a.text < b.text ? -1 : 1));
}

/** Never waits, and need not: what it looks through is there. */
export function* matchingWords(
  words: Iterable<FoundLine>,
  matches: LineMatcher,
): Generator<FoundLine, void, undefined> {
  for (const word of words) if (matches(word.text)) yield word;
}

/** A part of a text keeps the whole text in memory; a copy does not. */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}
