import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** What is read of a source's tables depends on every transaction that is open on its server: these have a Postgres, and the machine, alone. */
const SOURCES = ['exporter/src/sources/**/*.test.ts', 'test/sources/**/*.test.ts'];

export default defineConfig({
  test: {
    globalSetup: ['test/support/postgresGlobalSetup.ts'],
    // Deadlines for broken tests, not bounds: real servers start and stop in many of them, on machines of any speed.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 90_000 } },
    projects: [
      {
        extends: true,
        test: { name: 'sources', include: SOURCES, maxWorkers: 1, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: 'fleet',
          include: ['exporter/{src,scripts}/**/*.test.ts', 'dashboards/src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...SOURCES, '**/node_modules/**'],
          // The long ones wait for real servers most of their time: also on two cores, of which vitest would leave one alone.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
