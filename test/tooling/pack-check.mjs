// Tests what is shipped: packs the built library, installs it into an ES-module and a CommonJS application as any user
// would, and type-checks, compiles (tsc and SWC) and runs typical code there.
//
//   npm run build && npm run test:pack                  with the versions of this repository
//   npm run test:pack -- --nest=11                      with another version of Nest
//   npm run test:pack -- --keep                         leaves the temporary folder behind
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FIXTURES = fileURLToPath(new URL('./fixtures/', import.meta.url));
const SHIPPED = /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/.+\.(?:js|d\.ts))$/;
const REQUIRED = ['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts'];
const NEST = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-express'];
const PEERS = ['reflect-metadata', 'rxjs', 'express', 'express-session'];
const TOOLS = ['typescript', '@swc/core', '@types/node', '@types/express', '@types/express-session'];
const RUN_LIMIT_MS = 30_000;
const INSTALL_LIMIT_MS = 600_000;

const { values: args } = parseArgs({ options: { nest: { type: 'string' }, keep: { type: 'boolean' } } });
const manifest = readJson(join(ROOT, 'package.json'));
const DECLARED = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
const failures = [];
const temp = mkdtempSync(join(tmpdir(), 'pack-check-'));

main();

function main() {
  try {
    if (step('npm pack', () => pack())) {
      step('tarball: only what users need', () => checkFiles());
      step('tarball: manifest', () => checkManifest());
      step('tarball: imports', () => checkImports());
      for (const kind of ['esm', 'cjs']) checkProject(kind);
    }
  } finally {
    if (args.keep) console.log(`\nleft behind: ${temp}`);
    else rmSync(temp, { recursive: true, force: true });
  }
  for (const failure of failures) console.error(`FAILED  ${failure}`);
  console.log(failures.length === 0 ? '\npack check passed' : `\npack check: ${failures.length} steps failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

// ---- the tarball --------------------------------------------------------------------------------------------------

function pack() {
  if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('no dist/index.js: run `npm run build` first');
  npm(ROOT, ['pack', '--ignore-scripts', '--pack-destination', temp], INSTALL_LIMIT_MS);
  exec(temp, 'tar', ['-xzf', tarball()]);
}

function tarball() {
  const name = readdirSync(temp).find((entry) => entry.endsWith('.tgz'));
  return join(temp, name);
}

function packedFiles() {
  return readdirSync(join(temp, 'package'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(temp, 'package'), join(entry.parentPath, entry.name)));
}

function checkFiles() {
  const files = packedFiles();
  const missing = REQUIRED.filter((file) => !files.includes(file));
  const foreign = files.filter((file) => !SHIPPED.test(file) || /\.(?:spec|test)\./.test(file));
  if (missing.length) throw new Error(`missing: ${missing.join(', ')}`);
  if (foreign.length) throw new Error(`must not be shipped: ${foreign.join(', ')}`);
  return `${files.length} files`;
}

function checkManifest() {
  const scripts = Object.keys(manifest.scripts).filter((name) => /^(?:pre|post)?install$|^prepare$/.test(name));
  if (scripts.length) throw new Error(`users would run: ${scripts.join(', ')}`);
  if (manifest.private) throw new Error('the package is private');
}

/** Every import must be reachable for a user, and in a form that also Nest 11 (CommonJS, no `exports`) resolves. */
function checkImports() {
  for (const file of packedFiles().filter((name) => name.endsWith('.js'))) {
    const text = readFileSync(join(temp, 'package', file), 'utf8');
    for (const { fileName: specifier } of ts.preProcessFile(text, true, true).importedFiles) {
      const fault = faultOfImport(specifier);
      if (fault) throw new Error(`${file} imports ${specifier}: ${fault}`);
    }
  }
}

function faultOfImport(specifier) {
  if (specifier.startsWith('node:')) return undefined;
  const isRelative = specifier.startsWith('.');
  const name = isRelative ? undefined : specifier.match(/^(?:@[^/]+\/)?[^/]+/)[0];
  if (name && !DECLARED.includes(name)) return 'neither a dependency nor a peer';
  return specifier === name || specifier.endsWith('.js') ? undefined : 'a path needs the suffix .js';
}

// ---- an application -----------------------------------------------------------------------------------------------

function checkProject(kind) {
  const dir = join(temp, kind);
  if (!step(`${kind}: npm install`, () => install(dir, kind))) return;

  step(`${kind}: type-check`, () => tsc(dir, ['--noEmit']));
  step(`${kind}: type-check without skipLibCheck`, () => checkDeclarations(dir));
  const withTsc = step(`${kind}: compile with tsc`, () => tsc(dir, ['--outDir', 'out-tsc']));
  const withSwc = step(`${kind}: compile with SWC`, () => swc(dir, kind));
  if (withTsc) step(`${kind}: run what tsc made`, () => run(dir, 'out-tsc/boot.js'));
  if (withSwc) step(`${kind}: run what SWC made`, () => run(dir, 'out-swc/boot.js'));

  for (const name of ['express-session', '@types/express-session']) {
    rmSync(join(dir, 'node_modules', name), { recursive: true });
  }
  step(`${kind}: type-check without express-session`, () => {
    rmSync(join(dir, 'src/boot.ts'));
    rmSync(join(dir, 'src/signatures.ts'));
    return tsc(dir, ['--noEmit']);
  });
  if (withTsc) step(`${kind}: run without express-session`, () => run(dir, 'out-tsc/identify.js'));
}

function install(dir, kind) {
  mkdirSync(dir);
  cpSync(FIXTURES, dir, { recursive: true });
  const versions = Object.fromEntries([
    ...NEST.map((name) => [name, args.nest ?? versionHere(name)]),
    ...[...PEERS, ...TOOLS].map((name) => [name, versionHere(name)]),
  ]);
  const type = kind === 'esm' ? { type: 'module' } : {};
  const dependencies = { ...versions, [manifest.name]: `file:${tarball()}` };
  writeFileSync(
    join(dir, 'package.json'),
    JSON.stringify({ name: `app-${kind}`, version: '1.0.0', private: true, ...type, dependencies }, null, 2),
  );
  const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
  npm(dir, ['install', ...flags, '--loglevel=error'], INSTALL_LIMIT_MS);
  return `Nest ${readJson(join(dir, 'node_modules/@nestjs/core/package.json')).version}`;
}

function tsc(dir, flags) {
  node(dir, ['node_modules/typescript/bin/tsc', '-p', '.', '--pretty', 'false', ...flags]);
}

/** Other packages may have faults of their own: only those of this library's declarations count. */
function checkDeclarations(dir) {
  const flags = ['-p', '.', '--noEmit', '--pretty', 'false', '--skipLibCheck', 'false'];
  const { output } = tryNode(dir, ['node_modules/typescript/bin/tsc', ...flags]);
  const ours = output.split('\n').filter((line) => line.startsWith(`node_modules/${manifest.name}/`));
  if (ours.length) throw new Error(ours.join('\n'));
  const others = output.split('\n').filter((line) => / error TS\d+: /.test(line)).length;
  return others ? `${others} errors in other packages` : undefined;
}

/** With the settings that `nest build --builder swc` uses. */
function swc(dir, kind) {
  const options = {
    swcrc: false,
    module: kind === 'esm' ? { type: 'es6' } : { type: 'commonjs' },
    jsc: {
      target: 'es2021',
      parser: { syntax: 'typescript', decorators: true, dynamicImport: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
      keepClassNames: true,
    },
  };
  const script = `
    const { transformFileSync } = require('@swc/core');
    const { mkdirSync, readdirSync, writeFileSync } = require('node:fs');
    mkdirSync('out-swc');
    for (const file of readdirSync('src')) {
      const { code } = transformFileSync('src/' + file, ${JSON.stringify(options)});
      writeFileSync('out-swc/' + file.replace(/\\.ts$/, '.js'), code);
    }`;
  node(dir, ['--input-type=commonjs', '-e', script]);
}

function run(dir, file) {
  const { output } = node(dir, [file]);
  if (!output.includes('done')) throw new Error(`ended without saying "done":\n${output}`);
  const said = output.replace(/^done$/m, '').trim();
  return said ? `it also printed:\n${said}` : undefined;
}

// ---- helpers ------------------------------------------------------------------------------------------------------

/** Runs one step and prints how it went; tells whether it went well; what `action` returns is a note to print. */
function step(name, action) {
  const start = performance.now();
  try {
    const note = action();
    console.log(`ok      ${name} (${seconds(start)} s)${note ? `  ${note.replaceAll('\n', '\n          ')}` : ''}`);
    return true;
  } catch (error) {
    failures.push(name);
    console.error(`FAILED  ${name} (${seconds(start)} s)\n${error.message.trim().replaceAll(/^/gm, '          ')}`);
    return false;
  }
}

function seconds(start) {
  return ((performance.now() - start) / 1000).toFixed(1);
}

function npm(cwd, args, timeout) {
  const cli = process.env.npm_execpath;
  return cli ? exec(cwd, process.execPath, [cli, ...args], timeout) : exec(cwd, 'npm', args, timeout);
}

function node(cwd, args) {
  return exec(cwd, process.execPath, args);
}

function tryNode(cwd, args) {
  return spawn(cwd, process.execPath, args);
}

function exec(cwd, command, args, timeout) {
  const result = spawn(cwd, command, args, timeout);
  if (result.problem) throw new Error(`${result.problem}: ${args.join(' ')}\n${result.output}`);
  return result;
}

function spawn(cwd, command, args, timeout = RUN_LIMIT_MS) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    timeout,
    killSignal: 'SIGKILL',
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  const output = `${stdout ?? ''}${stderr ?? ''}`;
  if (error?.code === 'ETIMEDOUT') return { output, problem: `did not end by itself within ${timeout / 1000} s` };
  if (error) return { output, problem: error.message };
  return { output, problem: status === 0 ? undefined : `ended with ${signal ?? `code ${status}`}` };
}

function versionHere(name) {
  return readJson(join(ROOT, 'node_modules', name, 'package.json')).version;
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
