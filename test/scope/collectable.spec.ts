import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Browser } from '../support/browser.js';
import { Program } from '../support/programs.js';
import { RawClient } from '../support/raw-client.js';

const OF_REQUEST = ['request', 'response'];
const INSTANCES = [
  'group-scoped instance',
  'held by the group-scoped instance',
  'held by the session-scoped instance',
  'session-scoped instance',
];
const OF_SESSION = [...INSTANCES, 'group', 'session'];

let program: Program;
let browser: Browser;

beforeAll(async () => {
  program = await Program.start('collectable-app');
});
beforeEach(() => {
  browser = new Browser(program.url);
});
afterEach(async () => {
  await browser.post('/control/reset');
});
afterAll(async () => {
  await program.kill();
});

/** A visitor's first request. */
async function visit(path: string): Promise<void> {
  expect((await browser.get(path)).status).toBe(200);
}

/** What is still in memory after some collections. */
async function survivors(): Promise<string[]> {
  return (await browser.get('/control/survivors')).body;
}

const sorted = (...names: string[]): string[] => names.sort();

describe('While a session lives, its instances do, and nothing keeps the request that made them, nor its response', () => {
  it.each([
    ['used a session-scoped service', '/leave/nothing', []],
    ['started runners that go on', '/runners', ['runner']],
    ['started a runner that ends when its client has gone', '/leave/runner-of-request', ['runner']],
    ['asked for signals and gave things to the session', '/members', ['owned', 'property']],
    ['left a timer behind', '/leave/timer', []],
    ['left a promise behind', '/leave/promise', []],
    ['left a bound function behind', '/leave/bound-function', []],
  ])('when it %s', async (_what, path, more) => {
    await visit(path);
    expect(await survivors()).toEqual(sorted(...OF_SESSION, ...more));
  });

  it('when its connection stays open', async () => {
    const client = new RawClient(program.url);
    client.send({ path: '/leave/nothing' });
    await client.until('200 OK');
    expect(await survivors()).toEqual(sorted(...OF_SESSION));
    expect(client.isOpen).toBe(true);
    await client.vanish();
  });
});

describe.each(['terminated', 'idle'])('After its end (%s) nothing keeps a session, and what it had', (reason) => {
  it.each([
    ['a session-scoped service', '/leave/nothing'],
    ['runners', '/runners'],
    ['a runner that the application can abort for as long as it likes', '/leave/runner-of-application'],
    ['signals, properties and ownership', '/members'],
    ['a service, and left a timer behind', '/leave/timer'],
    ['a service, and left a promise behind', '/leave/promise'],
    ['a service, and left a bound function behind', '/leave/bound-function'],
    ['services that stand for each other, and kept one that stands for another', '/leave/bound-client'],
    ['its injector, and kept that', '/leave/services'],
    ['the reports of its clean-up, and kept them', '/leave/report'],
  ])('which used %s', async (_what, path) => {
    await visit(path);
    expect((await browser.post(`/control/end/${reason}`)).body).toEqual([reason]);
    expect(await survivors()).toEqual([]);
  });
});

describe('What the application keeps is found', () => {
  it('as an instance, which keeps no session', async () => {
    await visit('/leave/instance');
    await browser.post('/control/end/terminated');
    expect(await survivors()).toEqual(sorted(...INSTANCES));
  });

  it('as a request, which keeps no session', async () => {
    await visit('/leave/request');
    await browser.post('/control/end/terminated');
    expect(await survivors()).toEqual(sorted(...OF_REQUEST));
  });
});
