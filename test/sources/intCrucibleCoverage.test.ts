import { expect, it, onTestFinished } from 'vitest';
import { coverage } from '../../exporter/src/sources/int-crucible/coverage.ts';
import { intCrucible } from '../../exporter/src/sources/int-crucible/intCrucible.ts';
import { pollForTest, warnings } from '../../exporter/src/sources/pollForTest.ts';
import { readShown, walkCoverage } from '../contract/walkCoverage.ts';
import { openLedger } from '../ledger/ledgerBed.ts';
import { crucibleOnPostgres } from '../support/crucibleDatabase.ts';
import type { PhaseResult } from '../support/crucibleObservability.ts';

const START = Date.now() - 3_600_000;
const after = (seconds: number) => new Date(START + seconds * 1000);
const iso = (seconds: number) => after(seconds).toISOString();

const USAGE = {
  input_tokens: 1_000,
  output_tokens: 200,
  total_tokens: 1_200,
  call_count: 3,
  cost_usd: 0.012,
  providers: { anthropic: 3 },
  models: { 'claude-sonnet-4-5': 3 },
};
const SEVERAL = {
  ...USAGE,
  input_tokens: 50,
  output_tokens: 7,
  cost_usd: 0.1,
  providers: { anthropic: 1, openai: 2 },
  models: { 'claude-sonnet-4-5': 1, 'gpt-5': 2 },
};
const WITHOUT_USAGE: PhaseResult = { phase: 'design', startedAt: after(10), durationSeconds: 30 };
const DESIGN: PhaseResult = { ...WITHOUT_USAGE, usage: USAGE };
const SCENARIOS: PhaseResult = { phase: 'scenarios', startedAt: after(40), durationSeconds: 20 };

/** Which run says it, and what, by the field of the document. */
const SAID: Readonly<Record<string, readonly [run: string, value: unknown]>> = {
  'id -> run.runId': ['full', 'full'],
  'project_id -> run.project': ['full', 'p1'],
  'mode -> run.workflow': ['full', 'seeded'],
  'config -> run.config': ['full', { num_candidates: 5 }],
  'status -> run.status': ['failed', 'failed'],
  'status, as written -> run.rawStatus': ['failed', 'FAILED'],
  'created_at -> run.createdAt': ['full', iso(0)],
  'started_at -> run.startedAt': ['full', iso(10)],
  'completed_at -> run.finishedAt': ['full', iso(70)],
  'duration_seconds -> run.attributes.durationSeconds': ['full', 60.5],
  'duration_seconds, of a run without completed_at -> run.finishedAt': ['failed', iso(45)],
  'candidate_count -> run.counts.candidates': ['full', 5],
  'scenario_count -> run.counts.scenarios': ['full', 8],
  'evaluation_count -> run.counts.evaluations': ['full', 40],
  'error_summary -> run.error.message': ['failed', 'rate limit reached'],
  'error_summary, its category -> run.error.category': ['failed', 'rate_limit'],
  'error_summary, the phase that failed -> run.error.stepId': ['failed', 'evaluation'],
  'ui_trigger_source -> run.trigger': ['full', 'api'],
  'ui_trigger_source, as written -> run.attributes.uiTriggerSource': ['full', 'API_CLIENT'],
  'ui_trigger_id -> run.attributes.uiTriggerId': ['full', 'click-1'],
  'ui_trigger_metadata -> run.attributes.uiTriggerMetadata': ['full', { panel: 'left' }],
  'ui_triggered_at -> run.attributes.uiTriggeredAt': ['full', iso(0)],
  'chat_session_id -> run.attributes.chatSessionId': ['full', 'c1'],
  'run_summary_message_id -> run.attributes.runSummaryMessageId': ['full', 'm1'],
  'recommended_message_id -> run.attributes.recommendedMessageId': ['full', 'm2'],
  'recommended_config_snapshot -> run.attributes.recommendedConfigSnapshot': ['full', { num_candidates: 7 }],
  'any other column -> run.attributes.reviewedBy': ['full', 'ada'],
  'phase_timings.<phase> -> step.stepId': ['full', 'scenarios'],
  'phase_timings.<phase> -> step.name': ['full', 'scenarios'],
  'phase_timings.<phase> -> step.role': ['full', 'scenarios'],
  'phase_timings.<phase>, its run -> step.runId': ['full', 'full'],
  'phase_timings.<phase>, its place -> step.index': ['full', 1],
  'phase_timings.<phase>.started_at -> step.startedAt': ['full', iso(40)],
  'phase_timings.<phase>.completed_at -> step.finishedAt': ['full', iso(60)],
  'phase_timings.<phase>.completed_at -> step.status': ['full', 'succeeded'],
  'phase_timings.<phase>.completed_at -> usage.date': ['full', iso(40).slice(0, 10)],
  'phase_timings.<phase>.duration_seconds -> usage.durationSeconds': ['full', 30],
  'resource_breakdown -> run.resourceBreakdown': ['full', { design: { llm_calls: 3 }, scenarios: { llm_calls: 3 } }],
  'notes -> run.notes': ['full', expect.arrayContaining(['Counts derive from phase service outputs.'])],
  'any other field -> run.attributes.metrics.cache_hits': ['full', 12],
  'phases.<phase> -> usage.usageId': ['full', 'full:design'],
  'phases.<phase> -> usage.stepId': ['full', 'design'],
  'phases.<phase> -> usage.stepType': ['full', 'design'],
  'phases.<phase>, its run -> usage.runId': ['full', 'full'],
  'phases.<phase>, its project -> usage.project': ['full', 'p1'],
  'phases.<phase>.input_tokens -> usage.inputTokens': ['full', 1_000],
  'phases.<phase>.input_tokens -> step.inputTokens': ['full', 1_000],
  'phases.<phase>.input_tokens, their sum -> run.inputTokens': ['full', 1_050],
  'phases.<phase>.output_tokens -> usage.outputTokens': ['full', 200],
  'phases.<phase>.output_tokens -> step.outputTokens': ['full', 200],
  'phases.<phase>.output_tokens, their sum -> run.outputTokens': ['full', 207],
  'phases.<phase>.cost_usd -> usage.costUsd': ['full', 0.012],
  'phases.<phase>.cost_usd -> step.costUsd': ['full', 0.012],
  'phases.<phase>.cost_usd, their sum -> run.costUsd': ['full', 0.112],
  'phases.<phase>.call_count -> usage.attributes.callCount': ['full', 3],
  'phases.<phase>.providers -> usage.service': ['full', 'anthropic'],
  'phases.<phase>.providers, of several -> usage.attributes.providers': ['full', SEVERAL.providers],
  'phases.<phase>.providers, the only one -> run.provider': ['single', 'anthropic'],
  'phases.<phase>.models -> usage.model': ['full', 'claude-sonnet-4-5'],
  'phases.<phase>.models -> step.model': ['full', 'claude-sonnet-4-5'],
  'phases.<phase>.models, of several -> usage.attributes.models': ['full', SEVERAL.models],
  'phases.<phase>.models, the only one -> run.model': ['single', 'claude-sonnet-4-5'],
  'null -> run.usageMissing': ['failed', true],
};

