import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CrucibleDatabase, crucibleOnPostgres } from '../../support/crucibleDatabase.ts';
import { llmUsagePayload, metricsPayload, type PhaseResult } from '../../support/crucibleObservability.ts';
import { type ExporterProcess, startExporter } from '../../support/exporterProcess.ts';
import { migratedDatabase, type TestDatabase } from '../../support/postgres.ts';
import { waitFor } from '../../support/waitFor.ts';

type Json = Record<string, unknown>;
interface Summary {
  readonly runs: readonly Json[];
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
  readonly has_more: boolean;
  readonly next_offset: number | null;
  readonly next_cursor: string | null;
}

const TOKENS = { viewer: 'viewer-token-for-tests', team: 'viewer-token-of-a-team', ingest: 'ingest-token-for-tests' };
/** Their order: newest first, then by id downwards; `a` and `b` were created in one millisecond. */
const CREATED = new Date(Date.now() - 3_600_000);
const RUNS = ['c', 'd', 'b', 'a'];
const PHASES: PhaseResult[] = [
  {
    phase: 'design',
    startedAt: new Date(CREATED.getTime() + 1000),
    durationSeconds: 12.5,
    usage: {
      input_tokens: 900,
      output_tokens: 100,
      total_tokens: 1000,
      call_count: 2,
      cost_usd: 0.5,
      providers: { anthropic: 2 },
      models: { 'claude-sonnet-4': 2 },
    },
  },
  {
    phase: 'scenarios',
    startedAt: new Date(CREATED.getTime() + 14_000),
    durationSeconds: 5,
    usage: {
      input_tokens: 70,
      output_tokens: 7,
      total_tokens: 77,
      call_count: 1,
      cost_usd: 0.125,
      providers: { anthropic: 1 },
      models: { 'claude-sonnet-4': 1 },
    },
  },
  {
    phase: 'evaluation',
    startedAt: new Date(CREATED.getTime() + 20_000),
    durationSeconds: 3,
    usage: {
      input_tokens: 50,
      output_tokens: 5,
      total_tokens: 55,
      call_count: 3,
      cost_usd: 0.25,
      providers: { anthropic: 1, openai: 2 },
      models: { 'claude-sonnet-4': 1, 'gpt-5': 2 },
    },
  },
];

let crucible: CrucibleDatabase;
let database: TestDatabase;
let exporter: ExporterProcess;

async function get<T = Summary>(path: string, token: keyof typeof TOKENS = 'viewer') {
  const response = await fetch(exporter.url + path, { headers: { authorization: `Bearer ${TOKENS[token]}` } });
  return { status: response.status, body: (await response.json()) as T & { error: { message: string } } };
}
async function summary(query = '', token?: keyof typeof TOKENS): Promise<Summary> {
  const { status, body } = await get(`/projects/p%2F1/runs/summary${query}`, token);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}
async function push(events: readonly Json[]): Promise<unknown> {
  const response = await fetch(`${exporter.url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKENS.ingest}` },
    body: JSON.stringify({ events }),
  });
  return await response.json();
}
const ids = ({ runs }: Summary) => runs.map(({ id }) => id);

beforeAll(async () => {
  crucible = await crucibleOnPostgres('create_all');
  await crucible.createProject('p/1');
  await crucible.createProject('p2');
  const later = (minutes: number) => new Date(CREATED.getTime() + minutes * 60_000);
  await crucible.createRun({
    id: 'a',
    projectId: 'p/1',
    createdAt: CREATED,
    mode: 'SEEDED',
    config: { num_candidates: 5 },
    uiTriggerId: 't-1',
    uiTriggerSource: 'API_CLIENT',
  });
  await crucible.updateRunStatus('a', 'RUNNING', { startedAt: new Date(CREATED.getTime() + 1000) });
  await crucible.completeRun('a', {
    at: new Date(CREATED.getTime() + 61_000),
    durationSeconds: 60.25,
    phases: PHASES,
    counts: { candidates: 4, scenarios: 3, evaluations: 12 },
  });
  await crucible.createRun({ id: 'b', projectId: 'p/1', createdAt: CREATED });
  await crucible.updateRunStatus('b', 'RUNNING', { startedAt: CREATED });
  await crucible.failRun('b', 'the provider timed out', { durationSeconds: 5, phases: [] });
  await crucible.createRun({ id: 'c', projectId: 'p/1', createdAt: later(2) });
  await crucible.updateRunStatus('c', 'RUNNING', { startedAt: later(2) });
  await crucible.createRun({ id: 'd', projectId: 'p/1', createdAt: later(1) });
  await crucible.createRun({ id: 'other', projectId: 'p2', createdAt: later(3) });
  await crucible.execute(`insert into crucible_chat_sessions (id, project_id, mode) values ('chat-1', 'p/1', 'SETUP')`);
  await crucible.execute(`update crucible_runs set chat_session_id = 'chat-1' where id in ('a', 'd')`);
  database = await migratedDatabase();
  exporter = await startExporter({
    config: {
      ledger: { database_url: database.connectionString },
      tokens: [
        { name: 'viewer', role: 'viewer', token: TOKENS.viewer },
        { name: 'team', role: 'viewer', token: TOKENS.team, projects: ['p2'] },
        { name: 'ingest', role: 'ingest', token: TOKENS.ingest },
      ],
      sources: [{ name: 'crucible', type: 'int-crucible', poll_interval: '200ms', ...crucible.sourceConfig }],
    },
  });
  await waitFor(async () => (await get<{ data: Json[] }>('/api/v1/runs')).body.data.length === 5, {
    what: 'the runs of the table',
  });
});
afterAll(async () => {
  await exporter?.stop();
  await crucible?.drop();
  await database?.drop();
});

