/**
 * Makes the zip that Grafana's catalogue and `grafana cli plugins install` take: one folder named like the plugin, with what
 * `npm run build` made. Its argument is the folder for the zip, the plugin's own unless told. Where GRAFANA_ACCESS_POLICY_TOKEN is
 * set it is signed first (GRAFANA_ROOT_URLS: privately, for those).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import yazl from 'yazl';

const PLUGIN = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(PLUGIN, 'dist');
if (!existsSync(join(DIST, 'plugin.json')))
  throw new Error(`found no build in ${DIST}; run \`npm run plugin:build\` first`);
const { id, info } = JSON.parse(readFileSync(join(DIST, 'plugin.json'), 'utf8'));

if (process.env.GRAFANA_ACCESS_POLICY_TOKEN) {
  const urls = process.env.GRAFANA_ROOT_URLS ? ['--rootUrls', process.env.GRAFANA_ROOT_URLS] : [];
  execFileSync('npx', ['--yes', '@grafana/sign-plugin@3', '--distDir', DIST, ...urls], {
    cwd: PLUGIN,
    stdio: 'inherit',
  });
} else {
  console.log(
    'Not signed: GRAFANA_ACCESS_POLICY_TOKEN is not set. Grafana then has to allow it (allow_loading_unsigned_plugins).',
  );
}

const zip = new yazl.ZipFile();
const files = readdirSync(DIST, { recursive: true, encoding: 'utf8' }).map((path) => join(DIST, path));
for (const file of files.filter((path) => statSync(path).isFile()).sort()) {
  zip.addFile(file, `${id}/${relative(DIST, file)}`);
}
zip.end();
const target = join(process.argv[2] ?? PLUGIN, `${id}-${info.version}.zip`);
await pipeline(zip.outputStream, createWriteStream(target));
const sha1 = createHash('sha1').update(readFileSync(target)).digest('hex');
writeFileSync(`${target}.sha1`, sha1);
console.log(`${target}  (${statSync(target).size} bytes, sha1 ${sha1})`);
