import { compare } from '../harness/compare.js';
import { cpuEach, interleave } from '../harness/interleave.js';
import { Client } from '../harness/load.js';
import { otherNodes, type Worker } from '../harness/process.js';
import type { Effort, Line, Row } from '../harness/row.js';
import type { Sample } from '../harness/worker.js';
import type { HttpArguments } from '../workers/http.js';

const REQUESTS = 250;
const GOAL = { atMost: 1.05 };

/** The processor time of the server for one request over HTTP: on this Node, and on the newest one that is there. */
export const http: Row = {
  name: 'http',
  async measure(effort) {
    const newest = otherNodes().at(-1);
    return {
      lines: [
        ...(await measureOn(undefined, effort)),
        ...(newest === undefined ? [] : await measureOn(newest, effort)),
      ],
    };
  },
};

async function measureOn(execPath: string | undefined, effort: Effort): Promise<Line[]> {
  const clients = new Map<Worker, Client>();
  let version = '';
  const run = async (worker: Worker, _task: string, count: number): Promise<Sample> => {
    let client = clients.get(worker);
    if (client === undefined) {
      version = String((await worker.run('version', 1)).result);
      const { result: port } = await worker.run('port', 1);
      clients.set(worker, (client = new Client(`http://127.0.0.1:${String(port)}/greet`)));
    }
    const before = Number((await worker.run('cpu', 1)).result);
    const startedMs = performance.now();
    const result = await client.send(count);
    const wallNs = (performance.now() - startedMs) * 1e6;
    const cpuNs = Number((await worker.run('cpu', 1)).result) - before;
    return { count, wallNs, cpuNs, result };
  };
  const variant = (name: HttpArguments['variant']) => ({
    file: 'http.ts',
    args: { variant: name },
    task: 'request',
    execPath,
  });
  const samples = await interleave(
    { plain: variant('plain'), ours: variant('ours'), limit: variant('limit') },
    {
      // Of what differs by a few percent, processes differ by more.
      effort: { ...effort, rounds: effort.rounds * 2 },
      count: REQUESTS,
      blocks: 4,
      run,
      warmUpBlocks: 12,
      each: cpuEach,
    },
  );
  for (const client of clients.values()) client.close();
  const peer = 'express-session alone';
  return [
    compare(samples.ours, samples.plain, {
      what: `Processor time of one request over HTTP, with the session and a session-scoped service, Node ${version}`,
      peer,
      goal: GOAL,
      each: cpuEach,
    }),
    compare(samples.limit, samples.plain, {
      what: 'The limit: a context entered, the end of the answer noticed, a number in the user session',
      peer,
      each: cpuEach,
    }),
    compare(samples.ours, samples.limit, { what: 'Ours against that limit', peer: 'the limit', each: cpuEach }),
    compare(samples.ours, samples.plain, { what: 'Time on the clock', peer }),
  ];
}
