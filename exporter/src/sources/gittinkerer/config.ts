import { z } from 'zod';
import { byteSize, filePath, positiveDurationMs, positiveInteger } from '../../config/fieldTypes.ts';
import { compileKeyPattern } from './redis/keyPattern.ts';

const identifier = z.string().regex(/^[A-Za-z_][A-Za-z0-9_$]{0,62}$/, {
  error: 'expected the name of a table or column: letters, digits, _ and $',
});

/**
 * The columns of `runs` with a meaning here, each with the names that are looked for in this order. The document names the first
 * five; the others were not seen, and are used where a table has them.
 */
export const RUN_COLUMNS = {
  run_id: ['run_id'],
  status: ['status'],
  source: ['source'],
  created_at: ['created_at'],
  finished_at: ['finished_at'],
  artifacts_dir: ['artifacts_dir'],
  started_at: ['started_at'],
  updated_at: ['updated_at'],
  project: ['repo', 'repository', 'repo_full_name', 'project'],
  pr_number: ['pr_number'],
  exit_code: ['exit_code'],
  error: ['error', 'error_message'],
} as const;
export type RunColumn = keyof typeof RUN_COLUMNS;
const RUN_COLUMN_NAMES = Object.keys(RUN_COLUMNS) as [RunColumn, ...RunColumn[]];

const keyPattern = z.string().refine((pattern) => compileKeyPattern(pattern) !== undefined, {
  error: 'expected the name of a key with one {repo} or {ip} in it, such as rate-limit:{repo}',
});

const rateLimits = z
  .strictObject({
    /** Not seen: how the service names its keys. `{repo}` or `{ip}` stands for who is limited. */
    keys: z.array(keyPattern).default(['rate-limit:{repo}', 'fastify-rate-limit-{ip}']),
    /** RATE_LIMIT_MAX of the service. */
    max: positiveInteger.default(5),
  })
  .prefault({});

const service = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'expected the base URL of the service, such as http://localhost:3000' }),
  /** Shown as the label `service`. */
  name: z.string().min(1).default('gittinkerer'),
  token: z.string().min(1).optional(),
  health_path: z.string().startsWith('/').default('/health'),
  /** null: not asked. */
  rate_limit_path: z.string().startsWith('/').nullable().default('/api/rate-limit'),
  /** The service lets an address ask five times a minute, health included. */
  interval: positiveDurationMs.prefault('60s'),
  timeout: positiveDurationMs.prefault('5s'),
  healthy: z.array(z.string().min(1)).default(['ok', 'healthy', 'up', 'pass']),
  latency_unit: z.enum(['ms', 's']).default('ms'),
});

const artifacts = z.strictObject({
  /** The directory that holds the runs' directories, as this process sees it. */
  path: filePath,
  /** The same directory as the service writes it down, where paths elsewhere should be refused. */
  recorded_path: z.string().startsWith('/').optional(),
  /** Deliveries of webhooks, below `path`; null: not read. */
  deliveries: z
    .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/))
    .nonempty()
    .nullable()
    .default(['runs', 'github-deliveries']),
  max_file: byteSize.prefault('4MiB'),
  /** Files of deliveries that are read in one poll. */
  deliveries_per_poll: positiveInteger.default(2_000),
});

export const configSchema = z
  .strictObject({
    database_url: z
      .string()
      .regex(/^postgres(?:ql)?:\/\//, { error: 'expected a URL that starts with postgres:// or postgresql://' })
      .optional(),
    redis_url: z
      .string()
      .regex(/^rediss?:\/\//, { error: 'expected a URL that starts with redis:// or rediss://' })
      .optional(),
    service: service.optional(),
    artifacts: artifacts.optional(),
    schema: identifier.optional(),
    runs: z
      .strictObject({
        table: identifier.default('runs'),
        columns: z.partialRecord(z.enum(RUN_COLUMN_NAMES), identifier.nullable()).default({}),
      })
      .prefault({}),
    run_metrics: z
      .strictObject({ table: identifier.default('run_metrics') })
      .nullable()
      .prefault({}),
    paused_repos: z
      .strictObject({ table: identifier.default('paused_repos') })
      .nullable()
      .prefault({}),
    paused_run_targets: z
      .strictObject({ table: identifier.default('paused_run_targets') })
      .nullable()
      .prefault({}),
    rate_limits: rateLimits,
    run_status_prefix: z.string().min(1).default('run-status:'),
    scan_keys: positiveInteger.default(50_000),
    page_size: positiveInteger.max(1_000).default(200),
    overlap: positiveDurationMs.prefault('10m'),
    statement_timeout: positiveDurationMs.prefault('25s'),
  })
  .refine(
    ({ database_url, redis_url, service: url, artifacts: directory }) =>
      [database_url, redis_url, url, directory].some((part) => part !== undefined),
    { error: 'expected one or more of database_url, redis_url, artifacts and service; found none' },
  );

export type GittinkererConfig = z.output<typeof configSchema>;
export type ServiceConfig = NonNullable<GittinkererConfig['service']>;
export type ArtifactsConfig = NonNullable<GittinkererConfig['artifacts']>;
