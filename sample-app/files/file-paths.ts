import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Every file below `root`, or below `folder` in it, by its path from the root. The order is fixed: depth first, the
 * names of each folder sorted by their UTF-8 bytes, files and folders in one order. Symbolic links are not followed;
 * folders that cannot be read are left out. Rejects only for the signal.
 */
export async function* filePaths(root: string, folder: string, signal: AbortSignal): AsyncGenerator<string> {
  signal.throwIfAborted();
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((a, b) => compareBytes(a.name, b.name))) {
    signal.throwIfAborted();
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* filePaths(root, path, signal);
    else if (entry.isFile()) yield path;
  }
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
