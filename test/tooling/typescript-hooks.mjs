import { transformFile } from '@swc/core';
import { fileURLToPath } from 'node:url';
import { swcOptions } from './swc-options.mjs';

let library = new URL('../../src/index.ts', import.meta.url).href;

/** @param data.library what the name of the package stands for, where it is not its source */
export function initialize(data) {
  library = data?.library ?? library;
}

export function resolve(specifier, context, next) {
  if (specifier === 'nestjs-active-session') return { url: library, shortCircuit: true };
  const isOurs = context.parentURL?.endsWith('.ts') === true && /^\.{1,2}\/.*\.js$/.test(specifier);
  return next(isOurs ? specifier.replace(/\.js$/, '.ts') : specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const { code } = await transformFile(fileURLToPath(url), swcOptions);
  return { format: 'module', source: code, shortCircuit: true };
}
