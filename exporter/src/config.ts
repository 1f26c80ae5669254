import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { budgetProblems, type PauseWebhook } from './config/budgetsSchema.ts';
import { checkValue, withValueAt } from './config/checkFile.ts';
import { type ConfigFlags, withFlagsAndEnvironment } from './config/fillValues.ts';
import type { GrafanaConfig } from './config/grafanaSchema.ts';
import { namedTexts } from './config/namedTexts.ts';
import { ConfigError, type ConfigPath, type ConfigProblem, formatPath } from './config/problem.ts';
import { resolveValues } from './config/resolveValues.ts';
import type { Role } from './config/roles.ts';
import { type FileConfig, fileSchema, SHARED_SOURCE_KEYS } from './config/schema.ts';
import { parseYamlFile, type YamlFile } from './config/yamlFile.ts';

export { describeConfig } from './config/describeConfig.ts';
export type { ConfigFlags } from './config/fillValues.ts';
export type { ListenAddress } from './config/listenAddress.ts';
export { planReload } from './config/planReload.ts';
export { ConfigError } from './config/problem.ts';
export type { Role } from './config/roles.ts';

/** The file that is read when none is named. */
export const DEFAULT_CONFIG_FILE = 'fleetlens.yaml';

/** A bearer token as it is kept: never the token itself. */
export interface TokenRule {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, lower-case hexadecimal. */
  readonly sha256: string;
  /** Sources that an ingest token may push for; absent: all. */
  readonly sources?: readonly string[];
  /** Projects that the token may read; absent: all. */
  readonly projects?: readonly string[];
  /** Good only together with Grafana's signed identity. */
  readonly require_identity?: true;
}

/** One configured source. */
export interface SourceConfig {
  readonly name: string;
  readonly type: string;
  /** Milliseconds. */
  readonly poll_interval: number;
  /** Milliseconds. */
  readonly timeout: number;
  readonly cost_from?: 'usage' | 'run';
  /** IANA name. */
  readonly timezone?: string;
  /** Where it is told of pauses. */
  readonly pause?: PauseWebhook;
  /** Everything else that the entry says, as the source type's own schema returned it. */
  readonly options: unknown;
}

/**
 * The configuration, under the keys of the YAML file. Durations are milliseconds, sizes bytes, file names absolute,
 * tokens hashed.
 */
export interface Config extends Omit<FileConfig, 'tokens' | 'sources'> {
  /** The file that was read; absent where the default file does not exist. */
  readonly file?: string;
  readonly tokens: readonly TokenRule[];
  readonly sources: readonly SourceConfig[];
}

export interface LoadConfigOptions {
  /** The schema of each source type, by type: what an entry has besides the keys that all sources share. */
  readonly sourceSchemas: Readonly<Record<string, z.ZodType>>;
  /** Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What the default file and default directories are relative to; default the working directory. */
  readonly cwd?: string;
  /** What the command line says; it wins over the file and is checked like it. */
  readonly flags?: ConfigFlags;
}

/**
 * Reads and checks the configuration. The file wins over the environment, which fills `ledger.database_url`
 * (DATABASE_URL), `log.level` (LOG_LEVEL), `log.requests` (LOG_REQUESTS), `log.health_requests` (LOG_HEALTH_REQUESTS) and under
 * `rate_limit` `max` (RATE_LIMIT_MAX), `window` (RATE_LIMIT_WINDOW, seconds), `redis_host`, `redis_port` and `redis_password` (REDIS_…).
 * File names in the file are relative to its directory.
 * @param path the file; undefined: `fleetlens.yaml`, or all defaults where there is none.
 * @throws ConfigError with every problem at once.
 */
