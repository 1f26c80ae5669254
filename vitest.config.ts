import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['exporter/{src,scripts}/**/*.test.ts', 'dashboards/src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/support/postgresGlobalSetup.ts'],
    // The long ones wait for real servers most of their time: also on two cores, of which vitest would leave one alone.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Deadlines for broken tests, not bounds: real servers start and stop in many of them, on machines of any speed.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
