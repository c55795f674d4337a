import { Injectable } from '@nestjs/common';
import type { ActiveSession, SequenceRunner } from 'nestjs-active-session';
import { checkFolder } from '../files/folder-guard.js';
import { FileProgress } from '../files/file-progress.js';
import { createMatcher } from '../files/matcher.js';
import type { FoundLine } from '../files/search-files.js';
import { SearchRoot } from '../settings.js';
import { SearchHistory } from './search-history.js';
import type { SearchRequest } from './search-request.js';
import { searchSources } from './search-source.js';

/** The name of a search's runner: a key of a runner with another name is not accepted where a search is expected. */
export const SEARCH = 'search';

@Injectable()
export class SearchService {
  constructor(
    private readonly root: SearchRoot,
    private readonly history: SearchHistory,
  ) {}

  async start(session: ActiveSession, request: SearchRequest): Promise<SequenceRunner<FoundLine>> {
    const { text, regex, source } = request;
    const matches = createMatcher(text, regex);
    const folder = await checkFolder(this.root.folder, request.folder);
    const files = new FileProgress();
    const runner = session.createSequenceRunner(searchSources[source](this.root.folder, folder, matches, files), {
      name: SEARCH,
      extraData: files,
      // A reloaded page has lost its rows and reads again from 0.
      replay: 'all',
      dedupeKey: dedupeKeyOf(request),
      // Not with its first read: that is lost when the client leaves early, and the search stays in the history.
      startNow: true,
    });
    this.history.add({ key: runner.key.toString(), text, regex, folder, source, startedAt: new Date().toISOString() });
    return runner;
  }
}

/** Names the search too: a client that uses its key again for another search gets the other search. */
function dedupeKeyOf({ dedupeKey, text, regex, folder, source }: SearchRequest): string | undefined {
  return dedupeKey ? JSON.stringify([dedupeKey, text, regex, folder, source]) : undefined;
}
