import { z } from 'zod';
import { OWN_SOURCE } from '../contract/ownSource.ts';
import { budgetActions, budgetsSchema, pauseWebhook } from './budgetsSchema.ts';
import {
  byteSize,
  durationMs,
  listenAddress,
  networkAddress,
  positiveDurationMs,
  positiveInteger,
  timeZone,
} from './fieldTypes.ts';
import { grafanaSchema } from './grafanaSchema.ts';
import { ROLES } from './roles.ts';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Below this a token can be guessed, and a plain SHA-256 of it reversed. */
const MIN_TOKEN_LENGTH = 16;

const name = z.string().regex(/^[a-zA-Z0-9_.-]{1,64}$/, { error: 'expected 1 to 64 of a-z, A-Z, 0-9, _ . -' });

const webSchema = z
  .strictObject({
    listen_address: z
      .union([listenAddress.transform((address) => [address]), z.array(listenAddress).nonempty()])
      .prefault('127.0.0.1:9960'),
    config_file: z.string().min(1).optional(),
    external_url: z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' }).optional(),
    /** Whose X-Forwarded-For is believed. */
    trusted_proxies: z.array(networkAddress).default([]),
  })
  .prefault({});

const ledgerSchema = z
  .strictObject({
    database_url: z
      .string()
      .regex(/^postgres(?:ql)?:\/\//, { error: 'expected a URL that starts with postgres:// or postgresql://' })
      .optional(),
    data_dir: z.string().min(1).default('data'),
    retention: z
      .strictObject({
        output: positiveDurationMs.prefault('14d'),
        output_bytes_per_run: byteSize.prefault('64MiB'),
        samples: positiveDurationMs.prefault('7d'),
        runs: positiveDurationMs.prefault('400d'),
        changes: positiveDurationMs.prefault('24h'),
      })
      .prefault({}),
    dedupe_window: positiveDurationMs.prefault('35d'),
    lost_after: positiveDurationMs.prefault('24h'),
    settle_after: durationMs.prefault('5m'),
  })
  .prefault({});

const ingestSchema = z
  .strictObject({
    max_event_bytes: byteSize.prefault('1MB'),
    max_body_bytes: byteSize.prefault('10MB'),
    max_queue_bytes: byteSize.prefault('64MiB'),
    max_depth: positiveInteger.default(64),
    max_field_bytes: byteSize.prefault('256KiB'),
  })
  .refine((ingest) => ingest.max_event_bytes <= ingest.max_body_bytes, {
    path: ['max_event_bytes'],
    error: 'expected at most max_body_bytes: an event travels in a body',
  })
  .refine((ingest) => ingest.max_body_bytes <= ingest.max_queue_bytes, {
    path: ['max_queue_bytes'],
    error: 'expected at least max_body_bytes: the largest body has to fit into the queue',
  })
  .prefault({});

const familyName = z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, { error: 'expected the name of a metric family' });
const metricsSchema = z
  .strictObject({
    max_series: positiveInteger.default(20_000),
    family_share: z.number().gt(0).max(1).default(0.25),
    max_series_by_family: z.record(familyName, positiveInteger).default({}),
    allow: z.array(familyName).default([]),
    deny: z.array(familyName).default([]),
    series_idle: positiveDurationMs.prefault('30d'),
    max_concurrent_scrapes: positiveInteger.default(40),
    require_token: z.boolean().default(false),
  })
  .prefault({});

const tokenSchema = z
  .strictObject({
    name,
    role: z.enum(ROLES),
    token: z
      .string()
      .min(MIN_TOKEN_LENGTH, {
        error: `expected at least ${MIN_TOKEN_LENGTH} characters; \`openssl rand -hex 32\` makes a good one`,
      })
      .regex(/^[\x21-\x7e]+$/, { error: 'expected printable ASCII without spaces, as an HTTP header can carry' })
      .optional(),
    token_sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, { error: 'expected 64 hexadecimal digits' })
      .optional(),
    sources: z.array(name).nonempty().optional(),
    projects: z.array(z.string().min(1)).nonempty().optional(),
    /** Good only together with Grafana's signed identity: the token of the data source. */
    require_identity: z.boolean().default(false),
  })
  .superRefine((rule, context) => {
    if ((rule.token === undefined) === (rule.token_sha256 === undefined)) {
      const found = rule.token === undefined ? 'none' : 'both';
      context.addIssue({
        code: 'custom',
        message: `expected one of token, token_file or token_sha256, found ${found}`,
      });
    }
    if (rule.sources !== undefined && rule.role !== 'ingest') {
      context.addIssue({
        code: 'custom',
        path: ['sources'],
        message: `only an ingest token is bound to sources, and this token's role is ${rule.role}; use projects to limit what it reads`,
      });
    }
  });

