import { join } from 'node:path';
import type { PluginOptions } from '@grafana/plugin-e2e';
import { defineConfig } from '@playwright/test';
import { CHROMIUM } from '../browser/chromium.ts';
import { REPORT, SIGNED_IN } from './names.ts';

/** `npm run plugin:e2e`: the built plugin in a real Grafana. The report is in test/e2e-grafana/report/html. */
export default defineConfig<PluginOptions>({
  testMatch: process.env.TAKE_SCREENSHOTS === '1' ? 'screenshots.ts' : '*.spec.ts',
  globalSetup: './prepareGrafana.ts',
  outputDir: join(REPORT, 'results'),
  reporter: [
    ['list'],
    ['html', { outputFolder: join(REPORT, 'html'), open: 'never' }],
    ['json', { outputFile: join(REPORT, 'results.json') }],
  ],
  fullyParallel: true,
  workers: 2,
  forbidOnly: true,
  timeout: 300_000,
  expect: { timeout: 90_000 },
  use: {
    // What prepareGrafana started or found: workers read this file after it.
    baseURL: process.env.GRAFANA_URL,
    browserName: 'chromium',
    launchOptions: CHROMIUM,
    actionTimeout: 30_000,
    storageState: SIGNED_IN,
    screenshot: 'on',
  },
});
