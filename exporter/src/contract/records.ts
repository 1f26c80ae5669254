import { z } from 'zod';
import { amount, count, day, flag, instant, json, name, ratio, score, text } from './fields.ts';
import { CHAIN_STATUSES, SANDBOX_STATUSES, STATUSES } from './status.ts';

/**
 * The one model of what the platforms record. Each entry of {@link RECORD_KINDS} says how the record is keyed and which
 * fields it has; events, storage, API types and JSON Schema derive from it. Durations are seconds, money is USD, sizes are
 * bytes; an absent field is unknown. Every record also carries `source`, and `attributes` for what has no field of its own.
 */
const status = z.enum(STATUSES);

/** Scores of an evaluation. */
export const quality = z.looseObject({
  correctness: score.optional(),
  typeSafety: score.optional(),
  codeStyle: score.optional(),
  testCoverage: score.optional(),
  completeness: score.optional(),
  composite: score.optional(),
  threshold: score.optional(),
  thresholdMet: flag.optional(),
  weights: z.record(z.string(), z.number()).optional(),
});

export const ERROR_SURFACES = ['sandbox', 'run', 'step', 'pr', 'learning_extraction'] as const;
export const ERROR_CATEGORIES = [
  'api_key',
  'template_not_found',
  'timeout',
  'rate_limit',
  'git_push',
  'network',
  'validation',
  'out_of_memory',
  'other',
] as const;
export type ErrorCategory = (typeof ERROR_CATEGORIES)[number];

const error = z.looseObject({
  surface: z.enum(ERROR_SURFACES).optional(),
  category: z.enum(ERROR_CATEGORIES).optional(),
  message: text.optional(),
  stepId: name.optional(),
});

export const PULL_REQUEST_STATUSES = ['none', 'created', 'merged', 'failed', 'blocked_on_ci', 'closed'] as const;
export const CI_STATUSES = ['passing', 'failing', 'pending'] as const;

const pullRequest = z.looseObject({
  url: text.optional(),
  number: count.optional(),
  status: z.enum(PULL_REQUEST_STATUSES).optional(),
  error: text.optional(),
  createdAt: instant.optional(),
  mergedAt: instant.optional(),
  blockedSince: instant.optional(),
});

const ci = z.looseObject({
  status: z.enum(CI_STATUSES).optional(),
  checks: z
    .array(
      z.looseObject({
        name,
        status: name.optional(),
        conclusion: name.nullish().transform((c) => c ?? undefined),
        url: text.optional(),
      }),
    )
    .optional(),
  checkedAt: instant.optional(),
});

/** Where a run comes from. */
export const RUN_ORIGINS = ['workflow', 'sprint', 'sandbox', 'merge_agent', 'issue', 'pr', 'web', 'other'] as const;
export const OUTPUT_ROLES = ['assistant', 'tool', 'user', 'system', 'error', 'stdout', 'stderr'] as const;
export const ADAPTER_RESULTS = ['ok', 'auth', 'network', 'schema', 'rate_limit', 'server', 'other'] as const;
export const NOTIFICATION_TYPES = [
  'run_completed',
  'run_failed',
  'pr_created',
  'pr_merged',
  'pr_failed',
  'member_joined',
  'workflow_completed',
  'sprint_completed',
  'sprint_failed',
] as const;

/** What an audit event may be of; any other action keeps its own word. */
export const AUDIT_ACTIONS = [
  'session_launch',
  'persona_edit',
  'budget_override',
  'pr_merge',
  'budget_acknowledge',
] as const;

const run = {
  runId: name,
  project: name,
  name: text,
  origin: z.enum(RUN_ORIGINS),
  trigger: name,
  workflow: name,
  persona: name,
  model: name,
  provider: name,
  triggerRunId: name,
  issueSessionId: name,
  promptPreview: text,
  prompt: text,
  referenceImages: z.array(z.unknown()),
  config: json,
  metadata: json,
  status,
  rawStatus: text,
  createdAt: instant,
  startedAt: instant,
  finishedAt: instant,
  iterations: count,
  attempts: count,
  chainId: name,
  sprintIndex: count,
  sandboxId: name,
  pullRequest,
  ci,
  quality,
  error,
  costUsd: amount,
  inputTokens: count,
  outputTokens: count,
  counts: z.looseObject({
    candidates: count.optional(),
    scenarios: count.optional(),
    evaluations: count.optional(),
    filesChanged: count.optional(),
    linesAdded: count.optional(),
    linesRemoved: count.optional(),
  }),
  resourceBreakdown: json,
  notes: z.array(z.unknown()),
  exitCode: z.number().int(),
  commitSha: text,
  artifacts: z.array(z.looseObject({ name: text, path: text.optional(), bytes: amount.optional() })),
  /** What it changed, a unified diff, where its source keeps that. */
  diff: text,
  links: z.looseObject({
    source: text.optional(),
    trigger: text.optional(),
    sentry: text.optional(),
    trace: text.optional(),
  }),
  acknowledgedAt: instant,
  acknowledgedBy: text,
  /** What who acknowledged its failure wrote about it. */
  acknowledgedNote: text,
  usageMissing: flag,
};

