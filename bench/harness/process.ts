/** The side of the benchmark: worker processes, started and asked. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Order, Sample } from './worker.js';

/** Any worker that takes longer than this is stuck. */
const LIMIT_MS = 15 * 60_000;
const REGISTER = new URL('./register.mjs', import.meta.url).href;

/** Those of the optional packages that are there, oldest first. */
export function otherNodes(): string[] {
  return ['node-22', 'node-24']
    .map((name) => fileURLToPath(new URL(`../node_modules/${name}/bin/node`, import.meta.url)))
    .filter((path) => existsSync(path));
}

export interface WorkerOptions {
  /** Which Node; this one when left out. */
  readonly execPath?: string | undefined;
  readonly exposeGc?: boolean;
}

/** A process of its own for one variant: what V8 has learned of another one does not count. */
export class Worker {
  /** @param file in bench/workers */
  static async start(file: string, args: object = {}, options: WorkerOptions = {}): Promise<Worker> {
    const child = fork(new URL(`../workers/${file}`, import.meta.url), [JSON.stringify(args)], {
      execArgv: ['--import', REGISTER, ...(options.exposeGc === true ? ['--expose-gc'] : [])],
      signal: AbortSignal.timeout(LIMIT_MS),
      ...(options.execPath !== undefined && { execPath: options.execPath }),
    });
    const worker = new Worker(file, child);
    await worker.answer();
    return worker;
  }

  private constructor(
    private readonly file: string,
    private readonly child: ChildProcess,
  ) {
    // Told to who waits for an answer.
    child.on('error', () => undefined);
  }

  async run(task: string, count: number): Promise<Sample> {
    const order: Order = { task, count };
    this.child.send(order);
    return this.answer<Sample>();
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.disconnect();
    await exited;
  }

  private async answer<T>(): Promise<T> {
    const waiting = new AbortController();
    const { signal } = waiting;
    try {
      const [message] = (await Promise.race([
        once(this.child, 'message', { signal }),
        once(this.child, 'exit', { signal }).then(([code, by]) => {
          throw new Error(`The worker ${this.file} has ended (${code ?? by}) without an answer`);
        }),
      ])) as [T & { error?: string }];
      if (message.error !== undefined) throw new Error(`The worker ${this.file} has failed: ${message.error}`);
      return message;
    } finally {
      waiting.abort();
    }
  }
}
