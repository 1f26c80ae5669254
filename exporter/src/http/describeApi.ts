import { z } from 'zod';
import { ACTIONS } from '../actions/index.ts';
import {
  budgetReviewAnswer,
  budgetReviewQuery,
  failuresAnswer,
  figuresAnswer,
  figuresQuery,
  groupsQuery,
  reviewAnswer,
  reviewQuery,
  spendAnswer,
  timeseriesAnswer,
  timeseriesQuery,
} from '../contract/analytics.ts';
import {
  errorAnswer,
  outputDownloadQuery,
  outputQuery,
  RECORD_LIST_NAMES,
  recordListOf,
  recordSchema,
  recordsQuerySchema,
  runCountsAnswer,
  runCountsQuery,
  runQuery,
  runsQuery,
  SAMPLE_LISTS,
  SINGLE_KEY_LISTS,
  samplesQuery,
  spentBy,
  stepsQuery,
  unreadAnswer,
  unreadQuery,
} from '../contract/api.ts';
import { budgetsAnswer, gateAnswer, gateQuery } from '../contract/budgets.ts';
import {
  analyticsAnswer,
  analyticsQuery,
  exportQuery,
  metricToRecord,
  runsSummaryAnswer,
  runsSummaryQuery,
} from '../contract/compatible.ts';
import { eventDataSchema, ingestAnswer } from '../contract/events.ts';
import { findAnswer, findQuery } from '../contract/find.ts';
import { healthAnswer } from '../contract/health.ts';
import { changesAnswer, changesQuery, streamEvent, streamQuery } from '../contract/live.ts';
import { meAnswer } from '../contract/me.ts';
import {
  attentionAnswer,
  attentionQuery,
  sourcesAnswer,
  stepBaselinesAnswer,
  stepBaselinesQuery,
} from '../contract/overview.ts';
import { baselinesAnswer, baselinesQuery, qualityTrendAnswer, qualityTrendQuery } from '../contract/quality.ts';
import { KINDS } from '../contract/records.ts';
import { withExamples } from './apiExamples.ts';

type Json = Readonly<Record<string, unknown>>;

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const jsonBody = (schema: Json, description: string): Json => ({
  description,
  content: { 'application/json': { schema } },
});
const textBody = (description: string): Json => ({
  description,
  content: { 'text/plain': { schema: { type: 'string' } } },
});
const FAILURE = jsonBody(ref('Error'), 'Not done; `error.message` says what was found and expected.');
const failures = (...codes: number[]): Json => Object.fromEntries(codes.map((code) => [String(code), FAILURE]));
const READ_FAILURES = [400, 401, 403, 503];

const seconds = (description: string): Json => ({ description, schema: { type: 'integer', minimum: 1 } });
/** Of every answer of a limited route; a 429 has Retry-After too. */
const LIMIT_HEADERS: Readonly<Record<string, Json>> = {
  'X-RateLimit-Limit': { description: 'Requests allowed in a window.', schema: { type: 'integer', minimum: 1 } },
  'X-RateLimit-Remaining': {
    description: 'Requests left in this window, of the address or of the source and project: whichever has fewer left.',
    schema: { type: 'integer', minimum: 0 },
  },
  'X-RateLimit-Reset': seconds('Seconds until this window ends.'),
};
const TOO_MANY_REQUESTS: Readonly<Record<string, Json>> = {
  '429': {
    ...jsonBody(
      ref('Error'),
      'More requests than rate_limit allows one address, or one source and project; nothing was done or recorded.',
    ),
    headers: { 'Retry-After': seconds('Seconds after which to ask again.'), ...LIMIT_HEADERS },
  },
};

/** A schema as JSON Schema 2020-12, the dialect of OpenAPI 3.1. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

/** The parameters of a query string, from its schema: an array is a parameter that can be repeated. */
function queryParameters(schema: z.ZodType): Json[] {
  const { properties = {} } = jsonSchema(schema, 'output') as { properties?: Record<string, Json> };
  const { required = [] } = jsonSchema(schema, 'input') as { required?: readonly string[] };
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: property,
    ...(property.type === 'array' ? { style: 'form', explode: true } : {}),
  }));
}

const SOURCE = {
  name: 'source',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  description: 'Name of the source.',
};
const ID = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  description: 'The source’s own id of the record, percent-encoded.',
};

