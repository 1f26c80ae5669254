import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { strFromU8, unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporaryDirectory.ts';

const SCRIPT = fileURLToPath(new URL('../../plugin/scripts/packagePlugin.mjs', import.meta.url));
const ID = 'fleetlens-fleet-app';
const { version } = JSON.parse(readFileSync(new URL('../../plugin/package.json', import.meta.url), 'utf8'));

interface PluginJson {
  readonly id: string;
  readonly type: string;
  readonly info: {
    readonly version?: string;
    readonly updated?: string;
    readonly logos: Readonly<Record<string, string>>;
    readonly screenshots?: readonly { readonly path: string }[];
  };
  readonly includes?: readonly { readonly type: string; readonly path: string }[];
  readonly languages?: readonly string[];
}

let directory: TemporaryDirectory;
let zip: Buffer;
let files: ReadonlyMap<string, Uint8Array>;
beforeAll(async () => {
  directory = await temporaryDirectory('package');
  execFileSync(process.execPath, [SCRIPT, directory.path], { env: { PATH: process.env.PATH } });
  zip = readFileSync(join(directory.path, `${ID}-${version}.zip`));
  files = new Map(Object.entries(unzipSync(zip)));
});
afterAll(() => directory?.remove());

function textOf(path: string): string {
  const content = files.get(`${ID}/${path}`);
  if (content === undefined) throw new Error(`the zip has no ${path}`);
  return strFromU8(content);
}
const plugins = () =>
  [...files.keys()]
    .filter((path) => path.endsWith('/plugin.json'))
    .map((path) => path.slice(ID.length + 1))
    .map((path) => ({ path, folder: dirname(path), json: JSON.parse(textOf(path)) as PluginJson }));

describe('the zip for Grafana’s catalogue', () => {
  it('is one folder with the plugin’s name, and its checksum beside it', () => {
    expect([...files.keys()].filter((path) => !path.startsWith(`${ID}/`))).toEqual([]);
    expect(readdirSync(directory.path).sort()).toEqual([`${ID}-${version}.zip`, `${ID}-${version}.zip.sha1`]);
    const sha1 = readFileSync(join(directory.path, `${ID}-${version}.zip.sha1`), 'utf8');
    expect(sha1).toBe(createHash('sha1').update(zip).digest('hex'));
  });

  it('has an app, a data source and two panels, each with the script that Grafana loads for it', () => {
    const found = plugins();
    expect(found.map(({ path, json: { type } }) => [path, type])).toEqual([
      ['datasource/plugin.json', 'datasource'],
      ['panels/rundetail/plugin.json', 'panel'],
      ['panels/sprintchain/plugin.json', 'panel'],
      ['plugin.json', 'app'],
    ]);
    for (const { folder } of found) expect(textOf(join(folder, 'module.js'))).toMatch(/^define\(/);
    const named = found.find(({ path }) => path === 'plugin.json')?.json.includes ?? [];
    const nested = named.filter(({ type }) => type !== 'page').map(({ path }) => path);
    expect(nested.sort()).toEqual(found.map(({ path }) => path).filter((path) => path !== 'plugin.json'));
  });

  it('has every picture and language that a plugin.json names, and the version and day of the build', () => {
    for (const { folder, path, json } of plugins()) {
      const { logos, screenshots = [], version: stamped, updated } = json.info;
      for (const picture of [...Object.values(logos), ...screenshots.map((it) => it.path)]) {
        expect(textOf(join(folder, picture)).length).toBeGreaterThan(100);
      }
      for (const language of json.languages ?? []) textOf(`locales/${language}/${ID}.json`);
      expect(textOf(path)).not.toMatch(/%[A-Z_]+%/);
      expect([stamped, updated]).toEqual([version, expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/)]);
    }
  });

  it('says what it is, what changed and under which licence', () => {
    expect(textOf('README.md')).toContain('# Fleetlens');
    expect(textOf('CHANGELOG.md')).toContain('# Changelog');
    expect(textOf('LICENSE')).toContain('Apache License');
    const targets = [...textOf('README.md').matchAll(/\]\(([^)]*)\)/g)].map(([, target = '']) => target);
    const ofGrafana = `public/plugins/${ID}/`;
    const pictures = targets.filter((target) => target.startsWith(ofGrafana));
    expect(pictures.length).toBeGreaterThan(2);
    for (const picture of pictures) expect(textOf(picture.slice(ofGrafana.length)).length).toBeGreaterThan(100);
    // Any other relative one leads nowhere.
    expect(targets.filter((target) => !pictures.includes(target) && !target.startsWith('https:'))).toEqual([]);
  });

  it('names sources from the repository alone, and packages as packages', () => {
    for (const path of files.keys()) {
      if (!path.endsWith('.js.map')) continue;
      const { sources } = JSON.parse(textOf(path.slice(ID.length + 1))) as { sources: readonly string[] };
      const foreign = sources.filter((source) => source.includes('node_modules'));
      expect(foreign.filter((source) => !source.startsWith(`webpack://${ID}/./node_modules/`))).toEqual([]);
      expect(sources.filter((source) => /^(\/|file:)/.test(source))).toEqual([]);
    }
  });
});
