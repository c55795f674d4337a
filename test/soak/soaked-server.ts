import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FromServer, Remains, Sample } from './protocol.js';

const SUFFIX = extname(fileURLToPath(import.meta.url));

/** The server, seen from the process of its users. */
export class SoakedServer {
  static async start(): Promise<SoakedServer> {
    const server = new SoakedServer(
      fork(new URL(`./server${SUFFIX}`, import.meta.url), { execArgv: process.execArgv }),
    );
    const { url } = await server.next('url');
    server.url = url;
    return server;
  }

  url = '';
  readonly samples: Sample[] = [];

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (message: FromServer) => {
      if ('sample' in message) this.samples.push(message.sample);
    });
  }

  /** Asks what is left. */
  async remains(): Promise<Remains> {
    this.child.send({});
    return (await this.next('remains')).remains;
  }

  /** @returns what has ended it: its exit code, or a signal */
  async stop(): Promise<unknown> {
    const exit = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const [code, signal] = (await exit) as unknown[];
    return signal ?? code;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  /** Its next message of this kind. */
  private next<K extends 'url' | 'remains'>(kind: K): Promise<Extract<FromServer, Record<K, unknown>>> {
    return new Promise((resolve, reject) => {
      const onMessage = (message: FromServer): void => {
        if (!(kind in message)) return;
        this.child.off('message', onMessage).off('exit', onExit);
        resolve(message as Extract<FromServer, Record<K, unknown>>);
      };
      const onExit = (): void => reject(new Error('The server has ended by itself'));
      this.child.on('message', onMessage).once('exit', onExit);
    });
  }
}
