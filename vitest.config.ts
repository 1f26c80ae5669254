import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['exporter/{src,scripts}/**/*.test.ts', 'dashboards/src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/support/postgresGlobalSetup.ts'],
    // Deadlines for broken tests, not bounds: real servers start and stop in many of them, on machines of any speed.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
