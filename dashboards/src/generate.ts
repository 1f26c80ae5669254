// Writes the dashboards' JSON, and prints the files' names; `npm run generate` calls it.
import { mkdir, writeFile } from 'node:fs/promises';
import { DASHBOARDS } from './index.ts';

const ROOT = new URL('../../', import.meta.url);
const DIRECTORY = 'provisioning/grafana/dashboards/';

await mkdir(new URL(DIRECTORY, ROOT), { recursive: true });
for (const dashboard of DASHBOARDS) {
  const name = `${DIRECTORY}${dashboard.uid}.json`;
  await writeFile(new URL(name, ROOT), `${JSON.stringify(dashboard, null, 2)}\n`);
  console.log(name);
}