it('every field of crucible_runs comes out of the API and the metrics', async () => {
  const database = await crucibleOnPostgres('create_all');
  onTestFinished(() => database.drop());
  await database.createProject('p1');
  const run = (id: string) => ({ id, projectId: 'p1', createdAt: after(0), startedAt: after(10) });
  await database.insertHistory([
    {
      ...run('full'),
      mode: 'SEEDED',
      config: { num_candidates: 5 },
      uiTriggerId: 'click-1',
      uiTriggerSource: 'API_CLIENT',
      end: {
        at: after(70),
        durationSeconds: 60.5,
        phases: [DESIGN, { ...SCENARIOS, usage: SEVERAL }],
        counts: { candidates: 5, scenarios: 8, evaluations: 40 },
      },
    },
    { ...run('single'), end: { at: after(50), durationSeconds: 40, phases: [DESIGN] } },
    {
      ...run('failed'),
      error: 'rate limit reached',
      end: { at: after(45), durationSeconds: 35, phases: [WITHOUT_USAGE, SCENARIOS] },
    },
  ]);
  await database.createRun({ id: 'waiting', projectId: 'p1', createdAt: after(3_000) });
  await database.execute(`
    insert into crucible_chat_sessions (id, project_id) values ('c1', 'p1');
    insert into crucible_messages (id, chat_session_id, role, content) values ('m1', 'c1', 'AGENT', ''), ('m2', 'c1', 'AGENT', '');
    alter table crucible_runs add reviewed_by text;
    update crucible_runs set chat_session_id = 'c1', run_summary_message_id = 'm1', recommended_message_id = 'm2',
      recommended_config_snapshot = '{"num_candidates": 7}', ui_trigger_metadata = '{"panel": "left"}', reviewed_by = 'ada',
      metrics = (metrics::jsonb || '{"cache_hits": 12}')::json where id = 'full'`);
  const config = intCrucible.configSchema.parse(database.sourceConfig);
  const source = intCrucible.create('crucible', config, warnings().log);
  onTestFinished(() => source.close());
  await using bed = await openLedger();
  await pollForTest(source, bed.ledger);
  expect(await bed.query('select reason from fleetlens.dead_letter')).toEqual([]);
  const said = ({ field, record }: { field: string; record: string }) => SAID[`${field} -> ${record}`];
  walkCoverage(await readShown(bed), coverage, {
    expected: (row) => said(row)?.[1],
    isFrom: (row, { runId }) => runId === said(row)?.[0],
  });
});
