import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

interface LockedPackage {
  version: string;
  integrity?: string;
  link?: boolean;
  dev?: boolean;
  peer?: boolean;
  dependencies?: Record<string, string>;
  hasInstallScript?: boolean;
}

interface Lockfile {
  packages: Record<string, LockedPackage>;
}

const read = (path: string) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
const manifest = read('package.json');
const { packages } = read('package-lock.json') as Lockfile;

/** What `npm install nestjs-active-session` brings along, besides the peers that an application has anyway. */
function installed(dependencies: Record<string, string>, found = new Set<string>()): Set<string> {
  for (const name of Object.keys(dependencies)) {
    if (found.has(name)) continue;
    found.add(name);
    installed(packages[`node_modules/${name}`]?.dependencies ?? {}, found);
  }
  return found;
}

describe('What users install', () => {
  const names = [...installed(manifest.dependencies)];

  it('is one package beside the library', () => {
    expect(names).toEqual(['path-to-regexp']);
  });

  it('runs no script when it is installed', () => {
    expect(names.filter((name) => packages[`node_modules/${name}`]?.hasInstallScript)).toEqual([]);
    const { scripts } = manifest;
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare|publish)$/.test(name))).toEqual([]);
  });
});

describe('The lockfile', () => {
  it('has a checksum of each package', () => {
    const unchecked = Object.entries(packages).filter(([path, { integrity, link }]) => path && !integrity && !link);
    expect(unchecked).toEqual([]);
  });

  it('is of this manifest', () => {
    const { dependencies, devDependencies, peerDependencies } = manifest;
    expect(packages['']).toMatchObject({ dependencies, devDependencies, peerDependencies });
  });
});