it('tells of a run what its row says, in the row’s own names', async () => {
  const found = (await summary()).runs.find(({ id }) => id === 'a');
  const written = metricsPayload(PHASES);
  const usage = llmUsagePayload(PHASES);
  const instant = (naive: string) => `${naive.slice(0, 23)}Z`;
  const at = (ms: number) => new Date(CREATED.getTime() + ms).toISOString();
  expect(found).toEqual({
    id: 'a',
    project_id: 'p/1',
    mode: 'seeded',
    config: { num_candidates: 5 },
    status: 'completed',
    created_at: at(0),
    started_at: at(1000),
    completed_at: at(61_000),
    duration_seconds: 60.25,
    candidate_count: 4,
    scenario_count: 3,
    evaluation_count: 12,
    metrics: {
      ...written,
      phase_timings: Object.fromEntries(
        Object.entries(written.phase_timings).map(([phase, timing]) => [
          phase,
          { ...timing, started_at: instant(timing.started_at), completed_at: instant(timing.completed_at) },
        ]),
      ),
    },
    // Its own total counts phases as calls; this one counts calls.
    llm_usage: { phases: usage?.phases, total: { ...usage?.total, call_count: 6 } },
    error_summary: null,
    chat_session_id: 'chat-1',
    run_summary_message_id: null,
    recommended_message_id: null,
    recommended_config_snapshot: null,
    ui_trigger_id: 't-1',
    ui_trigger_source: 'API_CLIENT',
    ui_trigger_metadata: null,
    ui_triggered_at: at(0),
  });
});

it('tells the phases in the order in which they ran, which is not that of their names', async () => {
  const found = (await summary()).runs.find(({ id }) => id === 'a') as {
    metrics: { phase_timings: Json };
    llm_usage: { phases: Json };
  };
  const ran = PHASES.map(({ phase }) => phase);
  expect([found.metrics.phase_timings, found.llm_usage.phases].map((told) => Object.keys(told))).toEqual([ran, ran]);
});

it('a failed run says why; one without figures has null for them', async () => {
  const { runs } = await summary();
  expect(runs.find(({ id }) => id === 'b')).toMatchObject({
    status: 'failed',
    error_summary: 'the provider timed out',
    duration_seconds: 5,
    llm_usage: null,
  });
  expect(runs.find(({ id }) => id === 'd')).toMatchObject({
    status: 'created',
    started_at: null,
    completed_at: null,
    duration_seconds: null,
    metrics: null,
    llm_usage: null,
    error_summary: null,
  });
});

it('pages by offset and by cursor: newest first, then by id downwards', async () => {
  expect(await summary()).toMatchObject({
    total: 4,
    limit: 20,
    offset: 0,
    has_more: false,
    next_offset: null,
    next_cursor: null,
  });
  expect(ids(await summary())).toEqual(RUNS);
  const first = await summary('?limit=3');
  expect(first).toMatchObject({ total: 4, limit: 3, offset: 0, has_more: true, next_offset: 3 });
  expect(ids(first)).toEqual(RUNS.slice(0, 3));
  const byOffset = await summary(`?limit=3&offset=${first.next_offset}`);
  expect(byOffset).toMatchObject({ total: 4, offset: 3, has_more: false, next_offset: null });
  expect(ids(byOffset)).toEqual(['a']);
  expect(await summary(`?limit=3&cursor=${first.next_cursor}`)).toEqual(byOffset);
  expect(ids(await summary('?offset=9'))).toEqual([]);
});