function read(options: {
  readonly id: string;
  readonly summary: string;
  readonly tag: string;
  readonly answer: Json;
  readonly query?: z.ZodType;
  readonly path?: readonly Json[];
  readonly more?: Json;
}): Json {
  return {
    get: {
      operationId: options.id,
      summary: options.summary,
      tags: [options.tag],
      parameters: [...(options.path ?? []), ...(options.query === undefined ? [] : queryParameters(options.query))],
      responses: {
        '200': jsonBody(options.answer, 'Found.'),
        ...failures(...READ_FAILURES, ...(options.path?.some((parameter) => parameter.in === 'path') ? [404] : [])),
        ...TOO_MANY_REQUESTS,
        ...options.more,
      },
      security: [{ bearer: [] }, { bearer: [], grafana: [] }, {}],
    },
  };
}

const pascal = (name: string) => name.replace(/(^|-)(\w)/g, (_all, _dash, letter: string) => letter.toUpperCase());
const nameOfKind = (kind: string) => pascal(kind);

function recordPaths(): Record<string, Json> {
  const paths: Record<string, Json> = {};
  for (const name of RECORD_LIST_NAMES) {
    const { kind, noun } = recordListOf(name);
    paths[`/api/v1/${name}`] = read({
      id: `list${pascal(name)}`,
      summary: `List: ${noun}`,
      tag: 'records',
      query: recordsQuerySchema(name),
      answer: ref(`${nameOfKind(kind)}Page`),
    });
  }
  for (const name of SINGLE_KEY_LISTS) {
    const { kind, noun } = recordListOf(name);
    paths[`/api/v1/${name}/{source}/{id}`] = read({
      id: `read${nameOfKind(kind)}`,
      summary: `One ${noun}`,
      tag: 'records',
      path: [SOURCE, ID],
      answer: ref(nameOfKind(kind)),
    });
  }
  for (const name of SAMPLE_LISTS) {
    const { kind } = recordListOf(name);
    paths[`/api/v1/${name}/{source}/{id}/samples`] = read({
      id: `list${nameOfKind(kind)}Samples`,
      summary: `What was read of a ${kind} over time, oldest first`,
      tag: 'records',
      path: [SOURCE, ID],
      query: samplesQuery,
      answer: ref(`${nameOfKind(kind)}Page`),
    });
  }
  return paths;
}

function runPaths(): Record<string, Json> {
  const run = '/api/v1/runs/{source}/{id}';
  const path = [SOURCE, ID];
  return {
    '/api/v1/runs': read({
      id: 'listRuns',
      summary: 'List runs, without their full prompts and reference images',
      tag: 'runs',
      query: runsQuery,
      answer: ref('RunPage'),
    }),
    '/api/v1/runs/counts': read({
      id: 'countRuns',
      summary: 'How many runs there are by status, with the filters of the list',
      tag: 'runs',
      query: runCountsQuery,
      answer: jsonSchema(runCountsAnswer, 'output'),
    }),
    '/api/v1/find': read({
      id: 'find',
      summary: 'What an id, a link or the beginning of a name is of: runs, sandboxes, chains',
      tag: 'runs',
      query: findQuery,
      answer: ref('FindAnswer'),
    }),
    [run]: read({
      id: 'readRun',
      summary: 'One run',
      tag: 'runs',
      path,
      query: runQuery,
      answer: ref('RunAnswer'),
      more: { '410': jsonBody(ref('Error'), 'Retention removed the run at `error.prunedAt`.') },
    }),
    [`${run}/steps`]: read({
      id: 'listRunSteps',
      summary: 'The steps of a run, in their order',
      tag: 'runs',
      path,
      query: stepsQuery,
      answer: ref('StepPage'),
    }),
    ...outputPaths('run', run),
    ...outputPaths('sandbox', '/api/v1/sandboxes/{source}/{id}'),
  };
}

function outputPaths(of: 'run' | 'sandbox', record: string): Record<string, Json> {
  const tag = of === 'run' ? 'runs' : 'records';
  const text = { schema: { type: 'string' } };
  const file = {
    description: 'Every line that there is when it is asked for.',
    content: { 'text/plain': text, 'application/x-ndjson': text },
  };
  return {
    [`${record}/output`]: read({
      id: `list${pascal(of)}Output`,
      summary: `What a ${of} printed, in the order of time`,
      tag,
      path: [SOURCE, ID],
      query: outputQuery,
      answer: ref('OutputPage'),
    }),
    [`${record}/output/download`]: read({
      id: `download${pascal(of)}Output`,
      summary: `All that a ${of} printed, as a file`,
      tag,
      path: [SOURCE, ID],
      query: outputDownloadQuery,
      answer: {},
      more: { '200': file },
    }),
  };
}

