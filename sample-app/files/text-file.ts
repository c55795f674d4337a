import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

export const MAX_FILE_BYTES = 1024 * 1024;
export const BINARY_CHECK_BYTES = 8 * 1024;

// A path can change between listing and opening: a link that has taken a file's place is refused, a pipe does not
// block. Windows has neither flag.
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** The text, or undefined for what is no text file of at most 1 MiB that can be read. Rejects only for the signal. */
export async function readTextFile(path: string, signal: AbortSignal): Promise<string | undefined> {
  signal.throwIfAborted();
  let file: FileHandle | undefined;
  try {
    file = await open(path, OPEN_FLAGS);
    const { size } = await file.stat();
    if (size > MAX_FILE_BYTES) return undefined;
    const bytes = await file.readFile({ signal });
    return isBinary(bytes) ? undefined : bytes.toString('utf8');
  } catch {
    signal.throwIfAborted();
    return undefined;
  } finally {
    await file?.close();
  }
}

function isBinary(bytes: Buffer): boolean {
  return bytes.subarray(0, BINARY_CHECK_BYTES).includes(0);
}

/** Lines end with LF or CR LF; what follows the last line end is a line only when it is not empty. */
export function* linesOf(content: string): Generator<string, void, undefined> {
  let start = 0;
  while (start < content.length) {
    const lineFeed = content.indexOf('\n', start);
    const end = lineFeed === -1 ? content.length : lineFeed;
    const hasCarriageReturn = lineFeed > start && content[end - 1] === '\r';
    yield content.slice(start, hasCarriageReturn ? end - 1 : end);
    start = end + 1;
  }
}