const step = {
  runId: name,
  stepId: name,
  index: count,
  iteration: count,
  name: text,
  role: name,
  verb: name,
  tool: name,
  model: name,
  status,
  rawStatus: text,
  startedAt: instant,
  finishedAt: instant,
  attempt: count,
  verdict: z.looseObject({ passed: flag.optional(), feedback: text.optional() }),
  quality,
  error,
  costUsd: amount,
  inputTokens: count,
  outputTokens: count,
};

const output = {
  runId: name,
  sandboxId: name,
  stepId: name,
  seq: count,
  at: instant,
  role: z.enum(OUTPUT_ROLES),
  text,
  state: z.enum(['streaming', 'completed', 'error']),
};

const chain = {
  chainId: name,
  project: name,
  name: text,
  workflow: name,
  status: z.enum(CHAIN_STATUSES),
  rawStatus: text,
  sprintCount: count,
  currentSprintIndex: count,
  resumeFromSprint: count,
  failedSprintIndex: count,
  sprints: z.array(
    z.looseObject({
      index: count,
      name: text.optional(),
      runId: name.optional(),
      status: status.optional(),
      startedAt: instant.optional(),
      finishedAt: instant.optional(),
      prUrl: text.optional(),
    }),
  ),
  createdAt: instant,
  finishedAt: instant,
  costUsd: amount,
};

const sandbox = {
  sandboxId: name,
  project: name,
  origin: name,
  config: json,
  status: z.enum(SANDBOX_STATUSES),
  rawStatus: text,
  template: name,
  createdAt: instant,
  startedAt: instant,
  endedAt: instant,
  runId: name,
  /** The source that also tells of this sandbox, and counts it: here it is shown, not counted. */
  countedBy: name,
  cpuCount: amount,
  memoryBytes: amount,
  diskBytes: amount,
  cpuUsedRatio: ratio,
  memoryUsedBytes: amount,
  pullRequest,
  error,
  learningExtractionError: text,
};

const usage = {
  usageId: name,
  project: name,
  runId: name,
  stepId: name,
  sandboxId: name,
  chainId: name,
  issueSessionId: name,
  persona: name,
  service: name,
  date: day,
  quantity: amount,
  unit: name,
  costUsd: amount,
  tool: name,
  model: name,
  stepType: name,
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count,
  cacheWriteTokens: count,
  reasoningTokens: count,
  durationSeconds: amount,
};

const queue = {
  queue: name,
  at: instant,
  due: count,
  deferred: count,
  inProgress: count,
  oldestDueAt: instant,
  workers: count,
  concurrencyLimit: count,
  enqueuedTotal: count,
  completedTotal: count,
  failedTotal: count,
  retriedTotal: count,
  /** Changes when the server that counts restarted; without it a fall of a total says so. */
  serverRunId: name,
};

const job = {
  queue: name,
  jobId: name,
  enqueuedAt: instant,
  startedAt: instant,
  finishedAt: instant,
  result: z.enum(['complete', 'failed', 'retried']),
  tries: count,
  /** The source whose run this job executes: the run that has this job's id as its `triggerRunId`. */
  runSource: name,
};

const errorGroup = {
  fingerprint: name,
  component: name,
  project: name,
  title: text,
  kind: z.enum(['new', 'regressed']),
  /** How often it came back after it was resolved, where that is known. */
  regressions: count.max(1_000),
  firstSeenAt: instant,
  lastSeenAt: instant,
  count,
  url: text,
};

const approval = {
  approvalId: name,
  project: name,
  workflow: name,
  runId: name,
  requestedAt: instant,
  decidedAt: instant,
  decision: z.enum(['approved', 'rejected', 'expired']),
  actor: text,
  policy: text,
  slaSeconds: amount,
};

const notification = {
  notificationId: name,
  project: name,
  user: name,
  type: z.enum(NOTIFICATION_TYPES),
  title: text,
  runId: name,
  chainId: name,
  createdAt: instant,
  readAt: instant,
  dismissedAt: instant,
};

const audit = {
  auditId: name,
  actor: text,
  action: name,
  project: name,
  target: text,
  at: instant,
  request: z.unknown(),
};

const store = {
  store: name,
  at: instant,
  up: flag,
  hitsTotal: count,
  missesTotal: count,
  evictionsTotal: count,
  memoryBytes: amount,
  keys: count,
  latencySeconds: amount,
  error: z.looseObject({ kind: z.enum(['connection', 'timeout', 'other']).optional(), message: text.optional() }),
  serverRunId: name,
};

/** What a service of the platform says about itself (its own health endpoint). */
const service = {
  service: name,
  at: instant,
  /** It answered and said that it is well. */
  up: flag,
  rawStatus: text,
  version: text,
  uptimeSeconds: amount,
  latencySeconds: amount,
  components: z.record(
    z.string(),
    z.looseObject({
      up: flag.optional(),
      rawStatus: text.optional(),
      latencySeconds: amount.optional(),
      error: text.optional(),
    }),
  ),
  error: z.looseObject({ kind: z.enum(['connection', 'timeout', 'other']).optional(), message: text.optional() }),
};

