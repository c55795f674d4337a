import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const DEFAULT_PORT = 3000;
const DEFAULT_IDLE_SECONDS = 20 * 60;

/** The folder that is searched. A class, so that it is its own injection token. */
export class SearchRoot {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = resolve(folder);
    if (!statSync(this.folder, { throwIfNoEntry: false })?.isDirectory()) {
      throw new Error(`The folder to search is not a folder: ${this.folder}. Set SAMPLE_ROOT to one that exists.`);
    }
  }
}

export function searchRootFromEnvironment(): SearchRoot {
  return new SearchRoot(environment('SAMPLE_ROOT') ?? findUpwards('node_modules'));
}

export function portFromEnvironment(): number {
  const port = Number(environment('PORT') ?? DEFAULT_PORT);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`PORT is no port: ${process.env.PORT}`);
  return port;
}

/** A short time lets one watch a session end: SAMPLE_IDLE_SECONDS=20. */
export function idleTimeoutFromEnvironment(): number {
  const seconds = Number(environment('SAMPLE_IDLE_SECONDS') ?? DEFAULT_IDLE_SECONDS);
  if (!Number.isFinite(seconds) || seconds <= 0)
    throw new Error(`SAMPLE_IDLE_SECONDS is no number of seconds: ${process.env.SAMPLE_IDLE_SECONDS}`);
  return seconds * 1_000;
}

/**
 * A secret made at every start is enough here: the user sessions are in memory too, so a restart loses both.
 * An application with a persistent store needs a fixed secret, the same on every host.
 */
export function sessionSecret(): string {
  return environment('SESSION_SECRET') ?? randomBytes(32).toString('base64url');
}

/** The nearest `name` beside this file or above it: holds for the sources and for wherever they are compiled to. */
export function findUpwards(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(folder, name);
    if (existsSync(candidate)) return candidate;
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`No ${name} found beside or above ${fileURLToPath(import.meta.url)}`);
    folder = parent;
  }
}

/** A variable that is set to nothing counts as not set. */
function environment(name: string): string | undefined {
  const value = process.env[name];
  return value === '' ? undefined : value;
}
