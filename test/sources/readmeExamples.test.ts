import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../exporter/src/config.ts';
import { sourceSchemas } from '../../exporter/src/sources/createSource.ts';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';

const README = new URL('../../README.md', import.meta.url);

/** The blocks of YAML that configure the exporter. */
async function configBlocks(): Promise<string[]> {
  const text = await readFile(README, 'utf8');
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.filter((block) => /^sources:/m.test(block));
}

/** A value for each variable that a text names, of the kind that its name says. */
function environmentOf(text: string): Record<string, string> {
  const sampleOf = (name: string) => {
    if (name.endsWith('DATABASE_URL')) return 'postgres://fleetlens@localhost/platform';
    return name.endsWith('REDIS_URL') ? 'redis://localhost:6379' : 'a-key-of-0123456789';
  };
  return Object.fromEntries([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => [name, sampleOf(name)]));
}

it('what the README configures is accepted, and it has an example of each type of source', async () => {
  const directory = await temporaryDirectory('readme');
  onTestFinished(() => directory.remove());
  const secrets = join(directory.path, 'secrets');
  await mkdir(secrets);
  await writeFile(join(secrets, 'fleetlens-ci'), 'token-of-the-readme-0123456789', { mode: 0o600 });
  const types: string[] = [];
  for (const block of await configBlocks()) {
    const file = join(directory.path, 'fleetlens.yaml');
    await writeFile(file, block.replaceAll('/run/secrets', secrets));
    const config = await loadConfig(file, { sourceSchemas, env: environmentOf(block), cwd: directory.path });
    types.push(...config.sources.map(({ type }) => type));
  }
  expect([...new Set(types)].sort()).toEqual(Object.keys(sourceSchemas).sort());
});
