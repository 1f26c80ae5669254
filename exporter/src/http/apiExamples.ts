import type { z } from 'zod';
import type {
  BudgetReviewAnswer,
  FailuresAnswer,
  FiguresAnswer,
  ReviewAnswer,
  SpendAnswer,
  TimeseriesAnswer,
} from '../contract/analytics.ts';
import {
  RECORD_LIST_NAMES,
  type RecordListName,
  type RunCountsAnswer,
  recordListOf,
  type unreadAnswer,
} from '../contract/api.ts';
import type { BudgetsAnswer, GateAnswer } from '../contract/budgets.ts';
import type { AnalyticsAnswer, RunsSummaryAnswer } from '../contract/compatible.ts';
import { remedyOf } from '../contract/errorCategories.ts';
import type { IngestAnswer } from '../contract/events.ts';
import type { FindAnswer } from '../contract/find.ts';
import type { HealthAnswer } from '../contract/health.ts';
import type { ChangesAnswer } from '../contract/live.ts';
import type { MeAnswer } from '../contract/me.ts';
import type { AttentionAnswer, SourcesAnswer, StepBaselinesAnswer } from '../contract/overview.ts';
import type { BaselinesAnswer, QualityTrendAnswer } from '../contract/quality.ts';
import type { Kind, RecordOf } from '../contract/records.ts';

type Json = Readonly<Record<string, unknown>>;

const source = 'codecourier-main';
const project = 'acme/storefront';
const labels = { source, project, workflow: 'fix-issue', persona: 'coder' };

