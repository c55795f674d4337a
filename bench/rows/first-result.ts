import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compare } from '../harness/compare.js';
import { interleave } from '../harness/interleave.js';
import type { Row } from '../harness/row.js';

const WHAT = 'A runner started, and its first result';
const PEER = 'BullMQ with a local Redis';

/** Work begun, and its first partial result. */
export const firstResult: Row = {
  name: 'first-result',
  async measure(effort) {
    if (spawnSync('redis-server', ['--version']).error !== undefined) {
      const note = "skipped: there is no redis-server (Debian's package redis-server)";
      return { lines: [{ what: WHAT, ours: '-', peer: PEER, note }] };
    }
    const redis = await startRedis();
    try {
      const args = { port: redis.port };
      const samples = await interleave(
        {
          ours: { file: 'first-result.ts', args, task: 'runner' },
          bullmq: { file: 'first-result.ts', args, task: 'job' },
        },
        { effort, blockMs: 20, blocks: 3 },
      );
      return { lines: [compare(samples.ours, samples.bullmq, { what: WHAT, peer: PEER })] };
    } finally {
      await redis.stop();
    }
  },
};

/** A Redis of its own, which keeps nothing, on a port that nobody uses. */
async function startRedis(): Promise<{ port: number; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-redis-'));
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const server = spawn('redis-server', options, { stdio: 'ignore' });
  const exited = once(server, 'exit');
  while (!(await isListening(port))) {
    if (server.exitCode !== null) throw new Error(`redis-server has ended with the code ${server.exitCode}`);
    await sleep(20);
  }
  return {
    port,
    async stop() {
      server.kill();
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