export async function loadConfig(path: string | undefined, options: LoadConfigOptions): Promise<Config> {
  const { sourceSchemas, env = process.env, cwd = process.cwd(), flags = {} } = options;
  const file = resolve(cwd, path ?? DEFAULT_CONFIG_FILE);
  const text = await readConfigFile(file, path);
  const yaml = parseYaml(text ?? '', path ?? DEFAULT_CONFIG_FILE);
  const baseDirectory = dirname(file);
  const resolved = await resolveValues(yaml.value ?? {}, env, baseDirectory);
  const toCheck = { entries: rawSources(resolved.value), schemas: sourceSchemas, resolved, baseDirectory };
  const refuse = (problems: readonly ConfigProblem[]) =>
    new ConfigError(path ?? DEFAULT_CONFIG_FILE, withLines(problems, yaml));

  const checked = await checkValue(
    fileSchema,
    withFlagsAndEnvironment(resolved.value, flags, env),
    resolved.interpolated,
  );
  const problems = [...resolved.problems];
  if (!checked.ok) {
    problems.push(...checked.problems.filter((problem) => !isConsequence(problem.path, resolved.problems)));
    // Sources are checked as far as they can be, so that all problems are reported at once.
    problems.push(...(await checkSources(toCheck)).problems);
    throw refuse(problems);
  }
  const sources = await checkSources(toCheck, checked.output.sources);
  problems.push(...sources.problems, ...crossChecks(checked.output), ...unknownSources(checked.output, sources.named));
  if (problems.length > 0) throw refuse(problems);

  const { web, ledger, tokens, grafana, ...rest } = checked.output;
  const within = text === undefined ? cwd : baseDirectory;
  const dataDirGiven = z.object({ ledger: z.object({ data_dir: z.string() }) }).safeParse(resolved.value).success;
  return {
    ...rest,
    ...(text === undefined ? {} : { file }),
    web: { ...web, ...resolveWebConfigFile(web.config_file, flags.webConfigFile === undefined ? within : cwd) },
    // The default directory belongs to where the process runs: a file in /etc must not put data there.
    ledger: { ...ledger, data_dir: resolve(dataDirGiven ? within : cwd, ledger.data_dir) },
    tokens: tokens.map(hashToken),
    ...(grafana === undefined ? {} : { grafana: withAbsoluteCa(grafana, within) }),
    sources: sources.sources,
  };
}

async function readConfigFile(file: string, path: string | undefined): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' && path === undefined) return undefined;
    const remedy =
      code === 'ENOENT' ? 'found no such file, expected the configuration there' : `cannot be read: ${code}`;
    throw new ConfigError(path ?? DEFAULT_CONFIG_FILE, [{ path: [], message: `${remedy} (${file})` }], {
      cause: error,
    });
  }
}

function parseYaml(text: string, file: string): YamlFile {
  const yaml = parseYamlFile(text);
  if (yaml.problems.length > 0) throw new ConfigError(file, yaml.problems);
  return yaml;
}

function resolveWebConfigFile(file: string | undefined, directory: string): { config_file?: string } {
  return file === undefined ? {} : { config_file: resolve(directory, file) };
}

function withAbsoluteCa({ ca_file, ...grafana }: GrafanaConfig, directory: string): GrafanaConfig {
  return ca_file === undefined ? grafana : { ...grafana, ca_file: resolve(directory, ca_file) };
}

function rawSources(value: unknown): readonly unknown[] {
  const parsed = z.object({ sources: z.array(z.unknown()) }).safeParse(value);
  return parsed.success ? parsed.data.sources : [];
}

interface SourcesToCheck {
  readonly entries: readonly unknown[];
  readonly schemas: Readonly<Record<string, z.ZodType>>;
  readonly resolved: { readonly interpolated: ReadonlySet<string>; readonly problems: readonly ConfigProblem[] };
  /** What relative file names are relative to. */
  readonly baseDirectory: string;
}

/** A place where an entry names another source. */
interface NamedSource {
  readonly path: ConfigPath;
  readonly text: string;
}

async function checkSources(
  { entries, schemas, resolved, baseDirectory }: SourcesToCheck,
  shared: FileConfig['sources'] = [],
): Promise<{ sources: SourceConfig[]; named: NamedSource[]; problems: ConfigProblem[] }> {
  const sources: SourceConfig[] = [];
  const named: NamedSource[] = [];
  const problems: ConfigProblem[] = [];
  for (const [index, raw] of entries.entries()) {
    const at: ConfigPath = ['sources', index];
    const entry = z.looseObject({ type: z.string() }).safeParse(raw);
    // Without a type there is nothing to check it against; the file's own schema reports that.
    if (!entry.success) continue;
    const schema = Object.hasOwn(schemas, entry.data.type) ? schemas[entry.data.type] : undefined;
    if (schema === undefined) {
      const message = `found ${JSON.stringify(entry.data.type)}, expected one of ${Object.keys(schemas).join(', ')}`;
      problems.push({ path: [...at, 'type'], message });
      continue;
    }
    const own = withAbsoluteFiles(ownKeys(entry.data, schema), schema, baseDirectory);
    named.push(...namedTexts(schema, own, 'source').map(({ path, text }) => ({ path: [...at, ...path], text })));
    const options = await checkValue(schema, own, resolved.interpolated, at);
    const common = shared[index];
    if (!options.ok) {
      const located = options.problems.map((problem) => ({ ...problem, path: [...at, ...problem.path] }));
      problems.push(...located.filter((problem) => !isConsequence(problem.path, resolved.problems)));
    } else if (common !== undefined) {
      const { name, type, poll_interval, timeout, cost_from, timezone, pause } = common;
      sources.push({
        name,
        type,
        poll_interval,
        timeout,
        ...(cost_from === undefined ? {} : { cost_from }),
        ...(timezone === undefined ? {} : { timezone }),
        ...(pause === undefined ? {} : { pause }),
        options: options.output,
      });
    }
  }
  return { sources, named, problems };
}

