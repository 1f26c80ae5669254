// Writes the files that are generated from the contract, and prints their names. `npm run check:generated` fails when
// what is committed is not what this makes.
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ERROR_CATEGORY_TABLE } from '../src/contract/errorCategories.ts';
import { eventDataSchema } from '../src/contract/events.ts';
import { METRIC_CATALOGUE, type MetricFamily } from '../src/contract/metricCatalogue.ts';
import { KINDS } from '../src/contract/records.ts';

const ROOT = new URL('../../', import.meta.url);
const COMMAND = 'npm run generate';

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function metricRow({ name, type, labels, help, buckets }: MetricFamily): string {
  const edges = buckets === undefined ? '' : ` Buckets: ${buckets.join(' ')}.`;
  return `| \`${name}\` | ${type} | ${labels.map((l) => `\`${l}\``).join(' ')} | ${cell(help)}${edges} |`;
}

function metricsReference(): string {
  const sections = Map.groupBy(METRIC_CATALOGUE, (family) => family.section);
  const tables = [...sections].map(
    ([section, families]) =>
      `## ${section}\n\n| family | type | labels | meaning |\n|---|---|---|---|\n${families.map(metricRow).join('\n')}\n`,
  );
  return `<!-- Generated from exporter/src/contract/metricCatalogue.ts by ${COMMAND}; do not edit. -->
# Metrics

Names, types, labels and bucket edges are public interface. Label values: \`source\` is the configured name of the source,
\`project\` the repository or project, \`workflow\` the workflow, \`persona\` the agent persona; a label that a source cannot fill is empty.
No label carries a run, user or branch: identity travels in exemplars and in the API. \`fleet_*\` counters and histograms come from the
ledger: they survive restarts and are equal on every replica. A label set that is born while its source is live shows 0 for 60 s,
so that \`increase()\` sees its first value; what a source's backfill counts appears at once when the backfill ends.

${tables.join('\n')}
Besides these the exporter exposes the default process and Node.js families of prom-client.

## Error categories

Where a source gives no category, it is derived from the message; the first row that matches wins, and what matches none is \`other\`.

| category | pattern | remedy |
|---|---|---|
${ERROR_CATEGORY_TABLE.map(({ category, pattern, remedy }) => `| ${category} | \`${cell(String(pattern))}\` | ${cell(remedy)} |`).join('\n')}
`;
}

const files: [string, string][] = [['METRICS.md', metricsReference()]];
for (const kind of KINDS)
  files.push([
    `exporter/schema/${kind}.json`,
    `${JSON.stringify({ title: kind, ...z.toJSONSchema(eventDataSchema(kind), { io: 'input' }) }, null, 2)}\n`,
  ]);

await mkdir(new URL('exporter/schema/', ROOT), { recursive: true });
for (const [name, content] of files) {
  await writeFile(fileURLToPath(new URL(name, ROOT)), content);
  console.log(name);
}
