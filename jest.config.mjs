import { fileURLToPath } from 'node:url';

// These packages ship ES modules only; jest runs CommonJS, so they are translated like our own sources.
const translated = ['d3-[^/]+', 'internmap', '@jupyter', '@jupyterlab', '@lumino', 'lib0'];

const swc = {
  jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
};

const ignored = ['/node_modules/', '/dist/'];

const project = (name, more = {}) => ({
  displayName: name,
  cacheDirectory: fileURLToPath(new URL('.cache/jest', import.meta.url)),
  rootDir: name,
  testEnvironment: 'node',
  testMatch: ['<rootDir>/**/*.test.ts'],
  testPathIgnorePatterns: ignored,
  // Build outputs hold second copies of the same packages.
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/labextension/'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  transform: { '\\.(ts|js|mjs)$': ['@swc/jest', swc] },
  transformIgnorePatterns: [`/node_modules/(?!(${translated.join('|')})/)`],
  ...more,
});

const oneWorker = { runner: fileURLToPath(new URL('scripts/jest/one-worker-runner.cjs', import.meta.url)) };

/** For tests that start a GPU in their own process. */
const onAdapters = {
  ...oneWorker,
  testEnvironment: fileURLToPath(new URL('scripts/jest/real-env-environment.cjs', import.meta.url)),
  moduleNameMapper: { '^webgpu$': fileURLToPath(new URL('scripts/jest/webgpu.cjs', import.meta.url)) },
};

export default {
  // A software driver may take long to compile a kernel on a busy machine.
  testTimeout: 120_000,
  reporters: ['default', 'summary', '<rootDir>/scripts/jest/summary-reporter.cjs'],
  projects: [
    project('scripts', { testPathIgnorePatterns: ['/node_modules/', '<rootDir>/course/'] }),
    project('course', { ...onAdapters, rootDir: 'scripts/course' }),
    project('extension'),
    project('kernel-lib', {
      ...onAdapters,
      globalSetup: '<rootDir>/test/support/find-adapters.mjs',
      // Only where somebody says that there are matrix units.
      ...(process.env.FLASH_MATRICES === 'on' ? {} : { testPathIgnorePatterns: [...ignored, 'own-units.test'] }),
    }),
    project('ui-tests', { ...oneWorker, globalSetup: '<rootDir>/support/unpack-chromium.ts' }),
  ],
};