/** What follows the ledger live. */
function livePaths(): Record<string, Json> {
  const events = {
    description:
      'Server-sent events. The data of each is that of StreamEvent with the same `event`; its id is where to go on from. A `heartbeat` every 15 s; the stream ends after some ten minutes, and whenever it does the client connects again with the last id, without loss or repetition.',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  };
  const lastEventId = {
    name: 'Last-Event-ID',
    in: 'header',
    required: false,
    schema: { type: 'string' },
    description: 'The id of the last event that came: what came after it is told.',
  };
  return {
    '/api/v1/stream': read({
      id: 'stream',
      summary:
        'What changes, as it is committed: one stream for all that a browser shows. Each event is told to who may read the record, and no other',
      tag: 'live',
      path: [lastEventId],
      query: streamQuery,
      answer: {},
      more: { '200': events },
    }),
    '/api/v1/changes': read({
      id: 'listChanges',
      summary: 'What changed since, with the events of the stream: for who cannot hold a stream open',
      tag: 'live',
      query: changesQuery,
      answer: ref('ChangesAnswer'),
    }),
  };
}

function overviewPaths(): Record<string, Json> {
  return {
    '/api/v1/sources': read({
      id: 'listSources',
      summary: 'Where records come from, how far each source is and whether it is stale',
      tag: 'operation',
      answer: ref('SourcesAnswer'),
    }),
    '/api/v1/attention': read({
      id: 'findAttention',
      summary:
        'What needs somebody now: failures, stuck and blocked runs, overdue approvals, budgets, stale sources, sudden changes',
      tag: 'runs',
      query: attentionQuery,
      answer: ref('AttentionAnswer'),
    }),
    '/api/v1/runs/{source}/{id}/step-baselines': read({
      id: 'readStepBaselines',
      summary: 'How long steps took in the last runs of the same workflow that succeeded, by name and role',
      tag: 'runs',
      path: [SOURCE, ID],
      query: stepBaselinesQuery,
      answer: ref('StepBaselinesAnswer'),
    }),
  };
}

function budgetPaths(): Record<string, Json> {
  return {
    '/api/v1/budgets': read({
      id: 'listBudgets',
      summary: 'Every budget: limit, spent, window, pause, and when it is used up at the present rate',
      tag: 'budgets',
      answer: ref('BudgetsAnswer'),
    }),
    '/api/v1/gate': read({
      id: 'askGate',
      summary:
        'May a new session start? For launchers, before each one. Answered from memory that is at most 5 seconds old; not limited by rate_limit.max.',
      tag: 'budgets',
      query: gateQuery,
      answer: ref('GateAnswer'),
    }),
  };
}

function qualityPaths(): Record<string, Json> {
  return {
    '/api/v1/quality/trend': read({
      id: 'readQualityTrend',
      summary: 'The scores of evaluated runs over time, by dimension',
      tag: 'quality',
      query: qualityTrendQuery,
      answer: jsonSchema(qualityTrendAnswer, 'output'),
    }),
    '/api/v1/quality/baselines': read({
      id: 'listQualityBaselines',
      summary: 'The quality baseline of each workflow, what it is made of, and who set it',
      tag: 'quality',
      query: baselinesQuery,
      answer: jsonSchema(baselinesAnswer, 'output'),
    }),
  };
}

/** Figures over runs: what is asked, what is answered. */
function analyticsPaths(): Record<string, Json> {
  const path = (name: string, summary: string, query: z.ZodType, answer: z.ZodType): [string, Json] => [
    `/api/v1/analytics/${name}`,
    read({
      id: `analyse${pascal(name)}`,
      summary,
      tag: 'analytics',
      query,
      answer: jsonSchema(answer, 'output'),
    }),
  ];
  return Object.fromEntries([
    path(
      'runs',
      'Figures of the runs that ended in a window, by group: success, cost, quality, waits',
      figuresQuery,
      figuresAnswer,
    ),
    path('failures', 'Failures by category and group, with the remedy of each category', groupsQuery, failuresAnswer),
    path('spend', 'What was spent in a window, by group', groupsQuery, spendAnswer),
    path(
      'timeseries',
      'The figures of runs by hour, day or week of a time zone, for charts',
      timeseriesQuery,
      timeseriesAnswer,
    ),
    path(
      'personas',
      'The weekly review: each persona, when it was used last, and sessions of it to look at',
      reviewQuery,
      reviewAnswer,
    ),
    path(
      'budgets',
      'The weekly retrospective: what was spent by repository and persona, against its caps',
      budgetReviewQuery,
      budgetReviewAnswer,
    ),
  ]);
}