function withAbsoluteFiles(own: unknown, schema: z.ZodType, baseDirectory: string): unknown {
  return namedTexts(schema, own, 'file').reduce(
    // What is empty names nothing, and is left to the schema.
    (value, { path, text }) => (text === '' ? value : withValueAt(value, path, resolve(baseDirectory, text))),
    own,
  );
}

/** The entry without the shared keys, except those that the type's schema names itself (say `timezone`). */
function ownKeys(entry: Readonly<Record<string, unknown>>, schema: z.ZodType): Record<string, unknown> {
  const named = schema instanceof z.ZodObject ? schema.shape : {};
  return Object.fromEntries(Object.entries(entry).filter(([key]) => !SHARED_SOURCE_KEYS.has(key) || key in named));
}

/** What no single value shows: names that stand twice, rules that need each other. */
function crossChecks(config: FileConfig): ConfigProblem[] {
  const problems = [
    ...duplicates(
      config.sources.map(({ name }) => name),
      ['sources'],
      'name',
    ),
    ...duplicates(
      config.tokens.map(({ name }) => name),
      ['tokens'],
      'name',
    ),
    ...duplicates(
      config.tokens.map((token) => hashToken(token).sha256),
      ['tokens'],
      'token',
    ),
  ];
  if (config.metrics.require_token && config.tokens.length === 0) {
    problems.push({
      path: ['metrics', 'require_token'],
      message: 'found true and no tokens, expected a token of role viewer under tokens:',
    });
  }
  return [...problems, ...identityChecks(config), ...budgetProblems(config)];
}

function identityChecks({ grafana, tokens }: FileConfig): ConfigProblem[] {
  if (grafana === undefined) {
    return tokens.flatMap(({ require_identity }, index) => {
      const message = 'found true and no grafana:, expected one whose signed identities are to be required';
      return require_identity ? [{ path: ['tokens', index, 'require_identity'], message }] : [];
    });
  }
  const { users, teams } = grafana;
  const named = (['login', 'email', 'subject'] as const).flatMap((key) => {
    const names = users.map((user) => user[key]?.toLowerCase());
    return duplicates(names, ['grafana', 'users'], key);
  });
  const teamNames = teams.map(({ name }) => name);
  return [...named, ...duplicates(teamNames, ['grafana', 'teams'], 'name')];
}

/** Another source that an entry names is one of the file, or one that an ingest token of the file pushes for. */
function unknownSources({ sources, tokens }: FileConfig, named: readonly NamedSource[]): ConfigProblem[] {
  const pushed = tokens.flatMap((token) => token.sources ?? []);
  return named.flatMap(({ path, text }) => {
    const [, index] = path;
    const others = [...sources.filter((_, at) => at !== index).map(({ name }) => name), ...pushed];
    if (others.includes(text)) return [];
    const expected =
      others.length === 0
        ? 'and there is no other source'
        : `expected one of ${[...new Set(others)].sort().join(', ')}`;
    const remedy = 'correct it, add it under sources:, or where it is pushed to the sources: of its ingest token';
    return [{ path, message: `found ${JSON.stringify(text)}, ${expected}; ${remedy}` }];
  });
}

function duplicates(values: readonly (string | undefined)[], path: ConfigPath, key: string): ConfigProblem[] {
  return values.flatMap((value, index) => {
    const first = values.indexOf(value);
    if (value === undefined || first === index) return [];
    const message = `the same ${key} as ${formatPath([...path, first])}, expected each to be unique`;
    return [{ path: [...path, index, key], message }];
  });
}

function hashToken({
  token,
  token_sha256,
  name,
  role,
  sources,
  projects,
  require_identity,
}: FileConfig['tokens'][number]): TokenRule {
  return {
    name,
    role,
    sha256:
      token_sha256?.toLowerCase() ??
      createHash('sha256')
        .update(token ?? '')
        .digest('hex'),
    ...(sources === undefined ? {} : { sources }),
    ...(projects === undefined ? {} : { projects }),
    ...(require_identity ? { require_identity } : {}),
  };
}

/** A value that could not be resolved is missing afterwards: that is said once. */
function isConsequence(path: ConfigPath, earlier: readonly ConfigProblem[]): boolean {
  return earlier.some(({ path: cause }) => {
    const place = cause.map((part) => (typeof part === 'string' ? part.replace(/_file$/, '') : part));
    return path.every((part, index) => part === place[index]) && path.length >= place.length - 1;
  });
}

function withLines(problems: readonly ConfigProblem[], yaml: YamlFile): ConfigProblem[] {
  const located = problems.map(({ path, message }) => {
    const line = yaml.lineOf(path);
    return line === undefined ? { path, message } : { path, line, message };
  });
  return located.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
