import { describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Browser } from '../support/browser.js';
import { useFolders } from '../support/folders.js';
import { usePrograms } from '../support/programs.js';
import { RawClient } from '../support/raw-client.js';

const folder = useFolders();
const { start } = usePrograms();

describe('With user sessions in files, a session', () => {
  it('counts on after a restart, under the same id; keys from before are gone', async () => {
    const path = await folder();
    const before = await start('file-store-app', path);
    const browser = new Browser(before.url);
    const first = (await browser.get('/')).body;
    const { key } = (await browser.post('/runners')).body;
    expect((await browser.get(`/runners/${key}`)).status).toBe(200);
    await before.stop();

    const back = browser.clone((await start('file-store-app', path)).url);
    const second = (await back.get('/')).body;
    expect(second).toMatchObject({ id: first.id, generation: 2 });
    expect(second.stamp).not.toBe(first.stamp);
    expect((await back.get(`/runners/${key}`)).status).toBe(410);
  });

  it('honours no key of a process that was killed in mid-response, although the number comes again', async () => {
    const path = await folder();
    const before = await start('file-store-app', path);
    const browser = new Browser(before.url);
    await browser.get('/');
    const client = new RawClient(before.url);
    client.send({ path: '/stream', cookie: browser.cookie });
    await client.until(' .');
    const [, generation, key] = /^(\d+) (\S+) \.$/m.exec(client.received) ?? [];
    await before.kill();
    await client.closed();
    expect((await stored(path)).activeSession).toEqual({ n: 1 });

    const back = browser.clone((await start('file-store-app', path)).url);
    const again = (await back.post('/runners')).body;
    expect([generation, again.generation]).toEqual(['2', 2]);
    expect((await back.get(`/runners/${key}`)).status).toBe(410);
    expect((await back.get(`/runners/${again.key}`)).status).toBe(200);
  });

  it('is one in each of two processes on one store; neither honours the keys of the other', async () => {
    const path = await folder();
    const [one, two] = await Promise.all([start('file-store-app', path), start('file-store-app', path)]);
    const here = new Browser(one.url);
    const first = (await here.get('/')).body;
    const there = here.clone(two.url);
    const second = (await there.get('/')).body;
    expect(second.id).toBe(first.id);
    expect(second.pid).not.toBe(first.pid);

    const [mine, yours] = [(await here.post('/runners')).body, (await there.post('/runners')).body];
    expect((await here.get(`/runners/${mine.key}`)).status).toBe(200);
    expect((await there.get(`/runners/${yours.key}`)).status).toBe(200);
    expect((await there.get(`/runners/${mine.key}`)).status).toBe(410);
    expect((await here.get(`/runners/${yours.key}`)).status).toBe(410);
  });

  it('of another process is out of reach when the user has logged out in one', async () => {
    const path = await folder();
    const [one, two] = await Promise.all([start('file-store-app', path), start('file-store-app', path)]);
    const here = new Browser(one.url);
    await here.get('/');
    const there = here.clone(two.url);
    const { key } = (await there.post('/runners')).body;
    await here.delete('/');
    expect((await there.get(`/runners/${key}`)).status).toBe(410);
    expect((await there.get('/')).body.generation).toBe(1);
  });
});

/** The only user session in a folder. */
async function stored(path: string): Promise<Record<string, unknown>> {
  const [file = '', ...others] = (await readdir(path)).filter((name) => name.endsWith('.json'));
  expect(others).toEqual([]);
  return JSON.parse(await readFile(join(path, file), 'utf8')) as Record<string, unknown>;
}
