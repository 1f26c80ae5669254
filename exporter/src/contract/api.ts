import { z } from 'zod';
import { amount, canonicalInstant, flag, MAX_NAME_LENGTH, score } from './fields.ts';
import { parsePlace } from './outputPlace.ts';
import {
  CI_STATUSES,
  definitionOf,
  ERROR_CATEGORIES,
  type Kind,
  type OutputRecord,
  PULL_REQUEST_STATUSES,
  quality,
  type RecordOf,
  type RunRecord,
} from './records.ts';
import { STATUSES } from './status.ts';

/**
 * The read API: what may be asked and what is answered. Routes check queries with these schemas, the plugin and the CLI take
 * their types, and `GET /openapi.json` is made from them.
 */

export const MAX_LIMIT = 500;
export const DEFAULT_LIMIT = 50;

export const text = z
  .string()
  .min(1)
  .max(MAX_NAME_LENGTH)
  .refine((value) => !value.includes('\0'), 'expected text without NUL characters');
/** A repeatable parameter: `?status=failed&status=timed_out`. */
export const many = <T extends z.ZodType>(item: T) =>
  z.preprocess((value) => (value === undefined || Array.isArray(value) ? value : [value]), z.array(item).max(100));
export const time = z
  .string()
  .transform((value, context) => {
    const canonical = canonicalInstant(value);
    if (canonical !== undefined) return canonical;
    context.issues.push({
      code: 'custom',
      input: value,
      message: 'expected an RFC 3339 time such as 2026-11-20T13:00:00Z',
    });
    return z.NEVER;
  })
  .meta({ type: 'string', format: 'date-time' });
export const wholeNumber = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

const limit = wholeNumber(1, MAX_LIMIT).default(DEFAULT_LIMIT).describe(`Records in a page, 1 to ${MAX_LIMIT}.`);
export const cursor = z
  .string()
  .min(1)
  .max(2048)
  .optional()
  .describe(
    '`nextCursor` of the page before, with the same filters and sort. Records that arrive meanwhile do not shift pages.',
  );
const sources = many(text).optional().describe('Only these sources. Repeatable.');
const projects = many(text).optional().describe('Only these projects. Repeatable.');
const since = time.optional().describe('From this time on (RFC 3339).');
const until = time.optional().describe('Before this time (RFC 3339).');

export const RUN_SORTS = ['created_at', 'started_at', 'finished_at', 'duration', 'cost', 'score'] as const;
export type RunSort = (typeof RUN_SORTS)[number];
export const SORT_ORDERS = ['desc', 'asc'] as const;
export type SortOrder = (typeof SORT_ORDERS)[number];

const least = (what: string, max: number) =>
  z.coerce.number().min(0).max(max).optional().describe(`Only runs whose ${what} is known and at least so much.`);
const most = (what: string, max: number) =>
  z.coerce.number().min(0).max(max).optional().describe(`Only runs whose ${what} is known and at most so much.`);
const yesOrNo = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .optional();

/** What runs are listed and counted by. */
const runFilters = {
  source: sources,
  project: projects,
  workflow: many(text).optional().describe('Only these workflows. Repeatable.'),
  persona: many(text).optional().describe('Only these personas. Repeatable.'),
  model: many(text).optional().describe('Only these models. Repeatable.'),
  origin: many(text).optional().describe('Only runs from these origins. Repeatable.'),
  status: many(z.enum(STATUSES)).optional().describe('Only runs in these statuses. Repeatable.'),
  chain_id: text.optional().describe('Only the runs of this chain.'),
  pr_status: many(z.enum(PULL_REQUEST_STATUSES))
    .optional()
    .describe('Only runs whose pull request is in these states; `blocked_on_ci`: it waits for its checks. Repeatable.'),
  ci_status: many(z.enum(CI_STATUSES)).optional().describe('Only runs whose checks are in these states. Repeatable.'),
  error_category: many(z.enum(ERROR_CATEGORIES))
    .optional()
    .describe('Only runs with an error of these categories. Repeatable.'),
  score_min: least('composite score', 100),
  score_max: most('composite score', 100),
  cost_min: least('cost, USD,', 1e9),
  cost_max: most('cost, USD,', 1e9),
  below_baseline: yesOrNo.meta({
    type: 'boolean',
    description:
      '`true`: only runs whose latest evaluation was more than the margin below its baseline; `false`: only the others.',
  }),
  unattended: yesOrNo.meta({
    type: 'boolean',
    description:
      '`true`: only failed or timed-out runs that nobody acknowledged and no later success of the same workflow and project resolved; `false`: only the others.',
  }),
  since: since.describe('Created at this time or later (RFC 3339).'),
  until: until.describe('Created before this time (RFC 3339).'),
  q: text
    .optional()
    .describe(
      'Words that occur, as they stand, in the run id, name, error message or prompt preview (their first 2,000 characters together).',
    ),
};

