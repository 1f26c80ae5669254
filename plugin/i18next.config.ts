import { defineConfig } from 'i18next-cli';

/** `npm run generate` writes every string of the code into the file that translators start from. */
export default defineConfig({
  locales: ['en-US'],
  extract: {
    input: ['src/**/*.{ts,tsx}'],
    ignore: ['src/**/*.test.{ts,tsx}'],
    output: 'src/locales/{{language}}/{{namespace}}.json',
    defaultNS: 'fleetlens-fleet-app',
    functions: ['t'],
    transComponents: ['Trans'],
    removeUnusedKeys: true,
    sort: true,
  },
});
