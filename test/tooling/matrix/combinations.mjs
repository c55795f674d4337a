// What the library is tried with. Versions are ranges: the newest that fits is taken.
import { readFileSync } from 'node:fs';

const NESTS = ['12', '11', '11.0.21'];
const COMPILERS = ['SWC', 'tsc'];
const NODES = ['20', '22', '24'];

const installed = new URL('../../../node_modules/@nestjs/core/package.json', import.meta.url);
const INSTALLED_NEST = majorOf(JSON.parse(readFileSync(installed, 'utf8')).version);
const RUNNING_NODE = majorOf(process.versions.node);

const CORE = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', '@nestjs/testing'];
/** Packages with version numbers of their own, by the major of Nest that they go with. */
const COMPANIONS = {
  11: {
    '@nestjs/cqrs': '11',
    '@nestjs/event-emitter': '3',
    '@nestjs/platform-ws': '11',
    '@nestjs/schedule': '6',
    '@nestjs/swagger': '11',
    '@nestjs/websockets': '11',
  },
};

export const ALL = NESTS.flatMap((nest, row) =>
  NODES.flatMap((node, column) =>
    COMPILERS.map((compiler, index) => ({
      nest,
      compiler,
      node,
      // A chessboard: each two of a Nest, a compiler and a Node meet, in half of all combinations.
      isInCover: index === (row + column) % COMPILERS.length,
    })),
  ),
);

export const COVER = ALL.filter(({ isInCover }) => isInCover);

/** Whether the project's own modules have that Nest. */
export function isInstalled(nest) {
  return nest === INSTALLED_NEST;
}

export function isRunning(node) {
  return node === RUNNING_NODE;
}

export function isThatOfNpmTest({ nest, compiler, node }) {
  return isInstalled(nest) && compiler === 'SWC' && isRunning(node);
}

/** The versions of Nest's packages that make up `nest`. */
export function packagesOf(nest) {
  return { ...Object.fromEntries(CORE.map((name) => [name, nest])), ...COMPANIONS[majorOf(nest)] };
}

export function nameOf({ nest, compiler, node }) {
  return `Nest ${nest}, ${compiler}, Node ${node}`;
}

/** `only`: terms like `nest11`, `tsc` and `node22`; of several terms of one kind, one must hold. */
export function choose({ all, only }) {
  if (only === undefined) return all ? ALL : COVER.filter((combination) => !isThatOfNpmTest(combination));
  const terms = only.toLowerCase().split(',');
  const kinds = [NESTS.map((nest) => `nest${nest}`), ['swc', 'tsc'], NODES.map((node) => `node${node}`)];
  const unknown = terms.filter((term) => !kinds.flat().includes(term));
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}; known: ${kinds.flat().join(', ')}`);
  const chosen = kinds.map((kind) => kind.filter((term) => terms.includes(term)));
  return ALL.filter(({ nest, compiler, node }) =>
    [`nest${nest}`, compiler.toLowerCase(), `node${node}`].every(
      (term, kind) => chosen[kind].length === 0 || chosen[kind].includes(term),
    ),
  );
}

function majorOf(version) {
  return version.split('.')[0];
}