export const runsQuery = z.strictObject({
  ...runFilters,
  sort: z
    .enum(RUN_SORTS)
    .default('created_at')
    .describe('A run without the time, duration, cost or score that is sorted by counts as the least.'),
  order: z.enum(SORT_ORDERS).default('desc'),
  limit,
  cursor,
});
export type RunsQuery = z.output<typeof runsQuery>;

/** `GET /api/v1/runs/counts` */
export const runCountsQuery = z.strictObject(runFilters);
export type RunCountsQuery = z.output<typeof runCountsQuery>;
export const runCountsAnswer = z.object({
  total: z.number().int().nonnegative().describe('Of the statuses that are asked for.'),
  byStatus: z
    .partialRecord(z.enum(STATUSES), z.number().int().positive())
    .describe('By every status that occurs, whichever of them are asked for: what the other filters leave.'),
});
export type RunCountsAnswer = z.output<typeof runCountsAnswer>;

export const RUN_INCLUDES = ['steps', 'usage', 'spent', 'job', 'chain', 'sandboxes', 'approvals'] as const;
export const runQuery = z.strictObject({
  include: z
    .string()
    .transform((value) => value.split(',').map((part) => part.trim()))
    .pipe(z.array(z.enum(RUN_INCLUDES)))
    .optional()
    .meta({
      type: 'string',
      description:
        'What else to answer, comma-separated: `steps`, `usage`, `spent` (usage by step, service and model), `job` (what executes the run), `chain`, `sandboxes`, `approvals`.',
    }),
});
export type RunQuery = z.output<typeof runQuery>;

/** A run may have 10,000 steps, each of them short. */
const MAX_STEPS = 5_000;
export const stepsQuery = z.strictObject({
  limit: wholeNumber(1, MAX_STEPS).default(MAX_LIMIT).describe(`Steps in a page, 1 to ${MAX_STEPS}.`),
  cursor,
});
export type StepsQuery = z.output<typeof stepsQuery>;

/** Lines in a page of output; most are short. */
export const MAX_LINES = 2_000;
const outputWords = text.optional().describe('Only lines whose text holds these words as they stand, in either case.');
const place = z
  .string()
  .transform((value, context) => {
    const read = parsePlace(value);
    if (read !== undefined) return read;
    const message = 'expected the place of a line, such as 2026-11-20T13:00:00.000Z,12,plan';
    context.issues.push({ code: 'custom', input: value, message });
    return z.NEVER;
  })
  .optional()
  .meta({ type: 'string' });

export const outputQuery = z
  .strictObject({
    step: text.optional().describe('Only the output of this step (its stepId).'),
    after: wholeNumber(0, Number.MAX_SAFE_INTEGER)
      .optional()
      .describe('Only output whose `seq` is greater. `seq` numbers the output of one step, so give `step` with it.'),
    q: outputWords,
    tail: wholeNumber(1, MAX_LINES).optional().describe('Only the last so many, in order.'),
    before: place.describe(
      'The last lines before this place, in order; `earlier` says whether there are others before them. A place is `at`, `seq`, and percent-encoded `stepId` and `sandboxId` of a line, comma-separated.',
    ),
    from: place.describe('The first lines from this place on.'),
    limit: wholeNumber(1, MAX_LINES).default(DEFAULT_LIMIT).describe(`Lines in a page, 1 to ${MAX_LINES}.`),
    cursor,
  })
  .refine((query) => query.tail === undefined || query.cursor === undefined, {
    path: ['tail'],
    message: 'expected tail or cursor, not both: a tail has no next page',
  })
  .refine(({ tail, before, from, cursor }) => [tail ?? cursor, before, from].filter(Boolean).length <= 1, {
    path: ['before'],
    message: 'expected one of tail, cursor, before and from',
  });
export type OutputQuery = z.output<typeof outputQuery>;

