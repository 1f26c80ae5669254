import { expect, it } from 'vitest';
import type { RecordOf, RunRecord } from '../../contract/records.ts';
import { summariseRun } from './summariseRun.ts';

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 20, 10, 0, seconds)).toISOString();

type Of<T> = Omit<T, 'source'>;
const source = 'crucible';
const summarise = (run: Of<RunRecord>, steps: Of<RecordOf<'step'>>[] = [], usage: Of<RecordOf<'usage'>>[] = []) =>
  summariseRun({
    run: { ...run, source },
    steps: steps.map((step) => ({ ...step, source })),
    usage: usage.map((used) => ({ ...used, source })),
  });

const EMPTY = {
  id: '',
  project_id: '',
  mode: null,
  config: null,
  status: null,
  created_at: null,
  started_at: null,
  completed_at: null,
  duration_seconds: null,
  candidate_count: null,
  scenario_count: null,
  evaluation_count: null,
  metrics: null,
  llm_usage: null,
  error_summary: null,
  chat_session_id: null,
  run_summary_message_id: null,
  recommended_message_id: null,
  recommended_config_snapshot: null,
  ui_trigger_id: null,
  ui_trigger_source: null,
  ui_trigger_metadata: null,
  ui_triggered_at: null,
};

it('a run of which all is known has a value in every member', () => {
  const run: Of<RunRecord> = {
    runId: 'r1',
    project: 'p1',
    workflow: 'seeded',
    config: { num_candidates: 5 },
    status: 'failed',
    createdAt: at(0),
    startedAt: at(1),
    finishedAt: at(61),
    counts: { candidates: 4, scenarios: 3, evaluations: 12 },
    resourceBreakdown: { cpu: 2 },
    notes: ['slow'],
    error: { message: 'the provider timed out' },
    attributes: {
      durationSeconds: 60.25,
      chatSessionId: 'chat-1',
      runSummaryMessageId: 'm-1',
      recommendedMessageId: 'm-2',
      recommendedConfigSnapshot: { depth: 3 },
      uiTriggerId: 't-1',
      uiTriggerSource: 'API_CLIENT',
      uiTriggerMetadata: { page: 'runs' },
      uiTriggeredAt: at(-5),
      'metrics.retries': 2,
    },
  };
  const steps: Of<RecordOf<'step'>>[] = [
    { stepId: 'design', status: 'succeeded', startedAt: at(1), finishedAt: at(14) },
    { stepId: 'evaluation', status: 'succeeded', startedAt: at(20), finishedAt: at(23) },
    { stepId: 'ranking', status: 'running', startedAt: at(30) },
    { stepId: 'writing', status: 'failed', startedAt: at(40) },
    { stepId: 'asking', status: 'queued' },
  ];
  const [providers, models] = [{ anthropic: 2 }, { 'claude-sonnet-4': 2 }];
  const usage: Of<RecordOf<'usage'>>[] = [
    {
      usageId: 'u1',
      stepId: 'design',
      inputTokens: 900,
      outputTokens: 100,
      costUsd: 0.1,
      durationSeconds: 12.5,
      attributes: { callCount: 2, providers, models },
    },
    {
      usageId: 'u2',
      stepId: 'evaluation',
      inputTokens: 50,
      costUsd: 0.2,
      service: 'openai',
      model: 'gpt-5',
      attributes: { callCount: 3 },
    },
    { usageId: 'u3', outputTokens: 7, model: 'gpt-5' },
    { usageId: 'u4', stepId: 'writing', quantity: 1 },
  ];
  expect(summarise(run, steps, usage)).toEqual({
    id: 'r1',
    project_id: 'p1',
    mode: 'seeded',
    config: { num_candidates: 5 },
    status: 'failed',
    created_at: at(0),
    started_at: at(1),
    completed_at: at(61),
    duration_seconds: 60.25,
    candidate_count: 4,
    scenario_count: 3,
    evaluation_count: 12,
    metrics: {
      phase_timings: {
        design: { started_at: at(1), completed_at: at(14), duration_seconds: 12.5 },
        evaluation: { started_at: at(20), completed_at: at(23), duration_seconds: 3 },
        ranking: { started_at: at(30), completed_at: null, duration_seconds: null },
      },
      resource_breakdown: { cpu: 2 },
      notes: ['slow'],
      retries: 2,
    },
    llm_usage: {
      phases: {
        design: {
          ...{ input_tokens: 900, output_tokens: 100, total_tokens: 1000, call_count: 2, cost_usd: 0.1 },
          ...{ providers, models },
        },
        evaluation: {
          ...{ input_tokens: 50, output_tokens: 0, total_tokens: 50, call_count: 3, cost_usd: 0.2 },
          ...{ providers: { openai: 3 }, models: { 'gpt-5': 3 } },
        },
        u3: { input_tokens: 0, output_tokens: 7, total_tokens: 7, providers: {}, models: { 'gpt-5': null } },
      },
      total: { input_tokens: 950, output_tokens: 107, total_tokens: 1057, call_count: 5, cost_usd: 0.3 },
    },
    error_summary: 'the provider timed out',
    chat_session_id: 'chat-1',
    run_summary_message_id: 'm-1',
    recommended_message_id: 'm-2',
    recommended_config_snapshot: { depth: 3 },
    ui_trigger_id: 't-1',
    ui_trigger_source: 'API_CLIENT',
    ui_trigger_metadata: { page: 'runs' },
    ui_triggered_at: at(-5),
  });
});

