import { compare } from '../harness/compare.js';
import { cpuEach, interleave } from '../harness/interleave.js';
import { Client } from '../harness/load.js';
import type { Worker } from '../harness/process.js';
import type { Row } from '../harness/row.js';
import type { Sample } from '../harness/worker.js';

const REQUESTS = 500;

/** The processor time of the server for one request over HTTP. */
export const http: Row = {
  name: 'http',
  async measure(effort) {
    const clients = new Map<Worker, Client>();
    const run = async (worker: Worker, _task: string, count: number): Promise<Sample> => {
      let client = clients.get(worker);
      if (client === undefined) {
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
    const variant = (isOurs: boolean) => ({ file: 'http.ts', args: { isOurs }, task: 'request' });
    const options = { effort, count: REQUESTS, blocks: 6, run, warmUpBlocks: 20, each: cpuEach };
    const samples = await interleave({ plain: variant(false), ours: variant(true) }, options);
    for (const client of clients.values()) client.close();
    const peer = 'express-session alone';
    return {
      lines: [
        compare(samples.ours, samples.plain, {
          what: 'Processor time of one request over HTTP, with the session and a session-scoped service',
          peer,
          goal: { atMost: 1.05 },
          each: cpuEach,
        }),
        compare(samples.ours, samples.plain, { what: 'The same, time on the clock', peer }),
      ],
    };
  },
};