export const OUTPUT_FORMATS = ['text', 'ndjson'] as const;
export const outputDownloadQuery = z.strictObject({
  format: z
    .enum(OUTPUT_FORMATS)
    .default('text')
    .describe('`text`: to be read, without what a terminal would obey; `ndjson`: a record a line, as it was printed.'),
  step: text.optional().describe('Only the output of this step (its stepId).'),
  q: outputWords,
});
export type OutputDownloadQuery = z.output<typeof outputDownloadQuery>;

export const samplesQuery = z.strictObject({
  since: since.describe('From this time on (RFC 3339). Default: an hour ago.'),
  until: until.describe('Before this time (RFC 3339).'),
  limit: limit.prefault(MAX_LIMIT),
  cursor,
});
export type SamplesQuery = z.output<typeof samplesQuery>;

export const RECORD_ORDERS = ['newest', 'oldest'] as const;

/** How the records of a kind are listed. */
export interface RecordListDefinition {
  readonly kind: Kind;
  /** What one of them is called in descriptions. */
  readonly noun: string;
  /** The field that lists are ordered by, newest first; absent: by source and key. */
  readonly time?: string;
  /** Query parameter -> field; each is repeatable. */
  readonly filters: Readonly<Record<string, string>>;
  /** What `state` may ask for, and what each means. */
  readonly states?: Readonly<Record<string, string>>;
  /** What is answered besides the fields of the record: it depends on the moment. */
  readonly computed?: z.ZodRawShape;
  /** Who may read it. Default: who may read. */
  readonly access?: 'admin';
  /** The list can also be read in the order of commits, so that an export misses nothing that arrives late. */
  readonly recorded?: true;
}

/** Every list besides runs, by its path: `GET /api/v1/<path>`. */
export const RECORD_LISTS = {
  steps: {
    kind: 'step',
    noun: 'step',
    filters: { run_id: 'runId', status: 'status', role: 'role', verb: 'verb', model: 'model' },
  },
  chains: { kind: 'chain', noun: 'chain', time: 'createdAt', filters: { status: 'status', workflow: 'workflow' } },
  sandboxes: {
    kind: 'sandbox',
    noun: 'sandbox',
    time: 'createdAt',
    filters: { status: 'status', run_id: 'runId', template: 'template', origin: 'origin' },
    states: {
      standalone:
        'created neither by a workflow (or a sprint of one) nor by an issue session, as its origin or its run’s says',
      workflow: 'created by a workflow or a sprint',
      issue: 'created by an issue session',
    },
  },
  usage: {
    kind: 'usage',
    noun: 'usage record',
    time: 'date',
    filters: {
      run_id: 'runId',
      chain_id: 'chainId',
      sandbox_id: 'sandboxId',
      service: 'service',
      model: 'model',
      persona: 'persona',
    },
  },
  queues: { kind: 'queue', noun: 'queue, as its latest sample says', filters: { queue: 'queue' } },
  jobs: { kind: 'job', noun: 'job', time: 'enqueuedAt', filters: { queue: 'queue', result: 'result' } },
  approvals: {
    kind: 'approval',
    noun: 'approval',
    time: 'requestedAt',
    filters: { run_id: 'runId', workflow: 'workflow', decision: 'decision' },
    states: {
      pending: 'asked for and not decided',
      overdue: 'pending for longer than its SLA',
      decided: 'decided or expired',
    },
    computed: {
      slaSeconds: amount.optional().describe('Its own, else that of its workflow.'),
      ageSeconds: amount.optional().describe('Since it was asked for; of a pending one.'),
      overdue: flag.optional().describe('Pending for longer than its SLA; of a pending one that has an SLA.'),
    },
  },
  notifications: {
    kind: 'notification',
    noun: 'notification',
    time: 'createdAt',
    filters: { user: 'user', type: 'type', run_id: 'runId', chain_id: 'chainId' },
    states: { unread: 'neither read nor dismissed', read: 'read and not dismissed', dismissed: 'dismissed' },
  },
  audit: {
    kind: 'audit',
    noun: 'audit event',
    time: 'at',
    filters: { actor: 'actor', action: 'action', target: 'target' },
    recorded: true,
    access: 'admin',
  },
  'error-groups': {
    kind: 'errorGroup',
    noun: 'group of errors',
    time: 'lastSeenAt',
    filters: { component: 'component', kind: 'kind' },
  },
  'platform-errors': {
    kind: 'platformError',
    noun: 'error that the platform logged',
    time: 'at',
    filters: { component: 'component', level: 'level', run_id: 'runId', fingerprint: 'fingerprint' },
  },
  adapters: {
    kind: 'adapter',
    noun: 'calls of an adapter',
    time: 'at',
    filters: { adapter: 'adapter', result: 'result' },
  },
  'rate-limits': { kind: 'rateLimit', noun: 'rate-limit decision', time: 'at', filters: { layer: 'layer' } },
  stores: { kind: 'store', noun: 'store, as its latest sample says', filters: { store: 'store' } },
  services: {
    kind: 'service',
    noun: 'service of a platform, as its own health endpoint says',
    filters: { service: 'service' },
  },
  projects: { kind: 'project', noun: 'project', filters: {} },
  'daily-stats': { kind: 'dailyStat', noun: 'day of a project', time: 'date', filters: {} },
  workflows: { kind: 'workflow', noun: 'workflow', filters: { workflow: 'workflow' } },
  personas: { kind: 'persona', noun: 'persona', filters: { persona: 'persona' } },
} as const satisfies Record<string, RecordListDefinition>;