/** A record of each kind, as it is answered. */
const RECORD_EXAMPLES: { readonly [K in Kind]: RecordOf<K> } = {
  run: {
    ...labels,
    runId: 'run_8c1f',
    name: 'Fix the rounding of discounts',
    origin: 'workflow',
    model: 'claude-sonnet',
    status: 'failed',
    rawStatus: 'FAILED',
    createdAt: '2026-11-20T13:00:00.000Z',
    startedAt: '2026-11-20T13:00:04.000Z',
    finishedAt: '2026-11-20T13:09:10.000Z',
    iterations: 3,
    costUsd: 1.84,
    inputTokens: 210_400,
    outputTokens: 18_020,
    error: { surface: 'pr', category: 'git_push', message: 'git push was rejected: non-fast-forward' },
    quality: { composite: 71.5, threshold: 70, thresholdMet: true },
  },
  step: {
    source,
    runId: 'run_8c1f',
    stepId: 'check-3',
    index: 5,
    iteration: 3,
    role: 'checker',
    model: 'claude-sonnet',
    status: 'succeeded',
    startedAt: '2026-11-20T13:07:40.000Z',
    finishedAt: '2026-11-20T13:08:55.000Z',
    verdict: { passed: true, feedback: 'All 214 tests pass.' },
    costUsd: 0.31,
  },
  output: {
    source,
    runId: 'run_8c1f',
    stepId: 'check-3',
    seq: 41,
    at: '2026-11-20T13:08:50.000Z',
    role: 'assistant',
    text: 'All 214 tests pass.',
  },
  chain: {
    source,
    project,
    chainId: 'chain_31',
    name: 'Discounts, in three sprints',
    status: 'failed',
    sprintCount: 3,
    failedSprintIndex: 1,
    sprints: [
      { index: 0, name: 'Rounding', runId: 'run_8b02', status: 'succeeded' },
      { index: 1, name: 'Vouchers', runId: 'run_8c1f', status: 'failed' },
      { index: 2, name: 'Report', status: 'queued' },
    ],
    createdAt: '2026-11-20T12:00:00.000Z',
    finishedAt: '2026-11-20T13:09:10.000Z',
    costUsd: 4.02,
  },
  sandbox: {
    source,
    project,
    sandboxId: 'sbx_77',
    runId: 'run_8c1f',
    status: 'killed',
    template: 'node-24',
    createdAt: '2026-11-20T13:00:02.000Z',
    endedAt: '2026-11-20T13:09:12.000Z',
    cpuCount: 2,
    memoryBytes: 2_147_483_648,
  },
  usage: {
    source,
    project,
    usageId: 'usage_901',
    runId: 'run_8c1f',
    stepId: 'check-3',
    persona: 'coder',
    service: 'anthropic',
    model: 'claude-sonnet',
    date: '2026-11-20',
    costUsd: 0.31,
    inputTokens: 40_100,
    outputTokens: 2_900,
  },
  queue: { source: 'workflows', queue: 'arq:queue', at: '2026-11-20T13:09:00.000Z', due: 4, inProgress: 2, workers: 2 },
  job: {
    source: 'workflows',
    queue: 'arq:queue',
    jobId: 'job_5',
    enqueuedAt: '2026-11-20T13:00:00.000Z',
    startedAt: '2026-11-20T13:00:03.000Z',
    finishedAt: '2026-11-20T13:09:10.000Z',
    result: 'failed',
    tries: 1,
  },
  errorGroup: {
    source: 'sentry',
    fingerprint: '4509877862268928',
    component: 'handlePush',
    project,
    title: 'TypeError: undefined is not a function',
    kind: 'regressed',
    lastSeenAt: '2026-11-20T13:05:00.000Z',
    count: 12,
  },
  approval: {
    source: 'workflows',
    project,
    workflow: 'deploy',
    approvalId: 'approval_12',
    runId: 'wf_204',
    requestedAt: '2026-11-20T12:40:00.000Z',
    policy: 'production-deploy',
  },
  notification: {
    source,
    project,
    notificationId: 'note_88',
    user: 'ann',
    type: 'run_failed',
    title: 'Run failed: Fix the rounding of discounts',
    runId: 'run_8c1f',
    createdAt: '2026-11-20T13:09:11.000Z',
  },
  audit: {
    source: 'fleetlens',
    auditId: '019aa1b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b',
    actor: 'ann',
    action: 'run_acknowledge',
    project,
    target: 'run codecourier-main/run_8c1f',
    at: '2026-11-20T13:20:00.000Z',
    request: {
      action: 'acknowledge_run',
      source,
      runId: 'run_8c1f',
      note: 'The branch was protected; a rerun is under way.',
    },
  },
  store: { source: 'workflows', store: 'redis', at: '2026-11-20T13:09:00.000Z', up: true, memoryBytes: 10_485_760 },
  service: {
    source: 'gittinkerer',
    service: 'gittinkerer',
    at: '2026-11-20T13:09:00.000Z',
    up: true,
    version: '1.4.0',
  },
  adapter: {
    source: 'workflows',
    adapter: 'github',
    project,
    at: '2026-11-20T13:08:58.000Z',
    result: 'rate_limit',
    count: 1,
    message: 'secondary rate limit',
  },
  rateLimit: {
    source: 'gittinkerer',
    project,
    layer: 'repo',
    at: '2026-11-20T13:08:00.000Z',
    limited: true,
    limit: 10,
    remaining: 0,
  },
  platformError: {
    source: 'gittinkerer-logs',
    errorId: 'line_7',
    component: 'handlePush',
    project,
    level: 'error',
    message: 'git push failed: remote rejected',
    at: '2026-11-20T13:09:08.000Z',
  },
  project: { source, project, repository: 'https://github.com/acme/storefront', workflows: 4, members: 6 },
  dailyStat: { source, project, date: '2026-11-20', runsCreated: 31, runsCompleted: 27, runsFailed: 3, iterations: 64 },
  workflow: { source, project, workflow: 'fix-issue', version: '7', scoreThreshold: 70, approvalSlaSeconds: 3_600 },
  persona: { source, project, persona: 'coder', version: '3', lastUsedAt: '2026-11-20T13:00:04.000Z' },
};

/** Of an operation: what is sent (a body each, by name) and what its 200 answers. */
interface Example {
  readonly sent?: Readonly<Record<string, unknown>>;
  readonly answer?: unknown;
}

