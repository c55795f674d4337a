import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join, posix, win32 } from 'node:path';
import { BadInputError } from '../http/bad-input.error.js';

/**
 * The folder below `root` that the user named, in its plain form ('' is the root itself), or 400. Refused is all that
 * could lead out of the root: `..`, absolute paths, and a symbolic link in any place. It is checked once, when the
 * search starts; who can exchange folders of the server for links later does not need this application to read files.
 */
export async function checkFolder(root: string, folder: string): Promise<string> {
  const names = namesOf(folder);
  for (let depth = 1; depth <= names.length; depth += 1) {
    await checkEntry(join(root, ...names.slice(0, depth)));
  }
  return names.join('/');
}

function namesOf(folder: string): string[] {
  if (folder.includes('\0')) throw new BadInputError('The folder must not contain a NUL character.');
  if (folder.includes('\\')) throw new BadInputError('The folder must be written with "/", not with a backslash.');
  if (posix.isAbsolute(folder) || win32.isAbsolute(folder) || /^[a-z]:/i.test(folder)) {
    throw new BadInputError('The folder must be relative to the folder that is searched.');
  }
  const names = folder.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) throw new BadInputError('The folder must not contain "..".');
  return names;
}

async function checkEntry(path: string): Promise<void> {
  const entry = await lstat(path).catch((): Stats | undefined => undefined);
  if (entry === undefined) throw new BadInputError('The folder does not exist or cannot be read.');
  if (entry.isSymbolicLink())
    throw new BadInputError('The folder must not be, or be reached through, a symbolic link.');
  if (!entry.isDirectory()) throw new BadInputError('The folder is not a folder.');
}
