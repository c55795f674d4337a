import { afterEach } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const REGISTER = fileURLToPath(new URL('../tooling/register-typescript.mjs', import.meta.url));
/** `.js` where tsc has compiled the tests (`npm run test:matrix`). */
const SUFFIX = extname(fileURLToPath(import.meta.url));
const FLAGS = SUFFIX === '.ts' ? ['--import', REGISTER] : [];

/** How a program has ended. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What it has printed beside its address. */
  lines: string[];
  errors: string;
}

/** A program from `test/fixtures` that runs as a process of its own. */
export class Program {
  private constructor(
    private readonly child: ChildProcess,
    /** Where it listens. */
    readonly url: string,
    /** Resolves when it has ended, by whomever. */
    readonly ended: Promise<Ending>,
  ) {}

  /** Resolves when it has printed its address. */
  static async start(name: string, ...args: string[]): Promise<Program> {
    const file = fileURLToPath(new URL(`../fixtures/${name}${SUFFIX}`, import.meta.url));
    const child = spawn(process.execPath, ['--expose-gc', ...FLAGS, file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines: string[] = [];
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const output = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    await Promise.race([once(output, 'line'), closed]);
    const url = lines.shift();
    if (url === undefined) throw new Error(`${name} has ended before it listened: ${errors}`);
    const ended = closed.then(([code, signal]) => ({ code, signal, lines, errors }));
    return new Program(child, url, ended);
  }

  /** Tells it something, and does not wait for what it does then. */
  tell(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it as the operating system does when it must: nothing is tidied up. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** Ends it as an operator does. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill(signal);
    await exit;
  }
}

/** Runs a program from `test/fixtures` to its end. @returns the first line that it has printed */
export async function outputOf(name: string, ...args: string[]): Promise<string> {
  const program = await Program.start(name, ...args);
  await program.stop();
  return program.url;
}

export interface Programs {
  start(name: string, ...args: string[]): Promise<Program>;
}

/** For the top of a spec: ends the programs of each test. */
export function usePrograms(): Programs {
  const running: Program[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((program) => program.kill()));
  });
  return {
    async start(name, ...args) {
      const program = await Program.start(name, ...args);
      running.push(program);
      return program;
    },
  };
}
