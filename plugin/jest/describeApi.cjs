const { execFileSync } = require('node:child_process');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');

const ROOT = resolve(__dirname, '../..');
const PROGRAM = `const { describeApi } = await import('./exporter/src/http/describeApi.ts');
process.stdout.write(JSON.stringify(describeApi('0.0.0')));`;

/** The exporter's description of its API, from its own code, for tests to hold their answers against. */
module.exports = function describeApi() {
  const directory = mkdtempSync(join(tmpdir(), 'fleetlens-api-'));
  const node = join(ROOT, 'node_modules/.bin/node');
  const description = execFileSync(node, ['--input-type=module', '--eval', PROGRAM], {
    cwd: ROOT,
    maxBuffer: 64 << 20,
  });
  process.env.FLEETLENS_API_DESCRIPTION = join(directory, 'openapi.json');
  writeFileSync(process.env.FLEETLENS_API_DESCRIPTION, description);
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
};
