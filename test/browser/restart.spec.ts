import { describe, it } from '@jest/globals';
import { makeTempTree, removeTempTree } from '../sample-app/temp-tree.js';
import { SampleProgram } from './support/sample-program.js';
import { expectStatus, hold, open } from './support/tab.js';
import { useBrowser } from './support/use-browser.js';

describe('A page whose server is started again', () => {
  const users = useBrowser();

  async function useServer(use: (server: SampleProgram) => Promise<void>): Promise<void> {
    const folder = await makeTempTree({ 'many.txt': 'a line\n'.repeat(1_000) });
    const server = await SampleProgram.start(folder);
    try {
      await use(server);
    } finally {
      await server.stop();
      await removeTempTree(folder);
    }
  }

  it('says so while there is no answer, then that the search is gone, and starts the next one', () =>
    useServer(async (server) => {
      users.expectErrors(/net::ERR_CONNECTION_REFUSED|410/);
      const user = await users.newUser(server.url);
      const tab = await user.newPage();
      await open(tab, '/search');
      const reads = await hold(tab, '**/api/searches/*?*');
      await tab.getByLabel('Search for').fill('line');
      await tab.keyboard.press('Enter');
      await tab.locator('#rows tr').first().waitFor();

      await server.stop();
      reads.open();
      await expectStatus(tab, /again…$/);
      await server.start();
      await expectStatus(tab, /search is gone/);
      await tab.getByRole('button', { name: 'Search', exact: true }).click();
      await expectStatus(tab, 'Completed. 1000 rows.');
    }));
});
