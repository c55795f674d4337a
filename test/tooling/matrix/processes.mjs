import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`stopped by ${signal}`));
  });
}

/** Aborts when the whole run is to end. */
export const stopSignal = stop.signal;

/** Runs a process and gives what it has printed, and what was wrong with its end. */
export async function tryRun(command, args, { cwd, env, limitMs }) {
  stopSignal.throwIfAborted();
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1', ...env },
    // A group of its own: what the process has started ends with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));

  const limit = AbortSignal.timeout(limitMs);
  const ending = AbortSignal.any([stopSignal, limit]);
  const end = () => process.kill(-child.pid, 'SIGKILL');
  ending.addEventListener('abort', end);
  const [code, signal] = await once(child, 'close');
  ending.removeEventListener('abort', end);

  stopSignal.throwIfAborted();
  if (limit.aborted) return { output, problem: `did not end by itself within ${limitMs / 1000} s` };
  return { output, problem: code === 0 ? undefined : `ended with ${signal ?? `code ${code}`}` };
}

export async function run(command, args, options) {
  const { output, problem } = await tryRun(command, args, options);
  if (problem) throw new Error(`${problem}: ${args.join(' ')}\n${output}`);
}