const page = (record: unknown) => ({ data: [record], nextCursor: null });
const committed: IngestAnswer = { accepted: 1, duplicates: 0, rejected: [] };
const scope = { source, project, workflow: 'fix-issue' };

const budgets: BudgetsAnswer = {
  data: [
    {
      budget: 'per_repo_daily_usd',
      scope: 'repo_daily',
      subject: project,
      limitUsd: 200,
      configuredUsd: 200,
      spentUsd: 203.11,
      windowStart: '2026-11-20T00:00:00.000Z',
      windowEnd: '2026-11-21T00:00:00.000Z',
      paused: true,
      pausedSince: '2026-11-20T13:02:31.000Z',
      usdPerHour: 21.4,
    },
  ],
  timeZone: 'UTC',
  advisory: true,
  contact: '#platform-admins',
};
const gate: GateAnswer = {
  allowed: false,
  state: 'paused',
  blockedBy: [
    { budget: 'per_repo_daily_usd', scope: 'repo_daily', subject: project, since: '2026-11-20T13:02:31.000Z' },
  ],
  message: 'Paused: the daily budget of acme/storefront is used up. Ask #platform-admins.',
  advisory: true,
  contact: '#platform-admins',
  asOf: '2026-11-20T13:10:00.000Z',
};
const trend: QualityTrendAnswer = {
  from: '2026-11-20T00:00:00.000Z',
  to: '2026-11-21T00:00:00.000Z',
  bucketSeconds: 86_400,
  data: [
    {
      start: '2026-11-20T00:00:00.000Z',
      evaluated: 24,
      belowBaseline: 2,
      dimensions: { composite: { count: 24, mean: 78.2, median: 79, min: 51, max: 94 } },
    },
  ],
};
const baselines: BaselinesAnswer = {
  data: [
    {
      ...scope,
      score: 80,
      how: 'pinned',
      since: '2026-11-01T09:00:00.000Z',
      runs: [],
      setBy: 'bea',
      reason: 'Agreed.',
    },
  ],
  margin: 10,
};
const window = { from: '2026-11-13T00:00:00.000Z', to: '2026-11-20T00:00:00.000Z', asOf: '2026-11-20T13:10:00.000Z' };
const figures = {
  runs: 40,
  succeeded: 34,
  failed: 4,
  timedOut: 1,
  cancelled: 1,
  successRate: 34 / 39,
  averageIterations: 2.1,
  averageDurationSeconds: 512.5,
  queueWaitSeconds: { p50: 3.1, p95: 12.4, count: 39 },
  costUsd: 61.2,
  runsWithCost: 40,
  costPerRunUsd: 1.53,
  costPerSuccessfulRunUsd: 1.8,
  costOfFailuresUsd: 9.9,
  averageQuality: 78.2,
  evaluatedRuns: 24,
  firstPass: { byVerdict: { passed: 20, of: 30 }, byOutcome: { passed: 5, of: 9 } },
  pullRequests: 30,
  mergedPullRequests: 26,
  spentUsd: 61.2,
};
const figuresByProject: FiguresAnswer = { ...window, groups: 1, data: [{ project, ...figures }] };
const failures: FailuresAnswer = {
  ...window,
  groups: 1,
  failures: 5,
  data: [
    {
      project,
      category: 'git_push',
      remedy: remedyOf('git_push'),
      runs: 3,
      failed: 3,
      timedOut: 0,
      share: 0.6,
      costUsd: 5.5,
    },
  ],
};
const spend: SpendAnswer = { ...window, groups: 1, spentUsd: 61.2, data: [{ project, spentUsd: 61.2, share: 1 }] };
const timeseries: TimeseriesAnswer = {
  ...window,
  bucket: 'week',
  timeZone: 'UTC',
  groups: 1,
  data: [{ project, points: [{ from: window.from, to: window.to, ...figures }] }],
};
const week = { week: '2026-W46', timeZone: 'UTC', ...window };
const personas: ReviewAnswer = {
  ...week,
  data: [
    {
      persona: 'coder',
      lastUsedAt: '2026-11-20T13:00:04.000Z',
      unused: false,
      uses: [{ source, project, lastUsedAt: '2026-11-20T13:00:04.000Z', unused: false }],
      ...figures,
      sessions: [
        {
          source,
          runId: 'run_7a90',
          project,
          status: 'failed',
          endedAt: '2026-11-18T10:00:00.000Z',
          costUsd: 2.2,
          errorCategory: 'timeout',
        },
      ],
    },
  ],
};
const retrospective: BudgetReviewAnswer = {
  ...week,
  data: [
    { scope: 'repo_daily', subject: project, spentUsd: 61.2, capUsd: 200, windows: 5, highestUsd: 31.5, reached: 0 },
  ],
};
const sources: SourcesAnswer = {
  data: [
    {
      source,
      type: 'codecourier',
      way: 'pull',
      backfilled: true,
      catchingUp: false,
      lastEventAt: '2026-11-20T13:09:10.000Z',
      recordedAt: '2026-11-20T13:09:12.000Z',
      deadLetters: 0,
      polling: { status: 'ok', detail: 'last poll worked at 2026-11-20T13:09:55.000Z' },
      stale: false,
    },
  ],
};
const attention: AttentionAnswer = {
  from: '2026-11-20T07:10:00.000Z',
  to: '2026-11-20T13:10:00.000Z',
  data: [
    { kind: 'failure_rate_rose', severity: 'critical', project, now: 0.4, before: 0.05 },
    {
      kind: 'failures_unattended',
      severity: 'warning',
      count: 3,
      since: '2026-11-20T13:02:10.000Z',
      runs: [{ source, runId: 'run_8c1f', title: 'Fix the rounding of discounts', since: '2026-11-20T13:09:10.000Z' }],
    },
  ],
};
const stepBaselines: StepBaselinesAnswer = {
  runs: 50,
  data: [{ role: 'checker', count: 118, p50Seconds: 74, p95Seconds: 160.5 }],
};
const me: MeAnswer = {
  name: 'ann',
  role: 'operator',
  projects: [project],
  actions: ['acknowledge_run', 'read_notification', 'dismiss_notification', 'read_all_notifications'],
};
const counted: RunCountsAnswer = { total: 41, byStatus: { running: 7, failed: 34, succeeded: 2_210 } };
const health: HealthAnswer = {
  status: 'degraded',
  timestamp: '2026-11-20T13:10:00.000Z',
  uptimeSeconds: 86_400,
  version: '0.1.0',
  parts: {
    ledger: { status: 'ok', latencyMs: 0.8 },
    'source codecourier-main': {
      status: 'degraded',
      latencyMs: 5_012,
      detail: 'last poll failed at 2026-11-20T13:09:45.000Z',
    },
  },
};
const found: FindAnswer = {
  data: [
    {
      type: 'run',
      source,
      id: 'run_8c1f',
      foundBy: 'pullRequest',
      path: ['runs', source, 'run_8c1f'],
      project,
      title: 'Fix the rounding of discounts',
      status: 'failed',
      createdAt: '2026-11-20T13:00:00.000Z',
    },
    {
      type: 'run',
      source,
      id: 'run_8c',
      foundBy: 'id',
      path: ['runs', source, 'run_8c'],
      prunedAt: '2026-11-01T02:00:00.000Z',
    },
  ],
};
const changes: ChangesAnswer = {
  position: '48213',
  more: false,
  events: [
    {
      id: '48212.3',
      event: 'record',
      data: {
        topics: ['runs', `run:${source}/run_8c1f`],
        kind: 'run',
        source,
        key: { runId: 'run_8c1f' },
        at: '2026-11-20T13:09:10.214Z',
        record: RECORD_EXAMPLES.run,
      },
    },
    {
      id: '48213.0',
      event: 'output',
      data: { topics: [`output:${source}/run_8c1f`], source, runId: 'run_8c1f', lines: [RECORD_EXAMPLES.output] },
    },
  ],
};
const unread: z.output<typeof unreadAnswer> = { unread: 3 };
const aggregated: AnalyticsAnswer = {
  metric: 'duration_ms',
  aggregation: 'avg',
  value: 5_210.5,
  count: 40,
  min: 812,
  max: 30_114,
};
const summary: RunsSummaryAnswer = {
  runs: [
    {
      id: '42',
      project_id: 'p-1',
      mode: 'full_search',
      config: { max_candidates: 8 },
      status: 'completed',
      created_at: '2026-11-20T12:00:00.000Z',
      started_at: '2026-11-20T12:00:01.000Z',
      completed_at: '2026-11-20T12:04:01.000Z',
      duration_seconds: 240,
      candidate_count: 8,
      scenario_count: 5,
      evaluation_count: 40,
      metrics: null,
      llm_usage: { total: { input_tokens: 91_000, output_tokens: 12_000, cost_usd: 0.9 } },
      error_summary: null,
      chat_session_id: 'chat-7',
      run_summary_message_id: null,
      recommended_message_id: null,
      recommended_config_snapshot: null,
      ui_trigger_id: null,
      ui_trigger_source: null,
      ui_trigger_metadata: null,
      ui_triggered_at: null,
    },
  ],
  total: 1,
  limit: 20,
  offset: 0,
  has_more: false,
  next_offset: null,
  next_cursor: null,
};

