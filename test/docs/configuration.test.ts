import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fileSchema } from '../../exporter/src/config/schema.ts';
import { sourceSchemas } from '../../exporter/src/sources/createSource.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCUMENT = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');

/** The first two cells of the tables below a heading, up to the next one. */
function table(heading: string): [key: string, second: string][] {
  const [, below = ''] = DOCUMENT.split(`\n${heading}\n`);
  const [section = ''] = below.split(/^#+ /m);
  return [...section.matchAll(/^\| `(.+?)` \| (.*?) ?\|/gm)].map(([, key = '', second = '']) => [key, second]);
}

interface JsonSchema {
  readonly type?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

/** Each key with its default, as the reference writes it. */
function keysOf(schema: JsonSchema, path = ''): [key: string, second: string][] {
  const alternatives = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const key = path === '' ? name : `${path}.${name}`;
    const { default: value } = child;
    const isNothing = value === undefined || ['{}', '[]'].includes(JSON.stringify(value));
    const shown = isNothing ? '' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
    return [[key, shown] as [string, string], ...keysOf(child, key)];
  });
  const items = schema.items === undefined ? [] : keysOf(schema.items, `${path}[]`);
  return [...own, ...items, ...alternatives.flatMap((one) => keysOf(one, path))];
}

/** A section that is nothing but the keys in it, each with a default: those speak for it. */
const isSection = (key: string, keys: readonly (readonly [string, string])[]) =>
  keys.some(([other]) => other.startsWith(`${key}.`));

const jsonSchemaOf = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as JsonSchema;

describe('docs/configuration.md', () => {
  it('has every key of the file with its default, and no other', () => {
    // What a basic role stands for is one thing, whether it is written as a word or with its projects.
    const keys = keysOf(jsonSchemaOf(fileSchema)).filter(([key]) => !/^grafana\.role_map\.\w+\./.test(key));
    const stated = new Map(table('## Keys'));
    const expected = keys.filter(([key]) => !isSection(key, keys) || stated.has(key));
    expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(expected));
  });

  it('has every type of source with every key', () => {
    const [, sources = ''] = DOCUMENT.split('\n## Keys of a source\n');
    const types = [...sources.matchAll(/^### (.+)$/gm)].map(([, type]) => type);
    expect(types.sort()).toEqual(Object.keys(Object.fromEntries(Object.entries(sourceSchemas))).sort());
  });

  it.each(Object.entries(sourceSchemas))('has the keys of %s', (type, schema) => {
    // Names of another system, by document: the type's own errors list them.
    const keys = keysOf(jsonSchemaOf(schema)).filter(([key]) => !/^(paths|tables|fields)\./.test(key));
    const stated = new Map(table(`### ${type}`));
    const expected = keys.filter(([key]) => !isSection(key, keys) || stated.has(key));
    expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(expected));
  });

  it('has every variable that the code, the configuration and docker-compose.yml read', async () => {
    const folder = join(ROOT, 'exporter/src');
    const files = (await readdir(folder, { recursive: true })).filter(
      (name) => name.endsWith('.ts') && !/\.test\.ts$|fixtures|testing/.test(name),
    );
    const code = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
    const read = code.flatMap((text) => [...text.matchAll(/\benv\.([A-Z][A-Z_]+)\b/g)].map(([, name]) => name));
    const configured = ['docker-compose.yml', 'provisioning/exporter/fleetlens.yaml'].flatMap((file) =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(/\$\{([A-Z][A-Z_]+)/g)].map(([, name]) => name),
    );
    const provisioning = join(ROOT, 'provisioning/grafana');
    const names = (await readdir(provisioning, { recursive: true })).filter((name) => name.endsWith('.yml'));
    const texts = await Promise.all(names.map((name) => readFile(join(provisioning, name), 'utf8')));
    const provisioned = texts.flatMap((text) => [...text.matchAll(/ \$([A-Z][A-Z_]+)/g)].map(([, name]) => name));
    expect([read.length, configured.length, provisioned.length].every((count) => count > 3)).toBe(true);
    const all = [...new Set([...read, ...configured, ...provisioned])];
    // Of the process, not of Fleetlens.
    expect(all.filter((name) => !DOCUMENT.includes(`\`${name}\``) && name !== 'PATH' && name !== 'TZ')).toEqual([]);
  });
});
