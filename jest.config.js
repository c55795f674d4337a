import { swcOptions } from './test/tooling/swc-options.mjs';

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
  testTimeout: 15_000,
  // Also with two cores: one process for all files would have all of them in memory. V8 gives little back of what ES modules took.
  maxWorkers: '100%',
  workerIdleMemoryLimit: '1GB',
  // A worker that is still busy so long after its last test has leaked something; .ci/run fails on Jest's warning.
  workerGracefulExitTimeout: 5_000,

  // Native ESM: Nest 12 and this library are ES modules only (`npm test` sets the flag of Node that Jest needs for it).
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^nestjs-active-session$': '<rootDir>/src/index.ts',
  },
  transform: {
    '^.+\\.ts$': ['@swc/jest', swcOptions],
  },

  // The sample application's and the pack check's output must not be taken for sources.
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/build/'],

  // Babel's instrumentation is not part of this set-up; V8 counts natively.
  coverageProvider: 'v8',
  coverageDirectory: 'coverage',
  collectCoverageFrom: ['src/**/*.ts', '!src/**/*.spec.ts', '!src/index.ts'],
};
