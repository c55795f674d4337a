import config from '../jest.config.js';

/** The tests of the folders that are mutated; not those that start processes or try very many cases. */
export default {
  ...config,
  rootDir: '..',
  testMatch: ['session', 'scope', 'runners'].map((folder) => `<rootDir>/test/${folder}/**/*.spec.ts`),
  testPathIgnorePatterns: ['\\.model\\.spec', 'processes\\.spec', 'collectable\\.spec', '-process\\.spec'],
};
