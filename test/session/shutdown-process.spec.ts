import { describe, expect, it } from '@jest/globals';
import { Browser, type Answer } from '../support/browser.js';
import { usePrograms, type Ending, type Program } from '../support/programs.js';
import { RawClient } from '../support/raw-client.js';

const SESSIONS = 200;
const POLLS = 50;
const STREAMS = 5;
const AT_ONCE = 20;

const { start } = usePrograms();

interface Visitor {
  readonly browser: Browser;
  readonly key: string;
}

/** Each has a session with a runner that goes on. */
async function visitors({ url }: Program, count: number): Promise<Visitor[]> {
  const all: Visitor[] = [];
  for (let i = 0; i < count; i += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - i) }, async () => {
      const browser = new Browser(url);
      return { browser, key: (await browser.post('/')).body.key as string };
    });
    all.push(...(await Promise.all(some)));
  }
  return all;
}

/** A client on a bare connection, which has got an answer, or its beginning. */
async function connected({ url }: Program, path: string, cookie?: string): Promise<RawClient> {
  const client = new RawClient(url);
  client.send({ path, cookie });
  await client.until(path === '/idle' ? 'idle' : 'data:');
  return client;
}

/** Long polls that have arrived, and wait. */
async function waitingPolls({ url }: Program, all: readonly Visitor[]): Promise<Promise<Answer>[]> {
  const polls = all.map(({ browser, key }) => browser.get(`/poll/${key}`));
  const observer = new Browser(url);
  for (let waiting = 0; waiting < all.length;) waiting = Number((await observer.get('/waiting')).text);
  return polls;
}

/** What the program tells of its end. */
function told({ lines }: Ending): Record<string, unknown> {
  return JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
}

describe.each([['force-close'], ['leave-open']])('A process that is busy, and gets SIGTERM (%s)', (connections) => {
  it('answers all that wait, ends all sessions before what they need, and goes', async () => {
    const program = await start('busy-app', connections);
    const all = await visitors(program, SESSIONS);
    const streams = await Promise.all(
      all.slice(0, 2 * STREAMS).map(({ browser: { cookie }, key }, index) => {
        return connected(program, index < STREAMS ? `/changes/${key}` : '/ticks/until-the-end', cookie);
      }),
    );
    const idle = await Promise.all(Array.from({ length: STREAMS }, () => connected(program, '/idle')));
    const polls = await waitingPolls(program, all.slice(-POLLS));

    program.tell('SIGTERM');
    for (const { status, body } of await Promise.all(polls))
      expect([status, body]).toEqual([200, expect.objectContaining({ status: 'aborted', ended: 'shutdown' })]);
    const ending = await program.ended;
    // Nest raises the signal again when it has done its work.
    expect(ending).toMatchObject({ code: null, signal: 'SIGTERM', errors: '' });
    expect(told(ending)).toEqual({ signal: 'SIGTERM', written: SESSIONS, refused: 0, stopped: SESSIONS });
    await Promise.all([...streams, ...idle].map((client) => client.closed()));
    for (const { received } of streams) expect(received).toMatch(/\r\n0\r\n\r\n$/);
  });
});

describe('A process that gets SIGTERM', () => {
  it('answers what waits also where its sessions have nothing to clean up', async () => {
    const program = await start('busy-app', 'force-close', 'without-cart');
    const polls = await waitingPolls(program, await visitors(program, POLLS));
    program.tell('SIGTERM');
    const answers = await Promise.all(polls);
    expect(answers.map(({ status }) => status)).toEqual(polls.map(() => 200));
  });

  it('is not held up by hooks that hang, and a second SIGTERM changes nothing', async () => {
    const program = await start('busy-app', 'force-close', 'hang');
    const [poll] = await waitingPolls(program, await visitors(program, 1));
    program.tell('SIGTERM');
    // What it had asked for last; its hooks hang from now on.
    expect((await poll!).body).toMatchObject({ ended: 'shutdown' });
    program.tell('SIGTERM');
    const ending = await program.ended;
    expect(ending).toMatchObject({ code: null, signal: 'SIGTERM' });
    expect(ending.errors).toMatch(/takeOwnership\(\): did not end in time/);
    expect(ending.errors).toMatch(/group .* was still cleaning up after shutdownTimeoutMs \(400\)/);
    expect(ending.lines).toEqual([expect.stringContaining('"written":1,"refused":0,')]);
  });

  it('cuts a stream off that goes on after its session: with `forceCloseConnections`', async () => {
    const program = await start('busy-app', 'force-close');
    const [visitor] = await visitors(program, 1);
    const stream = await connected(program, '/ticks/endless', visitor!.browser.cookie);
    program.tell('SIGTERM');
    const ending = await program.ended;
    expect(ending).toMatchObject({ code: null, signal: 'SIGTERM', errors: '' });
    await stream.closed();
    expect(stream.received).not.toMatch(/\r\n0\r\n\r\n$/);
  });

  it('dies as Node does without `enableShutdownHooks()`, and has warned of that', async () => {
    const program = await start('busy-app', 'without-hooks');
    await visitors(program, 2);
    program.tell('SIGTERM');
    const ending = await program.ended;
    expect(ending).toMatchObject({ code: null, signal: 'SIGTERM', errors: '' });
    expect(ending.lines).toEqual([expect.stringContaining('Call app.enableShutdownHooks().')]);
  });
});