const sourceSchema = z.looseObject({
  name: name.refine((text) => text !== OWN_SOURCE, {
    error: `expected another name: ${OWN_SOURCE} is the source of what the exporter records itself`,
  }),
  type: z.string().min(1),
  poll_interval: positiveDurationMs.prefault('15s'),
  timeout: positiveDurationMs.prefault('30s'),
  /** Which record a run's cost is taken from, where a source gives both. */
  cost_from: z.enum(['usage', 'run']).optional(),
  /** In which the source writes times and days without an offset. */
  timezone: timeZone.optional(),
  /** Where it is told that new sessions are paused, and that they are not any more. */
  pause: pauseWebhook.optional(),
});

/**
 * Requests of one address in a window: a hundred dashboards of 30 panels that refresh every 5 s, through one Grafana, or 600 a second.
 */
const DEFAULT_MAX = 36_000;
/** Requests about one source and project in a window: 20,000 a second, twice the single pushes that one exporter was seen to commit. */
const DEFAULT_PROJECT_MAX = 1_200_000;

const rateLimitSchema = z
  .strictObject({
    /** Requests of one address in a window; of one source and project too, where project_max does not say. */
    max: positiveInteger.optional(),
    project_max: positiveInteger.optional(),
    window: positiveDurationMs.prefault('60s'),
    /** With a host the counters are in Redis, and replicas share them. */
    redis_host: z.string().min(1).optional(),
    redis_port: z.int().min(1).max(65_535).default(6379),
    redis_password: z.string().min(1).optional(),
  })
  .transform((limits) => ({
    ...limits,
    max: limits.max ?? DEFAULT_MAX,
    project_max: limits.project_max ?? limits.max ?? DEFAULT_PROJECT_MAX,
  }))
  .prefault({});

const compatibleSchema = z
  .strictObject({
    /** The source of metrics that `POST /api/metrics/record` takes, where no source of type gittinkerer is configured. */
    metrics_source: name.default('gittinkerer'),
  })
  .prefault({});

/** The database lets no younger entry go, whatever is configured (migrations/0007_governance.sql). */
const LEAST_AUDIT_RETENTION_MS = 90 * 86_400_000;
const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'expected the name of an HTTP header' });

const auditSchema = z
  .strictObject({
    /** Absent: for ever. */
    retention: positiveDurationMs
      .refine((ms) => ms >= LEAST_AUDIT_RETENTION_MS, { error: 'expected at least 90d, or no retention at all' })
      .optional(),
    webhook: z
      .strictObject({
        /** It may carry a secret, as those of hosted collectors do: it is shown up to its host only. */
        url: z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' }),
        token: z.string().min(1).optional(),
        /** Their values are never shown. */
        headers: z.record(headerName, z.string().regex(/^[\x20-\x7e]*$/)).default({}),
        /** ndjson: one entry a line; json: an array. */
        format: z.enum(['ndjson', 'json']).default('ndjson'),
        timeout: positiveDurationMs.prefault('30s'),
      })
      .optional(),
  })
  .prefault({});

const approvalsSchema = z
  .strictObject({
    /** Within which an approval is to be decided, where neither it nor its workflow says so. */
    sla: positiveDurationMs.optional(),
    sla_by_workflow: z.record(z.string().min(1), positiveDurationMs).default({}),
  })
  .prefault({});

const qualitySchema = z
  .strictObject({
    /** A workflow's baseline is the median of so many evaluated runs, the first ones. */
    baseline_runs: positiveInteger.max(1_000).default(10),
    /** A run more than so many points below the baseline is flagged. */
    margin: z.number().min(0).max(100).default(10),
  })
  .prefault({});

const logSchema = z
  .strictObject({
    level: z.enum(LOG_LEVELS).default('info'),
    requests: z.boolean().default(false),
    health_requests: z.boolean().default(false),
  })
  .prefault({});

/** The whole file. Source entries keep their own keys here; each source type checks them with its own schema. */
export const fileSchema = z.strictObject({
  web: webSchema,
  ledger: ledgerSchema,
  ingest: ingestSchema,
  metrics: metricsSchema,
  rate_limit: rateLimitSchema,
  tokens: z.array(tokenSchema).default([]),
  grafana: grafanaSchema.optional(),
  sources: z.array(sourceSchema).default([]),
  budgets: budgetsSchema.optional(),
  /** Beside `budgets`, where CodeCourier's handbook writes it. */
  actions_on_exceed: budgetActions.optional(),
  compatible: compatibleSchema,
  audit: auditSchema,
  approvals: approvalsSchema,
  quality: qualitySchema,
  log: logSchema,
});

export type FileConfig = z.output<typeof fileSchema>;

/** The keys of a source that mean the same for every type. */
export const SHARED_SOURCE_KEYS: ReadonlySet<string> = new Set(Object.keys(sourceSchema.shape));
