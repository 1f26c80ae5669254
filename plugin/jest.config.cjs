process.env.TZ = 'UTC';

/** Packages that come as ES modules only: transformed for Jest, like our own sources. */
const ES_MODULES = [
  '@grafana',
  '@bundled-es-modules',
  '@mswjs',
  '@open-draft',
  '@openfeature',
  '@react-hookz',
  '@ver0',
  '@wojtekmaj',
  'd3',
  'd3-[a-z-]+',
  'get-user-locale',
  'internmap',
  'lru-cache',
  'marked',
  'memoize',
  'mimic-function',
  'msw',
  'ol',
  'outvariant',
  'rc-[a-z-]+',
  'react-calendar',
  'react-colorful',
  'react-i18next',
  'react-use',
  'rettime',
  'rxjs',
  'strict-event-emitter',
  'until-async',
  'uuid',
];

module.exports = {
  testEnvironment: '<rootDir>/jest/environment.cjs',
  globalSetup: '<rootDir>/jest/describeApi.cjs',
  setupFilesAfterEnv: ['<rootDir>/jest/setup.ts'],
  testMatch: ['<rootDir>/src/**/*.test.{ts,tsx}'],
  moduleNameMapper: {
    '\\.(css|scss|svg)$': 'identity-obj-proxy',
    '^@emotion/css$': '<rootDir>/jest/plainStyles.cjs',
    '^react-inlinesvg$': '<rootDir>/jest/InlineSvg.tsx',
    '^@contract/(.*)$': '<rootDir>/../exporter/src/contract/$1',
  },
  transform: {
    '\\.md$': '<rootDir>/jest/text.cjs',
    '^.+\\.(t|j|mj)sx?$': [
      '@swc/jest',
      {
        sourceMaps: 'inline',
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', tsx: true },
          transform: { react: { runtime: 'automatic' } },
        },
      },
    ],
  },
  transformIgnorePatterns: [`node_modules/(?!(.*/)?(${ES_MODULES.join('|')})/)`],
};
