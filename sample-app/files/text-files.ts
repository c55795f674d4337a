import { join } from 'node:path';
import { filePaths } from './file-paths.js';
import { FileProgress } from './file-progress.js';
import { readTextFile } from './text-file.js';

export interface TextFile {
  /** Relative to the root, with `/`. */
  file: string;
  content: string;
}

/** Every text file below `root`, or below `folder` in it, in the order of `filePaths`. They are counted meanwhile. */
export async function* textFiles(
  root: string,
  folder: string,
  signal: AbortSignal,
  progress = new FileProgress(),
): AsyncGenerator<TextFile, void, undefined> {
  const end = new AbortController();
  const paths = filePaths(root, folder, AbortSignal.any([signal, end.signal]));
  const counting = progress.count(paths).catch(() => undefined); // That it was stopped is all that can have happened.
  try {
    for await (const file of filePaths(root, folder, signal)) {
      const content = await readTextFile(join(root, file), signal);
      if (content !== undefined) yield { file, content };
      progress.addRead();
    }
    progress.endWithAllRead();
  } finally {
    end.abort();
    await counting;
  }
}
