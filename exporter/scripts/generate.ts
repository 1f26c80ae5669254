// Writes the files that are generated from the contract and from the tables of the sources, and prints their names.
// `npm run check:generated` fails when what is committed is not what this makes.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { z } from 'zod';
import { renderRules } from '../../provisioning/rules/index.ts';
import { renderRuleTests } from '../../provisioning/rules/scenes/index.ts';
import { RECORD_LIST_NAMES, recordListOf } from '../src/contract/api.ts';
import { ERROR_CATEGORY_TABLE } from '../src/contract/errorCategories.ts';
import { eventDataSchema } from '../src/contract/events.ts';
import { METRIC_CATALOGUE, type MetricFamily } from '../src/contract/metricCatalogue.ts';
import { KINDS, type Kind } from '../src/contract/records.ts';
import type { CoverageRow } from '../src/sources/coverage.ts';
import { SOURCE_TYPES } from '../src/sources/index.ts';
import { withReference } from './agentReference.ts';

const ROOT = new URL('../../', import.meta.url);
const COMMAND = 'npm run generate';
/** Written by hand but for its reference. */
const FOR_AGENTS = 'docs/for-agents.md';

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

/** Where the API answers records of a kind. */
function pathOf(kind: Kind): string {
  if (kind === 'run') return 'runs';
  if (kind === 'output') return 'runs/{source}/{id}/output';
  const list = RECORD_LIST_NAMES.find((name) => recordListOf(name).kind === kind);
  if (list === undefined) throw new Error(`${kind}: found no list in RECORD_LISTS, expected one`);
  return list;
}

function coverageRow({ field, record, families }: CoverageRow): string {
  const cells = [field.replaceAll('<', '\\<'), `\`${record}\``, `\`${pathOf(record.split('.', 1)[0] as Kind)}\``];
  return `| ${[...cells, families.map((family) => `\`${family}\``).join(' ')].map(cell).join(' | ')} |`;
}

async function coverageReference(): Promise<string> {
  const parts: string[] = [];
  for (const { type } of SOURCE_TYPES) {
    const table = new URL(`../src/sources/${type}/coverage.ts`, import.meta.url);
    // That each source has one, its test says.
    if (!existsSync(table)) continue;
    const { coverage }: { coverage: readonly CoverageRow[] } = await import(table.href);
    parts.push(`## ${type}\n`);
    for (const [document, rows] of Map.groupBy(coverage, (row) => row.document)) {
      parts.push(
        `### ${document}\n\n| field | record | API | metrics |\n|---|---|---|---|\n${rows.map(coverageRow).join('\n')}\n`,
      );
    }
  }
  return `<!-- Generated from exporter/src/sources/*/coverage.ts by ${COMMAND}; do not edit. -->
# What is read of each platform

By type of source and by section of the platform's document: each field, the field of the record that keeps it (\`[]\`: of each
item of a list), the list of the API that shows it (below \`/api/v1/\`), and the metric families that it moves or labels. Each row
is tested: the field comes out of the API, and the families show it. What a platform says beyond that is kept as an attribute of the
record under its own name.

${parts.join('\n')}`;
}

const files: [string, string][] = [
  ['METRICS.md', metricsReference()],
  ['exporter/src/sources/COVERAGE.md', await coverageReference()],
  [FOR_AGENTS, withReference(await readFile(new URL(FOR_AGENTS, ROOT), 'utf8'))],
  ...renderRules(),
  ...renderRuleTests((file) => stringify(file, { lineWidth: 0 })),
];
for (const kind of KINDS)
  files.push([
    `exporter/schema/${kind}.json`,
    `${JSON.stringify({ title: kind, ...z.toJSONSchema(eventDataSchema(kind), { io: 'input' }) }, null, 2)}\n`,
  ]);

for (const [name, content] of files) {
  const file = fileURLToPath(new URL(name, ROOT));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  console.log(name);
}