const adapter = {
  adapter: name,
  /** What the call was part of (a task run, say); tells two calls of one result at one moment apart. */
  eventId: name,
  at: instant,
  project: name,
  result: z.enum(ADAPTER_RESULTS),
  count,
  latencySeconds: amount,
  message: text,
};

const rateLimit = {
  project: name,
  layer: z.enum(['ip', 'repo']),
  /** Tells two decisions of one layer at one moment apart. */
  eventId: name,
  at: instant,
  limited: flag,
  /** Requests that were decided so; absent: one. */
  count,
  limit: count,
  remaining: count,
  resetAt: instant,
};

const platformError = {
  errorId: name,
  component: name,
  project: name,
  level: name,
  message: text,
  fingerprint: name,
  firstSeenAt: instant,
  runId: name,
  requestId: name,
  at: instant,
};

const project = {
  project: name,
  name: text,
  repository: text,
  workflows: count,
  members: count,
  pendingInvitations: count,
  totalRuns: count,
  completedRuns: count,
  failedRuns: count,
  totalSandboxes: count,
  activeSandboxes: count,
};

const dailyStat = {
  project: name,
  date: day,
  sandboxesCreated: count,
  runsCreated: count,
  runsCompleted: count,
  runsFailed: count,
  iterations: count,
  workflowsCreated: count,
};

const blueprint = {
  project: name,
  name: text,
  version: name,
  lastUsedAt: instant,
  archivedAt: instant,
  maxIterations: count,
  scoreWeights: z.record(z.string(), z.number()),
  scoreThreshold: score,
  approvalSlaSeconds: amount,
};
const workflow = { workflow: name, ...blueprint };
const persona = { persona: name, ...blueprint };

/**
 * `key`: the fields that identify a record within its source, in this order; one that is in `optionalKey` may be absent.
 * `at`: the record carries the time of its event. `sample`: each event is a reading of one thing (the record is its latest
 * reading), and past readings are kept for the retention of samples.
 */
interface KindDefinition {
  readonly key: readonly string[];
  readonly optionalKey?: readonly string[];
  readonly fields: z.ZodRawShape;
  readonly at?: true;
  readonly sample?: true;
}

export const RECORD_KINDS = {
  run: { key: ['runId'], fields: run },
  step: { key: ['runId', 'stepId'], fields: step },
  output: {
    key: ['runId', 'sandboxId', 'stepId', 'seq'],
    optionalKey: ['runId', 'sandboxId', 'stepId'],
    fields: output,
    at: true,
  },
  chain: { key: ['chainId'], fields: chain },
  sandbox: { key: ['sandboxId'], fields: sandbox },
  usage: { key: ['usageId'], fields: usage },
  queue: { key: ['queue'], fields: queue, at: true, sample: true },
  job: { key: ['queue', 'jobId'], fields: job },
  errorGroup: { key: ['fingerprint'], fields: errorGroup },
  approval: { key: ['approvalId'], fields: approval },
  notification: { key: ['notificationId'], fields: notification },
  audit: { key: ['auditId'], fields: audit, at: true },
  store: { key: ['store'], fields: store, at: true, sample: true },
  // Two results of one adapter at one moment are two records, so project and result belong to the key.
  adapter: {
    key: ['adapter', 'project', 'result', 'at', 'eventId'],
    optionalKey: ['project', 'eventId'],
    fields: adapter,
    at: true,
  },
  service: { key: ['service'], fields: service, at: true, sample: true },
  rateLimit: {
    key: ['project', 'layer', 'at', 'eventId'],
    optionalKey: ['project', 'eventId'],
    fields: rateLimit,
    at: true,
  },
  platformError: { key: ['errorId'], fields: platformError, at: true },
  project: { key: ['project'], fields: project },
  dailyStat: { key: ['project', 'date'], fields: dailyStat },
  workflow: { key: ['workflow', 'project'], optionalKey: ['project'], fields: workflow },
  persona: { key: ['persona', 'project'], optionalKey: ['project'], fields: persona },
} as const satisfies Record<string, KindDefinition>;

export type Kind = keyof typeof RECORD_KINDS;
export const KINDS = Object.keys(RECORD_KINDS) as readonly Kind[];

export function isKind(value: unknown): value is Kind {
  return typeof value === 'string' && Object.hasOwn(RECORD_KINDS, value);
}

export function definitionOf(kind: Kind): KindDefinition {
  return RECORD_KINDS[kind];
}

type Fields<K extends Kind> = {
  [F in keyof (typeof RECORD_KINDS)[K]['fields']]?: z.output<(typeof RECORD_KINDS)[K]['fields'][F] & z.ZodType>;
};

/** A record as it is kept and answered: known fields, `attributes` for the rest. A field that is absent is unknown. */
export type RecordOf<K extends Kind> = Fields<K> & { source: string; attributes?: Record<string, unknown> };
export type RunRecord = RecordOf<'run'>;
export type StepRecord = RecordOf<'step'>;
export type OutputRecord = RecordOf<'output'>;
export type ChainRecord = RecordOf<'chain'>;
