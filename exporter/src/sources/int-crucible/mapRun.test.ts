import { expect, it } from 'vitest';
import { warnings } from '../pollForTest.ts';
import { StatusWords } from '../statusWords.ts';
import { CRUCIBLE_STATUSES, mapRun } from './mapRun.ts';

const NOW = new Date('2026-11-20T12:00:00Z');

function records(row: Record<string, string>) {
  const words = new StatusWords(CRUCIBLE_STATUSES, warnings().log);
  return mapRun({ id: 'r1', status: 'RUNNING', ...row }, { words, now: NOW });
}
const mapped = (row: Record<string, string>) => records(row)[0]?.data;

it.each([
  ['RUN_CONFIG_PANEL', 'user'],
  ['CLI_TOOL', 'user'],
  ['API_CLIENT', 'api'],
  ['integration_test', 'api'],
])('a run that %s started was triggered by: %s', (ui_trigger_source, trigger) => {
  expect(mapped({ ui_trigger_source })).toMatchObject({ trigger });
});

it.each([
  ['CREATED', 'queued'],
  ['running', 'running'],
  ['COMPLETED', 'succeeded'],
  ['FAILED', 'failed'],
  ['CANCELLED', 'cancelled'],
])('a run that is %s has the status %s', (rawStatus, status) => {
  expect(mapped({ status: rawStatus })).toMatchObject({ status, rawStatus });
});

it.each([
  [{ providers: { OpenRouter: 1 }, models: { 'claude-sonnet-4-5': 1 } }, 'openrouter'],
  [{ providers: { anthropic: 2 } }, 'anthropic'],
  [{ models: { 'claude-sonnet-4-5': 2 } }, 'anthropic'],
  [{ model: 'gpt-5' }, 'openai'],
  [{ provider: 'openai' }, 'openai'],
  [{ models: { o3: 1 } }, 'openai'],
  [{ providers: { openai: 1, anthropic: 1 } }, 'other'],
  [{ providers: { mistral: 1 } }, 'other'],
])('a phase that used %j is paid to %s', (used, service) => {
  const usage = records({ llm_usage: JSON.stringify({ phases: { design: used } }) }).find(
    ({ kind }) => kind === 'usage',
  );
  expect(usage?.data).toMatchObject({ service, stepType: 'design' });
});

it('a run that failed: its phases in the order of the pipeline, others after them, and all that it notes', () => {
  const at = (second: number) => `2026-11-20T10:00:${String(second).padStart(2, '0')}.000Z`;
  const phase = (from: number, to?: number) => ({
    started_at: at(from),
    ...(to === undefined ? {} : { completed_at: at(to), duration_seconds: to - from }),
  });
  const usage = {
    input_tokens: 7,
    output_tokens: 3,
    cost_usd: 0.5,
    call_count: 2,
    models: { 'gpt-5': 1, o3: 1 },
    providers: { mistral: 2 },
  };
  const row = {
    id: 'r1',
    project_id: 'p1',
    mode: 'FULL_SEARCH',
    status: 'FAILED',
    created_at: at(0),
    started_at: at(1),
    duration_seconds: '39',
    candidate_count: '5',
    scenario_count: '8',
    evaluation_count: '40',
    config: '{"num_candidates": 5}',
    error_summary: '429 Too Many Requests',
    ui_triggered_at: at(0),
    ui_trigger_metadata: '{"panel": "left"}',
    recommended_config_snapshot: '{"num_candidates": 7}',
    reviewed_by: 'ada',
    llm_usage: JSON.stringify({ phases: { design: usage } }),
    metrics: JSON.stringify({
      phase_timings: { review: phase(30, 35), scenarios: phase(10, 30), design: phase(1, 10) },
      resource_breakdown: { design: { llm_calls: 3 } },
      notes: ['slow'],
      cache_hits: 12,
    }),
  };
  const amounts = { inputTokens: 7, outputTokens: 3, costUsd: 0.5 };
  const step = (name: string, index: number, startedAt: string, finishedAt: string, status = 'succeeded') => ({
    kind: 'step',
    data: { runId: 'r1', stepId: name, index, name, role: name, status, startedAt, finishedAt },
  });
  const design = step('design', 0, at(1), at(10));
  expect(records(row)).toEqual([
    {
      kind: 'run',
      data: {
        runId: 'r1',
        project: 'p1',
        origin: 'workflow',
        workflow: 'full_search',
        status: 'failed',
        rawStatus: 'FAILED',
        createdAt: at(0),
        startedAt: at(1),
        finishedAt: at(40),
        config: { num_candidates: 5 },
        counts: { candidates: 5, scenarios: 8, evaluations: 40 },
        resourceBreakdown: { design: { llm_calls: 3 } },
        notes: ['slow'],
        error: { surface: 'run', message: '429 Too Many Requests', category: 'rate_limit', stepId: 'evaluation' },
        provider: 'mistral',
        ...amounts,
        usageMissing: false,
        attributes: {
          durationSeconds: 39,
          uiTriggeredAt: at(0),
          uiTriggerMetadata: { panel: 'left' },
          recommendedConfigSnapshot: { num_candidates: 7 },
          reviewedBy: 'ada',
          'metrics.cache_hits': 12,
        },
      },
    },
    { ...design, data: { ...design.data, ...amounts } },
    step('scenarios', 1, at(10), at(30)),
    step('evaluation', 2, at(30), at(40), 'failed'),
    step('review', 3, at(30), at(35)),
    {
      kind: 'usage',
      data: {
        usageId: 'r1:design',
        runId: 'r1',
        stepId: 'design',
        project: 'p1',
        service: 'other',
        stepType: 'design',
        date: '2026-11-20',
        durationSeconds: 9,
        ...amounts,
        attributes: { callCount: 2, models: usage.models, providers: usage.providers },
      },
    },
  ]);
});

it('a run that failed after its first three phases failed in the last one', () => {
  const done = { started_at: '2026-11-20T10:00:01Z', completed_at: '2026-11-20T10:00:02Z' };
  const metrics = JSON.stringify({ phase_timings: { design: done, scenarios: done, evaluation: done } });
  expect(mapped({ status: 'FAILED', error_summary: 'no', metrics })).toMatchObject({ error: { stepId: 'ranking' } });
});
