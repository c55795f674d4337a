// Makes sure that there is a Chromium for the browser tests, where Debian's packages may be installed. It never fails:
// without a browser the browser tests do, and say what is missing.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findChromium } from '../browser/support/find-chromium.js';

const APT_GET = '/usr/bin/apt-get';
const STEP_LIMIT_MS = 300_000;
const PACKAGES = ['chromium', 'fonts-liberation'];

try {
  if (!isThere() && !process.env.CHROMIUM_PATH && process.getuid?.() === 0 && existsSync(APT_GET)) install();
  console.log(findChromium());
} catch (error) {
  console.log((error as Error).message);
}

function isThere(): boolean {
  try {
    return findChromium() !== '';
  } catch {
    return false;
  }
}

/** The lists of packages may be missing, or so old that what they name is gone. */
function install(): void {
  const packages = ['install', '--yes', '--no-install-recommends', ...PACKAGES];
  if (!aptGet(packages)) if (aptGet(['update'])) aptGet(packages);
}

function aptGet(args: string[]): boolean {
  const { status, stderr } = spawnSync(APT_GET, ['-qq', '-o', 'DPkg::Lock::Timeout=60', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: STEP_LIMIT_MS,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) console.log(`apt-get ${args[0] ?? ''}: ${stderr.trim() || 'it took too long'}`);
  return status === 0;
}