const { source: _source, ...pushed } = RECORD_EXAMPLES.run;

/** By operationId, of what is not a list of records. */
const EXAMPLES: Readonly<Record<string, Example>> = {
  listRuns: { answer: page(RECORD_EXAMPLES.run) },
  readRun: {
    answer: { ...RECORD_EXAMPLES.run, steps: [RECORD_EXAMPLES.step], usage: [RECORD_EXAMPLES.usage] },
  },
  listRunSteps: { answer: page(RECORD_EXAMPLES.step) },
  listRunOutput: { answer: { ...page(RECORD_EXAMPLES.output), position: '48213' } },
  listSandboxOutput: { answer: { ...page(RECORD_EXAMPLES.output), earlier: true, position: '48213' } },
  listSources: { answer: sources },
  findAttention: { answer: attention },
  readStepBaselines: { answer: stepBaselines },
  countRuns: { answer: counted },
  find: { answer: found },
  health: { answer: health },
  listChanges: { answer: changes },
  listBudgets: { answer: budgets },
  askGate: { answer: gate },
  analyseRuns: { answer: figuresByProject },
  analyseFailures: { answer: failures },
  analyseSpend: { answer: spend },
  analyseTimeseries: { answer: timeseries },
  analysePersonas: { answer: personas },
  analyseBudgets: { answer: retrospective },
  countUnreadNotifications: { answer: unread },
  readQualityTrend: { answer: trend },
  listQualityBaselines: { answer: baselines },
  readMe: { answer: me },
  act: {
    sent: {
      acknowledge_run: { source, runId: 'run_8c1f', note: 'The branch was protected; a rerun is under way.' },
      acknowledge_budget: {
        budget: 'per_repo_daily_usd',
        subject: project,
        reason: 'Release day.',
        raiseToUsd: 300,
      },
      pin_baseline: { ...scope, score: 80, reason: 'Agreed in the weekly review.' },
      rebase_baseline: { ...scope, from: '2026-11-20T00:00:00.000Z', reason: 'Another model since then.' },
      read_notification: { source, notificationId: 'note_88', user: 'ann' },
      dismiss_notification: { source, notificationId: 'note_88', user: 'ann' },
      read_all_notifications: { user: 'ann' },
    },
    answer: {
      run: {
        source,
        runId: 'run_8c1f',
        acknowledgedAt: '2026-11-20T13:20:00.000Z',
        acknowledgedBy: 'ann',
        acknowledgedNote: 'The branch was protected; a rerun is under way.',
      },
    },
  },
  pushEvents: {
    sent: {
      a_run_that_failed: {
        events: [{ id: 'run_8c1f-failed', source, kind: 'run', at: '2026-11-20T13:09:10.000Z', data: pushed }],
      },
    },
    answer: committed,
  },
  receiveWebhook: { answer: committed },
  recordMetric: {
    sent: {
      one: { run_id: 'run_8c1f', metric_name: 'duration_ms', metric_value: 5_210 },
      by_name: { run_id: 'run_8c1f', metrics: { duration_ms: 5_210, tokens_used: 1_250 } },
    },
    answer: committed,
  },
  aggregateMetrics: { answer: aggregated },
  summariseRuns: { answer: summary },
};

