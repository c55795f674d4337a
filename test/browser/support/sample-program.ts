import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const REGISTER = fileURLToPath(new URL('../../tooling/register-typescript.mjs', import.meta.url));
const MAIN = fileURLToPath(new URL('../../../sample-app/main.ts', import.meta.url));

/** The sample application as its users start it: a process of its own, which can end and be started again. */
export class SampleProgram {
  static async start(folder: string): Promise<SampleProgram> {
    const program = new SampleProgram(folder, await freePort());
    await program.start();
    return program;
  }

  private child?: ChildProcess;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
  ) {}

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, ['--import', REGISTER, MAIN], {
      env: { ...process.env, SAMPLE_ROOT: this.folder, PORT: String(this.port), NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.child = child;
    for await (const line of createInterface({ input: child.stdout })) if (line.includes(this.url)) return;
    throw new Error('The sample application has ended before it listened.');
  }

  /** Ends it as an operator does. */
  async stop(): Promise<void> {
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