it('what is not known of a run is null', () => {
  expect(summarise({})).toEqual(EMPTY);
  const attributes = { chatSessionId: 7, recommendedConfigSnapshot: ['no', 'object'], durationSeconds: 'long' };
  expect(summarise({ attributes })).toEqual(EMPTY);
});

it('phases are told in the order in which they run, and by name where that is not known; so is what they used', () => {
  const step = (stepId: string, index?: number) => ({
    stepId,
    startedAt: at(1),
    ...(index !== undefined && { index }),
  });
  const steps = [step('b'), step('evaluation', 10), step('a'), step('scenarios', 2), step('c')];
  const used = (usageId: string, stepId?: string) => ({ usageId, inputTokens: 1, ...(stepId && { stepId }) });
  const usage = [used('z'), used('y'), used('u1', 'a'), used('x'), used('u2', 'evaluation'), used('u3', 'scenarios')];
  const { metrics, llm_usage } = summarise({}, steps, usage);
  const names = (of: unknown) => Object.keys(of ?? {});
  expect(names(metrics?.phase_timings)).toEqual(['scenarios', 'evaluation', 'a', 'b', 'c']);
  expect(names(llm_usage?.phases)).toEqual(['scenarios', 'evaluation', 'a', 'x', 'y', 'z']);
});

it.each([
  ['queued', 'created'],
  ['running', 'running'],
  ['succeeded', 'completed'],
  ['cancelled', 'cancelled'],
  ['waiting', 'waiting'],
] as const)('a run that is %s is told as %s', (status, word) => {
  expect(summarise({ status }).status).toBe(word);
});

it('a run that does not say how long it took has the time between its start and its end', () => {
  const run = { startedAt: at(0), finishedAt: at(90) };
  expect(summarise(run).duration_seconds).toBe(90);
  expect(summarise({ startedAt: at(0) }).duration_seconds).toBeNull();
  expect(summarise({ finishedAt: at(90) }).duration_seconds).toBeNull();
});

it('usage without calls and cost has no sum of them; a service that the run names stands for its phases', () => {
  const usage = [{ usageId: 'u1', stepId: 'design', inputTokens: 5, service: 'proxy' }];
  expect(summarise({ provider: 'anthropic' }, [], usage).llm_usage).toEqual({
    phases: {
      design: {
        ...{ input_tokens: 5, output_tokens: 0, total_tokens: 5 },
        ...{ providers: { anthropic: null }, models: {} },
      },
    },
    total: { input_tokens: 5, output_tokens: 0, total_tokens: 5 },
  });
  const paid = summarise({}, [], [{ usageId: 'u1', costUsd: 0.5 }]);
  expect(paid.llm_usage).toMatchObject({ total: { cost_usd: 0.5 } });
});

it('what several records say that a phase used is added up, and takes as long as the phase does', () => {
  const steps: Of<RecordOf<'step'>>[] = [
    { stepId: 'design', index: 0, startedAt: at(0), finishedAt: at(30) },
    { stepId: 'ranking', index: 1, startedAt: at(30) },
  ];
  const call = { inputTokens: 100, costUsd: 0.1, durationSeconds: 20, service: 'anthropic', model: 'claude-sonnet-4' };
  const usage: Of<RecordOf<'usage'>>[] = [
    { usageId: 'u1', stepId: 'design', ...call, attributes: { callCount: 2 } },
    { usageId: 'u2', stepId: 'ranking', ...call },
    { usageId: 'u3', stepId: 'design', ...call, costUsd: 0.2, outputTokens: 7, attributes: { callCount: 1 } },
    { usageId: 'u4', stepId: 'design', outputTokens: 3, attributes: { models: { 'claude-sonnet-4': 4, 'gpt-5': 1 } } },
    { usageId: 'u5', stepId: 'ranking', ...call, model: 'gpt-5' },
  ];
  const { metrics, llm_usage } = summarise({}, steps, usage);
  expect(llm_usage).toEqual({
    phases: {
      design: {
        ...{ input_tokens: 200, output_tokens: 10, total_tokens: 210, call_count: 3, cost_usd: 0.3 },
        ...{ providers: { anthropic: 3 }, models: { 'claude-sonnet-4': 7, 'gpt-5': 1 } },
      },
      ranking: {
        ...{ input_tokens: 200, output_tokens: 0, total_tokens: 200, cost_usd: 0.2 },
        ...{ providers: { anthropic: null }, models: { 'claude-sonnet-4': null, 'gpt-5': null } },
      },
    },
    total: { input_tokens: 400, output_tokens: 10, total_tokens: 410, call_count: 3, cost_usd: 0.5 },
  });
  // Two calls of twenty seconds each, side by side; of the other phase it is not known.
  expect(metrics?.phase_timings).toEqual({
    design: { started_at: at(0), completed_at: at(30), duration_seconds: 30 },
    ranking: { started_at: at(30), completed_at: null, duration_seconds: null },
  });
});