function ingestPath(): Json {
  const gzip = {
    name: 'Content-Encoding',
    in: 'header',
    required: false,
    schema: { type: 'string', enum: ['gzip', 'identity'] },
  };
  return {
    post: {
      operationId: 'pushEvents',
      summary: 'Push events; answered after the commit. Sending an event again changes nothing.',
      tags: ['ingest'],
      parameters: [gzip],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: { events: { type: 'array', items: ref('Event') } },
              required: ['events'],
            },
          },
          'application/x-ndjson': { schema: { type: 'string', description: 'One Event a line.' } },
        },
      },
      responses: {
        '200': jsonBody(ref('IngestAnswer'), 'Committed; events that were refused are named with index and reason.'),
        ...failures(400, 401, 403, 409, 413, 415),
        ...TOO_MANY_REQUESTS,
        '503': { ...FAILURE, headers: { 'Retry-After': { schema: { type: 'integer' } } } },
      },
      security: [{ bearer: [] }],
    },
  };
}

function compatiblePaths(): Record<string, Json> {
  const metric = jsonSchema(metricToRecord, 'input');
  const csv = {
    description: 'The metrics, oldest first: id, run_id, metric_name, metric_value, recorded_at.',
    content: { 'text/csv': { schema: { type: 'string' } } },
  };
  return {
    '/api/metrics/record': {
      post: {
        operationId: 'recordMetric',
        summary:
          'Record metrics of GitTinkerer runs; answered after the commit. Of a run and name the latest value counts.',
        tags: ['compatible'],
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: {
                anyOf: [
                  metric,
                  { type: 'array', items: metric },
                  {
                    type: 'object',
                    properties: {
                      run_id: { type: 'string' },
                      metrics: { anyOf: [{ type: 'array', items: { type: 'object' } }, { type: 'object' }] },
                    },
                    required: ['metrics'],
                  },
                ],
              },
            },
          },
        },
        responses: {
          '200': jsonBody(ref('IngestAnswer'), 'Committed; metrics that were refused are named with index and reason.'),
          ...failures(400, 401, 403, 409, 413, 415),
          ...TOO_MANY_REQUESTS,
          '503': { ...FAILURE, headers: { 'Retry-After': { schema: { type: 'integer' } } } },
        },
        security: [{ bearer: [] }],
      },
    },
    '/api/analytics/metrics': read({
      id: 'aggregateMetrics',
      summary: 'One figure of all recorded values of a metric of GitTinkerer runs',
      tag: 'compatible',
      query: analyticsQuery,
      answer: jsonSchema(analyticsAnswer, 'output'),
    }),
    '/api/analytics/export': read({
      id: 'exportMetrics',
      summary: 'Recorded metrics of GitTinkerer runs as CSV',
      tag: 'compatible',
      query: exportQuery,
      answer: {},
      more: { '200': csv },
    }),
    '/projects/{id}/runs/summary': read({
      id: 'summariseRuns',
      summary: 'The runs of a project, newest first, as Int Crucible answers them',
      tag: 'compatible',
      path: [
        {
          name: 'id',
          in: 'path',
          required: true,
          schema: { type: 'string' },
          description: 'The project, percent-encoded.',
        },
      ],
      query: runsSummaryQuery,
      answer: jsonSchema(runsSummaryAnswer, 'output'),
    }),
  };
}