it('runs of several sources under one id are runs of their own, page by page, each with its own phases', async () => {
  const at = CREATED.toISOString();
  const events = ['x', 'y'].flatMap((source, i) => {
    const event = (kind: string, data: Json) => ({
      ...{ id: `${source} ${kind}`, source, kind, at },
      data: { runId: 'same', project: 'p3', ...data },
    });
    return [
      event('run', { createdAt: at, status: 'running', prompt: 'Find it.' }),
      event('step', { stepId: `phase of ${source}`, status: 'running', startedAt: at }),
      event('usage', { usageId: 'u', stepId: `phase of ${source}`, inputTokens: 10 + i }),
    ];
  });
  expect(await push(events)).toMatchObject({ accepted: 6 });
  const of = (source: string, tokens: number) => ({
    id: 'same',
    metrics: {
      phase_timings: { [`phase of ${source}`]: { started_at: at, completed_at: null, duration_seconds: null } },
    },
    llm_usage: { total: { input_tokens: tokens } },
  });
  const path = '/projects/p3/runs/summary';
  expect((await get(path)).body).toMatchObject({ total: 2, runs: [of('y', 11), of('x', 10)] });
  const { body: first } = await get(`${path}?limit=1`);
  expect(first.runs).toMatchObject([of('y', 11)]);
  expect((await get(`${path}?limit=1&cursor=${first.next_cursor}`)).body.runs).toMatchObject([of('x', 10)]);
});

it('each of many runs has its own phases and usage, and none of its neighbours', async () => {
  const at = CREATED.toISOString();
  const neighbours = ['n', 'n1', 'n2', 'o'];
  const events = neighbours.flatMap((runId) =>
    [
      ['run', { createdAt: at, status: 'running' }],
      ['step', { stepId: `phase of ${runId}`, status: 'running', startedAt: at }],
      ['usage', { usageId: `usage of ${runId}`, stepId: `phase of ${runId}`, inputTokens: 1 }],
    ].map(([kind, data]) => ({
      ...{ id: `${runId} ${kind}`, source: 'neighbours', kind, at },
      data: { runId, project: 'p4', ...(data as Json) },
    })),
  );
  expect(await push(events)).toMatchObject({ accepted: 12 });
  const { runs } = (await get('/projects/p4/runs/summary')).body as unknown as {
    runs: { id: string; metrics: { phase_timings: Json }; llm_usage: { phases: Json } }[];
  };
  expect(
    runs.map(({ id, metrics, llm_usage }) => [id, Object.keys(metrics.phase_timings), Object.keys(llm_usage.phases)]),
  ).toEqual(neighbours.toReversed().map((id) => [id, [`phase of ${id}`], [`phase of ${id}`]]));
});

it('filters by status in either case, more than one, and by chat session', async () => {
  expect(ids(await summary('?status=COMPLETED&status=failed'))).toEqual(['b', 'a']);
  expect(ids(await summary('?status=Running'))).toEqual(['c']);
  // The word that runs of other sources have for it.
  expect(ids(await summary('?status=succeeded'))).toEqual(['a']);
  expect(await summary('?status=created&limit=1')).toMatchObject({ total: 1, has_more: false });
  expect(ids(await summary('?chat_session_id=chat-1'))).toEqual(['d', 'a']);
  expect(ids(await summary('?chat_session_id=chat-1&status=completed'))).toEqual(['a']);
  expect(await summary('?chat_session_id=none')).toMatchObject({ runs: [], total: 0 });
});

it('a project that nobody knows has no runs, and neither has one that the token may not read', async () => {
  expect((await get('/projects/none/runs/summary')).body).toMatchObject({ runs: [], total: 0, has_more: false });
  expect(await summary('', 'team')).toMatchObject({ runs: [], total: 0 });
  expect(ids((await get('/projects/p2/runs/summary', 'team')).body)).toEqual(['other']);
});

it.each(['limit=0', 'limit=101', 'offset=-1', 'status=paused', 'cursor=x', 'cursor=x&offset=1', 'page=2'])(
  'refuses ?%s',
  async (query) => {
    const { status, body } = await get(`/projects/p%2F1/runs/summary?${query}`);
    expect(status).toBe(400);
    expect(body.error.message).toContain(query.split('=')[0]);
  },
);

it('a refused status is answered with the words that there are, each once', async () => {
  const { body } = await get('/projects/p%2F1/runs/summary?status=paused');
  const [, words = ''] = /^status: found "paused", expected one of (.+)$/.exec(body.error.message) ?? [];
  expect(words.split(', ')).toEqual([...new Set(words.split(', '))]);
  expect(words.split(', ')).toEqual(expect.arrayContaining(['created', 'completed', 'queued', 'succeeded', 'failed']));
});

it('the description has every compatible route', async () => {
  const response = await fetch(`${exporter.url}/openapi.json`);
  const { paths } = (await response.json()) as { paths: Record<string, Json> };
  expect(Object.keys(paths['/api/metrics/record'] ?? {})).toEqual(['post']);
  for (const path of ['/api/analytics/metrics', '/api/analytics/export', '/projects/{id}/runs/summary']) {
    expect(Object.keys(paths[path] ?? {})).toEqual(['get']);
  }
});
