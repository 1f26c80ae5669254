import { z } from 'zod';
import { figuresOfGroup } from '../src/contract/analytics.ts';
import { recordSchema } from '../src/contract/api.ts';
import { remedyOf } from '../src/contract/errorCategories.ts';
import { ERROR_CATEGORIES, ERROR_SURFACES } from '../src/contract/records.ts';
import {
  CHAIN_STATUSES,
  FINISHED_STATUSES,
  isFinished,
  isOpen,
  OPEN_STATUSES,
  STATUSES,
} from '../src/contract/status.ts';

const BEGIN =
  '<!-- Generated from exporter/src/contract by npm run generate, up to the next such line; do not edit. -->';
const END = '<!-- End of what is generated. -->';

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

const code = (text: string) => `\`${text}\``;
const words = (values: readonly string[]) => values.map(code).join(', ');

function typeOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return `one of ${words(schema.enum)}`;
  if (schema.items !== undefined) {
    const { properties } = schema.items;
    return properties === undefined ? 'list' : `list of {${Object.keys(properties).join(', ')}}`;
  }
  if (schema.properties !== undefined) return `{${Object.keys(schema.properties).join(', ')}}`;
  if (schema.format === 'date-time') return 'time';
  return [schema.type ?? 'any'].flat().join(' or ');
}

function fieldsOf(schema: z.ZodType, unit: (field: string) => string): string {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  const rows = Object.entries(properties).map(([name, field]) => {
    const meaning = [field.description, unit(name)].filter(Boolean).join(' ');
    return `| ${code(name)} | ${typeOf(field)} | ${meaning.replaceAll('|', '\\|')} |`;
  });
  return `| field | type | |\n|---|---|---|\n${rows.join('\n')}`;
}

const unitOf = (field: string) =>
  field.endsWith('Usd') && field !== 'qualityPerUsd' ? 'USD.' : field.endsWith('Seconds') ? 'Seconds.' : '';

function reference(): string {
  const others = STATUSES.filter((status) => !isOpen(status) && !isFinished(status));
  const remedies = ERROR_CATEGORIES.map((category) => `| ${code(category)} | ${remedyOf(category)} |`);
  return `### Statuses

- Open: ${words(OPEN_STATUSES)}. Finished: ${words(FINISHED_STATUSES)}. Besides: ${words(others)}.
- Failures are \`failed\` and \`timed_out\`. The platform's own word is \`rawStatus\`.
- Chains have ${words(CHAIN_STATUSES)}.

### A run

${fieldsOf(recordSchema('run'), unitOf)}

### A summary of runs

A group of \`GET /api/v1/analytics/runs\`: the runs that ended in the window.

${fieldsOf(figuresOfGroup, unitOf)}

### The error of a run or step

\`error\`: \`category\` (below; derived from the message where the source gives none), \`message\`, \`stepId\`, and \`surface\`, one of
${words(ERROR_SURFACES)}.

| category | remedy |
|---|---|
${remedies.join('\n')}`;
}

/** @returns the text with what stands between its two marks made anew. */
export function withReference(text: string): string {
  const [before, rest] = text.split(BEGIN);
  const [, after] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined) throw new Error(`found no "${BEGIN}" … "${END}", expected both`);
  return `${before}${BEGIN}\n${reference()}\n${END}${after}`;
}