function webhookPath(): Json {
  return {
    post: {
      operationId: 'receiveWebhook',
      summary:
        'A webhook of a source that takes them, or lines that a log shipper pushes. A signature over the raw body, or a secret in the Authorization header, tells who sends: which of them depends on the type of the source. Answered after the commit.',
      tags: ['ingest'],
      parameters: [{ name: 'source', in: 'path', required: true, schema: { type: 'string' } }],
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: {} },
          'application/x-ndjson': { schema: { type: 'string', description: 'One line of a log a line.' } },
        },
      },
      responses: {
        '200': jsonBody(
          ref('IngestAnswer'),
          'Committed; what came before is a duplicate, a line that cannot be read is named with index and reason.',
        ),
        '202': jsonBody(ref('IngestAnswer'), 'Of no interest here; nothing was recorded.'),
        ...failures(400, 401, 404, 413),
        ...TOO_MANY_REQUESTS,
        '503': { ...FAILURE, headers: { 'Retry-After': { schema: { type: 'integer' } } } },
      },
      security: [],
    },
  };
}

/** Some actions answer alike. */
function distinctAnswers(): Json[] {
  return [...new Set(ACTIONS.map(({ answer }) => answer))].map((answer) => jsonSchema(answer, 'output'));
}

/** Every action is one body of the one route; `action` says which. */
function actionPath(): Json {
  const bodies = ACTIONS.map(({ name, summary, role, input }) => {
    const {
      properties,
      required = [],
      ...rest
    } = jsonSchema(input, 'input') as Record<string, Json> & { required?: string[] };
    return {
      ...rest,
      title: name,
      description: `${summary} Least role: ${role}.`,
      properties: { action: { const: name }, ...properties },
      required: ['action', ...required],
    };
  });
  return {
    post: {
      operationId: 'act',
      summary:
        'Change something; answered after the commit, with its entry in the audit trail. Of a verified person, or of a program with a token of role operator or above.',
      tags: ['actions'],
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { oneOf: bodies, discriminator: { propertyName: 'action' } } } },
      },
      responses: {
        '200': jsonBody({ anyOf: distinctAnswers() }, 'Done: what it is now, by action.'),
        ...failures(400, 401, 403, 404, 409, 413, 415),
        ...TOO_MANY_REQUESTS,
        '503': { ...FAILURE, headers: { 'Retry-After': { schema: { type: 'integer' } } } },
      },
      security: [{ bearer: [] }],
    },
  };
}

function operationPaths(): Record<string, Json> {
  const get = (id: string, summary: string, responses: Json, security: readonly Json[] = []): Json => ({
    get: { operationId: id, summary, tags: ['operation'], responses, security },
  });
  const exposition = {
    description: 'The exposition.',
    content: {
      'text/plain': { schema: { type: 'string' } },
      'application/openmetrics-text': { schema: { type: 'string' } },
    },
  };
  return {
    '/': get('landingPage', 'What there is', {
      '200': { description: 'A page for people.', content: { 'text/html': { schema: { type: 'string' } } } },
      ...TOO_MANY_REQUESTS,
    }),
    '/metrics': get(
      'metrics',
      'Metrics for Prometheus, as text or OpenMetrics',
      { '200': exposition, '401': FAILURE, '403': FAILURE, '503': textBody('Too many scrapes at once.') },
      [{ bearer: [] }, {}],
    ),
    '/health': get('health', 'State and latency of every part', {
      '200': jsonBody(ref('HealthAnswer'), 'Every essential part works.'),
      '503': jsonBody(ref('HealthAnswer'), 'An essential part is down.'),
    }),
    '/-/healthy': get('healthy', 'Whether the process lives', { '200': textBody('It does.') }),
    '/-/ready': get('ready', 'Whether it can serve', { '200': textBody('It can.'), '503': textBody('Not yet.') }),
    '/openapi.json': get('openapi', 'This description', {
      '200': jsonBody({ type: 'object' }, 'OpenAPI 3.1'),
      ...TOO_MANY_REQUESTS,
    }),
  };
}