/** What a list answers besides the fields of the record. */
const COMPUTED: Readonly<Partial<Record<RecordListName, Json>>> = {
  approvals: { slaSeconds: 3_600, ageSeconds: 1_800, overdue: false },
};

const pascal = (name: string) => name.replace(/(^|-)(\w)/g, (_all, _dash, letter: string) => letter.toUpperCase());

function exampleOf(operationId: string): Example | undefined {
  const own = EXAMPLES[operationId];
  if (own !== undefined) return own;
  for (const name of RECORD_LIST_NAMES) {
    const { kind } = recordListOf(name);
    const record = { ...RECORD_EXAMPLES[kind], ...COMPUTED[name] };
    if (operationId === `list${pascal(name)}`) return { answer: page(record) };
    if (operationId === `read${pascal(kind)}`) return { answer: record };
    if (operationId === `list${pascal(kind)}Samples`) return { answer: page(record) };
  }
  return undefined;
}

/** Codes of refusals, by status: what `error.code` may be and what a message looks like. */
const REFUSALS: Readonly<Record<string, readonly [string, string]>> = {
  '400': ['invalid_parameter', 'limit: found "0", expected at least 1'],
  '401': [
    'token_missing',
    'found no Authorization header, expected "Bearer <token>" with a token of role viewer, operator, builder, admin',
  ],
  '403': ['forbidden', 'found token "ci" of role ingest, expected one of viewer, operator, builder, admin'],
  '404': ['not_found', 'found no run codecourier-main/run_8c1f, or none that you may see'],
};

interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, Json>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Json>> }>>;
}

const MEDIA = 'application/json';

/** The paths of the API's description, with what is sent and answered by example. */
export function withExamples(paths: Readonly<Record<string, Json>>): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(paths).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods).map(([method, operation]) => [method, illustrate(operation as Operation)]),
      ),
    ]),
  );
}

function illustrate(operation: Operation): Operation {
  const { sent, answer } = exampleOf(operation.operationId) ?? {};
  const requestBody =
    operation.requestBody && sent
      ? { requestBody: withMedia(operation.requestBody, { examples: named(operation, sent) }) }
      : {};
  const responses = Object.entries(operation.responses).map(([status, response]) => {
    const example = status === '200' ? answer : refusal(status);
    return [status, example === undefined ? response : withMedia(response, { example })];
  });
  return { ...operation, ...requestBody, responses: Object.fromEntries(responses) };
}

/** The body of an action names it. */
function named({ operationId }: Operation, sent: Readonly<Record<string, unknown>>): Json {
  return Object.fromEntries(
    Object.entries(sent).map(([name, value]) => [
      name,
      { value: operationId === 'act' ? { action: name, ...(value as object) } : value },
    ]),
  );
}

function refusal(status: string): Json | undefined {
  const found = REFUSALS[status];
  if (found === undefined) return undefined;
  const [code, message] = found;
  return { error: { code, message, requestId: '019aa1b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b' } };
}

function withMedia<T extends { readonly content?: Readonly<Record<string, Json>> }>(part: T, more: Json): T {
  const media = part.content?.[MEDIA];
  return media === undefined ? part : { ...part, content: { ...part.content, [MEDIA]: { ...media, ...more } } };
}
