import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import type { ActiveSession, ProcessRunner } from 'nestjs-active-session';
import { checkFolder } from '../files/folder-guard.js';
import { SearchRoot } from '../settings.js';
import { folderStatistics } from './folder-statistics.js';
import type { FolderTotals } from './folder-totals.js';
import type { StatisticsRequest } from './statistics-request.js';

export const STATISTICS = 'statistics';

@Injectable()
export class StatisticsService {
  constructor(private readonly root: SearchRoot) {}

  async start(session: ActiveSession, request: StatisticsRequest): Promise<ProcessRunner<FolderTotals>> {
    const folder = await checkFolder(this.root.folder, request.folder);
    const { maxFoldersPerSecond } = request;
    const body = folderStatistics(join(this.root.folder, folder), { maxFoldersPerSecond });
    return session.createProcessRunner(body, {
      name: STATISTICS,
      dedupeKey: dedupeKeyOf(request),
      // A reloaded page has nothing but the key, and shows which folder it was.
      extraData: folder,
    });
  }
}

/** Names what is asked for, too: a client that uses its key again for another folder gets the other folder. */
function dedupeKeyOf({ dedupeKey, folder, maxFoldersPerSecond }: StatisticsRequest): string | undefined {
  return dedupeKey ? JSON.stringify([dedupeKey, folder, maxFoldersPerSecond]) : undefined;
}