function components(): Record<string, Json> {
  const schemas: Record<string, Json> = {
    Error: jsonSchema(errorAnswer, 'output'),
    IngestAnswer: jsonSchema(ingestAnswer, 'output'),
    BudgetsAnswer: jsonSchema(budgetsAnswer, 'output'),
    GateAnswer: jsonSchema(gateAnswer, 'output'),
    SourcesAnswer: jsonSchema(sourcesAnswer, 'output'),
    AttentionAnswer: jsonSchema(attentionAnswer, 'output'),
    StepBaselinesAnswer: jsonSchema(stepBaselinesAnswer, 'output'),
    MeAnswer: jsonSchema(meAnswer, 'output'),
    HealthAnswer: jsonSchema(healthAnswer, 'output'),
    FindAnswer: jsonSchema(findAnswer, 'output'),
    ChangesAnswer: jsonSchema(changesAnswer, 'output'),
    StreamEvent: jsonSchema(streamEvent, 'output'),
    RunAnswer: {
      allOf: [ref('Run')],
      properties: {
        steps: { type: 'array', items: ref('Step') },
        usage: { type: 'array', items: ref('Usage') },
        spent: { type: 'array', items: jsonSchema(spentBy, 'output'), description: 'The dearest first.' },
        chain: ref('Chain'),
        sandboxes: { type: 'array', items: ref('Sandbox') },
        approvals: { type: 'array', items: ref('Approval') },
        remedy: { type: 'string', description: 'What the platforms’ documents advise for its error.' },
        job: {
          allOf: [ref('Job')],
          properties: {
            queuePosition: {
              type: 'integer',
              minimum: 1,
              description: 'Of a job that waits: its place among those that wait in its queue.',
            },
          },
        },
      },
    },
    Event: {
      type: 'object',
      properties: {
        id: { type: 'string', minLength: 1, maxLength: 255, description: 'Unique within the source.' },
        source: { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,64}$' },
        kind: { type: 'string', enum: KINDS },
        at: { type: 'string', format: 'date-time', description: 'When it happened.' },
        data: { anyOf: KINDS.map((kind) => ref(`${nameOfKind(kind)}Data`)) },
      },
      required: ['id', 'source', 'kind', 'at', 'data'],
    },
  };
  for (const kind of KINDS) {
    const name = nameOfKind(kind);
    // As read: `input` of the schemas, since times are text on both sides.
    const { additionalProperties: _, ...record } = jsonSchema(recordSchema(kind), 'input');
    schemas[name] = record;
    schemas[`${name}Page`] = {
      type: 'object',
      properties: { data: { type: 'array', items: ref(name) }, nextCursor: { type: ['string', 'null'] } },
      required: ['data', 'nextCursor'],
    };
    if (kind === 'output') schemas[`${name}Page`] = withPosition(schemas[`${name}Page`] as Json);
    schemas[`${name}Data`] = jsonSchema(eventDataSchema(kind), 'input');
  }
  return schemas;
}

/** Of a page of output: where a stream goes on from. */
function withPosition(page: Json): Json {
  const description =
    'What the page holds is of this moment: `output:{source}/{id}@<position>` of the stream goes on from it.';
  const { properties, required } = page as { properties: Json; required: readonly string[] };
  return {
    ...page,
    properties: { ...properties, position: { type: 'string', description } },
    required: [...required, 'position'],
  };
}

/** The whole API as an OpenAPI 3.1 document. */
export function describeApi(version: string): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Fleetlens',
      version,
      description:
        'Records of fleets of coding-agent runs. Times are RFC 3339 in UTC, durations seconds, money USD, sizes bytes; an absent field is unknown.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'runs' },
      { name: 'live' },
      { name: 'records' },
      { name: 'analytics' },
      { name: 'budgets' },
      { name: 'quality' },
      { name: 'actions' },
      { name: 'ingest' },
      { name: 'compatible' },
      { name: 'operation' },
    ],
    paths: withExamples({
      ...runPaths(),
      ...livePaths(),
      ...overviewPaths(),
      ...budgetPaths(),
      ...recordPaths(),
      ...analyticsPaths(),
      '/api/v1/notifications/unread-count': read({
        id: 'countUnreadNotifications',
        summary: 'How many notifications are unread: a person’s own, or those of the users that a program names',
        tag: 'records',
        query: unreadQuery,
        answer: jsonSchema(unreadAnswer, 'output'),
      }),
      ...qualityPaths(),
      '/api/v1/me': read({
        id: 'readMe',
        summary: 'Who asks, and which actions they may perform',
        tag: 'actions',
        answer: ref('MeAnswer'),
      }),
      '/api/v1/actions': actionPath(),
      '/api/v1/events': ingestPath(),
      '/api/v1/webhooks/{source}': webhookPath(),
      ...compatiblePaths(),
      ...operationPaths(),
    }),
    components: {
      schemas: components(),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of the configuration. With none configured, reads from the same machine need none.',
        },
        grafana: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Grafana-Id',
          description:
            'The identity that Grafana signs and its data source proxy sends beside the token, where grafana: is configured. The person and the token both have to have the right.',
        },
      },
    },
  };
}