export type RecordListName = keyof typeof RECORD_LISTS;
export const RECORD_LIST_NAMES = Object.keys(RECORD_LISTS) as readonly RecordListName[];

export function recordListOf(name: RecordListName): RecordListDefinition {
  return RECORD_LISTS[name];
}

/** What a list other than runs is asked for, after its parameters were checked. */
export interface RecordsQuery {
  readonly source?: readonly string[] | undefined;
  readonly project?: readonly string[] | undefined;
  /** Parameter -> values, of the list's own filters. */
  readonly filters: Readonly<Record<string, readonly string[]>>;
  /** One of the list's own states. */
  readonly state?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly order: 'newest' | 'oldest' | 'recorded';
  readonly limit: number;
  readonly cursor?: string | undefined;
}

const SCOPE_PARAMETERS: ReadonlySet<string> = new Set([
  'source',
  'project',
  'since',
  'until',
  'state',
  'order',
  'limit',
  'cursor',
]);

/** @returns the schema of a list's query string. */
export function recordsQuerySchema(name: RecordListName) {
  const { time: timeField, filters, recorded, states } = recordListOf(name);
  const orders = [...RECORD_ORDERS, ...(recorded ? (['recorded'] as const) : [])] as const;
  const shape: Record<string, z.ZodType> = {
    source: sources,
    project: projects.describe('Only records of these projects, their own or their run’s. Repeatable.'),
  };
  for (const [parameter, field] of Object.entries(filters)) {
    shape[parameter] = many(text).optional().describe(`Only records with this ${field}. Repeatable.`);
  }
  if (states !== undefined) {
    const meanings = Object.entries(states).map(([state, meaning]) => `\`${state}\`: ${meaning}`);
    shape.state = z
      .enum(Object.keys(states))
      .optional()
      .describe(`${meanings.join('; ')}.`);
  }
  if (timeField !== undefined) {
    shape.since = since.describe(`${timeField} at this time or later (RFC 3339).`);
    shape.until = until.describe(`${timeField} before this time (RFC 3339).`);
    shape.order = z
      .enum(orders)
      .default('newest')
      .describe(
        `By ${timeField}.${recorded ? ' `recorded`: in the order in which the ledger took them; then nextCursor is never null, so that it can be asked again later for what came since.' : ''}`,
      );
  }
  shape.limit = limit;
  shape.cursor = cursor;
  return z.strictObject(shape);
}

/** Sorts what {@link recordsQuerySchema} let through into scope and filters. */
export function toRecordsQuery(parsed: Readonly<Record<string, unknown>>): RecordsQuery {
  const { source, project, since: from, until: to, state, order = 'newest', limit: size, cursor: place } = parsed;
  const filters = Object.fromEntries(
    Object.entries(parsed).filter(([name, value]) => !SCOPE_PARAMETERS.has(name) && value !== undefined),
  );
  // The schema gave each of them its type.
  return { source, project, filters, since: from, until: to, state, order, limit: size, cursor: place } as RecordsQuery;
}

export const NO_QUERY = z.strictObject({});

