import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { ProcessBody } from 'nestjs-active-session';
import { type FileSize, FolderTotals } from './folder-totals.js';

/** The first count only prepares an estimate: in a tree that is not counted by then, the estimate grows. */
const MAX_COUNT_MS = 2_000;

interface Pace {
  maxCountMs?: number;
  /** Less than it could do: for who wants to spare the disk, or to watch. */
  maxFoldersPerSecond?: number;
}

/**
 * Sums up the files below a folder, and reports after each folder: the position of its runner is a number of folders.
 * It works at one file at a time. That gives the event loop back at every step, and leaves the other threads that
 * Node has for files to the searches and sessions of others.
 *
 * Symbolic links are not followed, and what cannot be read counts nothing.
 */
export function folderStatistics(
  top: string,
  { maxCountMs = MAX_COUNT_MS, maxFoldersPerSecond = Infinity }: Pace = {},
): ProcessBody<FolderTotals> {
  return async (report, signal) => {
    const counted = await countFolders(top, signal, maxCountMs);
    const totals = new FolderTotals();
    const folders = [top];
    let nextAt = performance.now();
    for (const folder of folders) {
      await waitUntil(nextAt, signal);
      nextAt += 1_000 / maxFoldersPerSecond;
      const entries = await entriesOf(folder, signal);
      totals.addFolder(await sizesOf(folder, entries, signal));
      folders.push(...foldersAmong(entries, folder));
      // The end counts as one report more.
      report(totals, Math.max(counted, folders.length) + 1);
    }
  };
}

async function waitUntil(time: number, signal: AbortSignal): Promise<void> {
  const leftMs = time - performance.now();
  if (leftMs > 0) await setTimeout(leftMs, undefined, { signal });
}

/** How many folders there are, or were found in time: lists are read, and no file is looked at. */
async function countFolders(top: string, signal: AbortSignal, maxMs: number): Promise<number> {
  const startedAt = performance.now();
  const folders = [top];
  for (const folder of folders) {
    if (performance.now() - startedAt >= maxMs) break;
    folders.push(...foldersAmong(await entriesOf(folder, signal), folder));
  }
  return folders.length;
}

async function entriesOf(folder: string, signal: AbortSignal): Promise<Dirent[]> {
  signal.throwIfAborted();
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}

function foldersAmong(entries: readonly Dirent[], folder: string): string[] {
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}

async function sizesOf(folder: string, entries: readonly Dirent[], signal: AbortSignal): Promise<FileSize[]> {
  const sizes: FileSize[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    signal.throwIfAborted();
    const stats = await lstat(join(folder, entry.name)).catch(() => undefined);
    if (stats?.isFile()) sizes.push({ name: entry.name, bytes: stats.size });
  }
  return sizes;
}