function listOfKind(kind: Kind): RecordListDefinition | undefined {
  const name = RECORD_LIST_NAMES.find((list) => recordListOf(list).kind === kind);
  return name && recordListOf(name);
}

/** `GET /api/v1/notifications/unread-count` */
export const unreadQuery = z.strictObject({
  user: many(text).optional().describe('Only notifications of these users. Repeatable.'),
  project: projects,
});
export const unreadAnswer = z.object({ unread: z.number().int().nonnegative() });

/** The scores of a run, and what the ledger adds where it judged them. */
const judgedQuality = quality.extend({
  baseline: score.optional().describe('The baseline that the run was judged by; absent where there was none for it.'),
  belowBaseline: flag.optional().describe('More than the margin below it: to be looked at.'),
  belowBaselineBy: amount.optional().describe('Points below the baseline, of a run that is to be looked at.'),
});

const recordSchemas = new Map<Kind, z.ZodObject>();
/** @returns the schema of a record as it is answered: known fields, `source`, `attributes`. */
export function recordSchema(kind: Kind): z.ZodObject {
  let schema = recordSchemas.get(kind);
  if (schema === undefined) {
    const { fields, key, optionalKey } = definitionOf(kind);
    const shape: Record<string, z.ZodType> = { source: z.string() };
    for (const [field, type] of Object.entries(fields)) {
      const isRequired = key.includes(field) && !optionalKey?.includes(field);
      shape[field] = isRequired ? (type as z.ZodType) : (type as z.ZodType).optional();
    }
    Object.assign(shape, listOfKind(kind)?.computed);
    if (kind === 'run') shape.quality = judgedQuality.optional();
    shape.attributes = z.record(z.string(), z.unknown()).optional();
    schema = z.object(shape);
    recordSchemas.set(kind, schema);
  }
  return schema;
}

/** A page of a list. `nextCursor` is null where it was the last page. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

/** `GET /api/v1/runs/{source}/{id}/output`, `GET /api/v1/sandboxes/{source}/{id}/output` */
export interface OutputPage extends Page<OutputRecord> {
  /** Of a tail, or what is before a place: there are lines before the first of the page. */
  readonly earlier?: boolean;
  /** What the page holds is of this moment: `output:{source}/{id}@<position>` of the stream goes on from it. */
  readonly position: string;
}

/** The job that executes a run, as the source of the queue tells it. */
export interface ExecutingJob extends RecordOf<'job'> {
  /** Of a job that waits: its place among those that wait in its queue, from 1, by the time since which they do. */
  readonly queuePosition?: number;
}

/** What a run used, added up by step, service and model. */
export const spentBy = z.object({
  stepId: z.string().optional(),
  service: z.string().optional(),
  model: z.string().optional(),
  records: z.number().int().positive(),
  costUsd: amount.optional(),
  inputTokens: amount.optional(),
  outputTokens: amount.optional(),
  cacheReadTokens: amount.optional(),
  cacheWriteTokens: amount.optional(),
  reasoningTokens: amount.optional(),
});
export type SpentBy = z.output<typeof spentBy>;

/** `GET /api/v1/runs/{source}/{id}`: the run and what was asked to be included. */
export interface RunAnswer extends RunRecord {
  readonly steps?: readonly RecordOf<'step'>[];
  readonly usage?: readonly RecordOf<'usage'>[];
  readonly job?: ExecutingJob;
  readonly spent?: readonly SpentBy[];
  readonly chain?: RecordOf<'chain'>;
  readonly sandboxes?: readonly RecordOf<'sandbox'>[];
  readonly approvals?: readonly RecordOf<'approval'>[];
  /** What the platforms’ documents advise for its error. */
  readonly remedy?: string;
}

/** The body of every answer that is no success. `prunedAt`: when retention removed what was asked for. */
export const errorAnswer = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    requestId: z.string(),
    prunedAt: z.string().optional(),
  }),
});
export type ErrorAnswer = z.infer<typeof errorAnswer>;

/** Kinds whose records one field identifies: each can be asked for by source and id. */
export const SINGLE_KEY_LISTS = RECORD_LIST_NAMES.filter(
  (name) => definitionOf(recordListOf(name).kind).key.length === 1,
);
/** Lists whose records are latest samples, with their history at `…/{source}/{id}/samples`. */
export const SAMPLE_LISTS = RECORD_LIST_NAMES.filter((name) => definitionOf(recordListOf(name).kind).sample === true);
