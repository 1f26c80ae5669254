import { describe, expect, it } from 'vitest';
import { warnings } from '../pollForTest.ts';
import { configSchema } from './config.ts';
import { DOCUMENT_KINDS, type Document, type DocumentKind } from './documents.ts';
import { Platform, platformState, Warnings } from './platform.ts';

const UPDATED = '2026-10-16T09:00:00.000Z';

function platform(config: object = {}): { platform: Platform; lines: object[] } {
  const { log, lines } = warnings();
  const rest = { api: 'rest', base_url: 'https://x.convex.site/api/v1', api_key: 'k' };
  return { platform: new Platform(configSchema.parse({ ...rest, ...config }), new Warnings(log), undefined), lines };
}

/** The data of the one record that a document gives. */
function mapped(kind: DocumentKind, document: Document, config: object = {}): Readonly<Record<string, unknown>> {
  const [record] = platform(config).platform.map(kind, { _id: 'id1', ...document });
  if (record === undefined) throw new Error(`expected a record of ${kind}, found none`);
  return record.data;
}

it.each(DOCUMENT_KINDS)('%s are as of their last update, however they are read', (kind) => {
  const { platform: one } = platform();
  const document = { _id: 'id1', runId: 'run1' };
  expect(one.map(kind, { ...document, updatedAt: Date.parse(UPDATED) })[0]?.at).toBe(UPDATED);
  expect(one.map(kind, { ...document, updatedAt: UPDATED })[0]?.at).toBe(UPDATED);
  expect(one.map(kind, { ...document, updatedAt: 1 }, UPDATED)[0]?.at).toBe(UPDATED);
  expect(one.map(kind, document)[0]).not.toHaveProperty('at');
});

describe('a run', () => {
  it('leads to its pages', () => {
    const templates = { run_url: 'https://cc.example/runs/{id}', trigger_run_url: 'https://tr.example/{id}' };
    expect(mapped('runs', { triggerRunId: 'a/b' }, templates).links).toEqual({
      source: 'https://cc.example/runs/id1',
      trigger: 'https://tr.example/a%2Fb',
    });
    expect(
      mapped('runs', { url: 'https://own.example', triggerRunUrl: 'https://own2.example' }, templates).links,
    ).toEqual({
      source: 'https://own.example',
      trigger: 'https://own2.example',
    });
    expect(mapped('runs', {})).not.toHaveProperty('links');
  });

  it.each([
    ['workflow', 'workflow'],
    ['sprint', 'sprint'],
    ['sandbox', 'sandbox'],
    ['merge agent', 'merge_agent'],
    ['mergeAgent', 'merge_agent'],
    ['merge', 'merge_agent'],
    ['issue', 'issue'],
    ['issue_session', 'issue'],
    ['scheduled', 'workflow'],
  ])('of source %s has origin %s', (source, origin) => {
    expect(mapped('runs', { source })).toMatchObject({ origin });
  });

  it.each([
    ['none', 'none'],
    ['created', 'created'],
    ['open', 'created'],
    ['merged', 'merged'],
    ['failed', 'failed'],
    ['blocked on CI', 'blocked_on_ci'],
    ['closed', 'closed'],
  ])('whose pull request is %s has one that is %s', (prStatus, status) => {
    expect(mapped('runs', { prStatus }).pullRequest).toEqual({ status });
  });

  it.each(['success', 'failure', 'neutral', 'cancelled', 'skipped', 'timed_out', 'action_required', 'stale'])(
    'with a check of status %s has one that ended so',
    (status) => {
      const checks = [{ name: 'Build', status }];
      expect(mapped('runs', { ciChecks: { checks } }).ci).toEqual({ checks: [{ ...checks[0], conclusion: status }] });
    },
  );

  it('that is scheduled was triggered by the schedule, unless it says otherwise', () => {
    expect(mapped('runs', { source: 'scheduled' })).toMatchObject({
      trigger: 'schedule',
      attributes: { rawSource: 'scheduled' },
    });
    expect(mapped('runs', { source: 'workflow', trigger: 'api' })).toMatchObject({ trigger: 'api' });
  });

  it('has start or end from its duration', () => {
    const startedAt = '2026-10-16T08:00:00.000Z';
    const finishedAt = '2026-10-16T08:01:00.000Z';
    expect(mapped('runs', { status: 'completed', startedAt, durationMs: 60_000 })).toMatchObject({ finishedAt });
    expect(mapped('runs', { status: 'completed', completedAt: finishedAt, durationMs: 60_000 })).toMatchObject({
      startedAt,
    });
    // What still runs has not ended, however long it has run.
    expect(mapped('runs', { status: 'running', startedAt, durationMs: 60_000 })).toMatchObject({
      finishedAt: null,
      attributes: { durationMs: 60_000 },
    });
  });

  it('whose clocks contradict each other is told without its end', () => {
    const data = mapped('runs', { status: 'completed', _creationTime: 2e12, completedAt: 1.9e12, commitSha: 'abc' });
    expect(data).not.toHaveProperty('finishedAt');
    expect(data).toMatchObject({ commitSha: 'abc', attributes: { contradictingEnd: '2030-03-17T17:46:40.000Z' } });
    // When it began is not in doubt.
    const began = { status: 'completed', startedAt: UPDATED, completedAt: 1.7e12 };
    expect(mapped('runs', began)).toMatchObject({ startedAt: UPDATED });
  });

  it('has an error of the category that its message stands for', () => {
    const categories = [
      ['E2B API key is invalid', 'api_key'],
      ['Template tpl-1 not found', 'template_not_found'],
      ['Timeout exceeded', 'timeout'],
      ['Rate limiting by the provider', 'rate_limit'],
      ['Git push failure', 'git_push'],
      ['Something else', 'other'],
    ] as const;
    for (const [message, category] of categories) {
      expect(mapped('runs', { error: message }).error).toEqual({ surface: 'run', category, message });
      expect(mapped('runs', { error: { message, code: 7 } }).error).toEqual({
        surface: 'run',
        category,
        message,
        code: 7,
      });
    }
  });

  it('that was tried again has neither the end nor the error of its last try', () => {
    expect(mapped('runs', { status: 'running' })).toMatchObject({ finishedAt: null, error: null });
    expect(mapped('runSteps', { status: 'running' })).toMatchObject({ finishedAt: null, error: null });
    expect(mapped('sprintChains', { status: 'running' })).toMatchObject({ finishedAt: null, failedSprintIndex: null });
  });

  it('has a pull request with the number of its page and with a word that is not known', () => {
    const prUrl = 'https://github.com/acme/shop/pull/7';
    expect(mapped('runs', { prUrl, prStatus: 'exploded', prBlockedAt: UPDATED }).pullRequest).toEqual({
      url: prUrl,
      number: 7,
      rawStatus: 'exploded',
      blockedSince: UPDATED,
    });
  });

  it('has checks with whatever else is said of them', () => {
    const check = { name: 'Build', status: 'queued', url: 'https://ci.example/1', runner: 'arm' };
    expect(mapped('runs', { ciChecks: { status: 'confused', suite: 'all', checks: [check] } }).ci).toEqual({
      rawStatus: 'confused',
      suite: 'all',
      checks: [check],
    });
  });

  it('completes what an evaluator said of it before, and the other way round', () => {
    const later = '2026-10-16T10:00:00.000Z';
    const step = { _id: 's1', runId: 'r1', index: 1, qualityScores: { correctness: 80 } };
    const run = { _id: 'r1', status: 'completed', qualityScore: 90 };
    const quality = { correctness: 80, composite: 90 };
    const { platform: one } = platform();
    one.map('runs', { ...run, updatedAt: later });
    expect(one.map('runSteps', { ...step, updatedAt: UPDATED })[1]).toEqual({
      kind: 'run',
      data: { runId: 'r1', quality },
      at: later,
    });
    const latest = '2026-10-16T11:00:00.000Z';
    expect(one.map('runSteps', { ...step, updatedAt: latest })[1]?.at).toBe(latest);
    const { platform: two } = platform();
    two.map('runSteps', { ...step, updatedAt: UPDATED });
    expect(two.map('runs', { ...run, updatedAt: later })[0]?.data).toMatchObject({ quality });
  });

  it('keeps the ids behind names', () => {
    const { platform: one } = platform();
    one.map('workflows', { _id: 'w1', name: 'builder' });
    const [run] = one.map('runs', { _id: 'r1', workflowId: 'w1' });
    const [chain] = one.map('sprintChains', { _id: 'c1', workflowId: 'w1', startedAt: UPDATED });
    expect(run?.data).toMatchObject({ workflow: 'builder', attributes: { workflowId: 'w1' } });
    expect(chain?.data).toMatchObject({ workflow: 'builder', attributes: { workflowId: 'w1', startedAt: UPDATED } });
    expect(one.map('runs', { _id: 'r2', workflowId: 'w2' })[0]?.data).toMatchObject({ workflow: 'w2' });
    expect(one.map('runs', { _id: 'r2', workflowId: 'w2', workflowName: 'n' })[0]?.data).toMatchObject({
      workflow: 'n',
    });
  });
});

describe('a step', () => {
  it.each([
    ['pending', 'queued'],
    ['queued', 'queued'],
    ['running', 'running'],
    ['completed', 'succeeded'],
    ['failed', 'failed'],
    ['cancelled', 'cancelled'],
    ['canceled', 'cancelled'],
    ['skipped', 'skipped'],
  ])('that is %s has the status %s', (word, status) => {
    expect(mapped('runSteps', { status: word })).toMatchObject({ status, rawStatus: word });
  });

  it.each([
    [
      { verdict: 'pass', feedback: 'Good.' },
      { passed: true, feedback: 'Good.' },
    ],
    [{ verdict: 'passed' }, { passed: true }],
    [{ verdict: 'approved' }, { passed: true }],
    [{ verdict: true }, { passed: true }],
    [{ verdict: 'fail' }, { passed: false }],
    [{ verdict: 'failed' }, { passed: false }],
    [{ verdict: 'rejected' }, { passed: false }],
    [{ verdict: false }, { passed: false }],
    [{ verdict: { passed: false, feedback: 'No.', score: 3 } }, { passed: false, feedback: 'No.', score: 3 }],
    [{ verdict: 'perhaps' }, { rawVerdict: 'perhaps' }],
  ])('with %j has the verdict %j', (said, verdict) => {
    expect(mapped('runSteps', said).verdict).toEqual(verdict);
  });

  it('keeps the id of a persona that nobody described', () => {
    expect(mapped('runSteps', { personaId: 'p9' })).toMatchObject({ attributes: { personaId: 'p9' } });
  });

  it('has the weights and the threshold that its scores name themselves', () => {
    const { platform: one } = platform();
    one.map('personas', { _id: 'p1', name: 'judge', qualityWeights: { correctness: 1 }, qualityThreshold: 70 });
    const scores = { composite: 75, threshold: 80, weights: { codeStyle: 1 }, thresholdResult: false };
    const [step] = one.map('runSteps', { _id: 's1', personaId: 'p1', qualityScores: scores });
    expect(step?.data.quality).toEqual({
      composite: 75,
      threshold: 80,
      weights: { codeStyle: 1 },
      thresholdMet: false,
    });
  });

  it.each(['correctness', 'typeSafety', 'codeStyle', 'testCoverage', 'completeness', 'composite'])(
    'is not judged by a %s that is no score',
    (dimension) => {
      const quality = { extra: 1 };
      expect(mapped('runSteps', { qualityScores: { ...quality, [dimension]: 101 } }).quality).toEqual(quality);
      expect(mapped('runSteps', { qualityScores: { ...quality, [dimension]: 'good' } }).quality).toEqual(quality);
    },
  );

  it('of an earlier iteration does not replace what a later one judged', () => {
    const { platform: one } = platform();
    const step = (id: string, iteration: number, composite: number) =>
      one.map('runSteps', { _id: id, runId: 'r1', iteration, qualityScores: { composite } });
    step('s2', 2, 90);
    step('s1', 1, 40);
    expect(one.map('runs', { _id: 'r1', status: 'completed' })[0]?.data.quality).toEqual({ composite: 90 });
  });
});

describe('a sprint chain', () => {
  it('may hold its sprints itself', () => {
    const { platform: one } = platform();
    const sprint = {
      index: 1,
      name: 'Two',
      runId: 'r2',
      status: 'completed',
      startedAt: 1.9e12,
      completedAt: 1.9e12 + 1_000,
      prUrl: 'u2',
    };
    one.map('sprintChains', {
      _id: 'c1',
      status: 'running',
      sprintCount: 3,
      sprintRunIds: ['r1'],
      sprints: [{ name: 'One' }, sprint],
    });
    expect(one.flush()).toEqual([
      {
        kind: 'chain',
        data: {
          chainId: 'c1',
          sprints: [
            { index: 0, name: 'One', runId: 'r1' },
            {
              index: 1,
              name: 'Two',
              runId: 'r2',
              status: 'succeeded',
              startedAt: '2030-03-17T17:46:40.000Z',
              finishedAt: '2030-03-17T17:46:41.000Z',
              prUrl: 'u2',
            },
            { index: 2, status: 'queued' },
          ],
        },
      },
    ]);
    expect(one.flush()).toEqual([]);
  });

  it.each([[{ start: 2, end: 5 }], [[2, 5]], ['2-5'], [{ from: 2, to: 5 }]])(
    'of the range %j has four sprints',
    (sprintRange) => {
      expect(mapped('sprintChains', { sprintRange })).toMatchObject({ sprintCount: 4, attributes: { sprintRange } });
    },
  );

  it('has of each sprint what its run says and what itself says, as of the later', () => {
    const later = '2026-10-16T10:00:00.000Z';
    const { platform: one } = platform();
    const chain = { _id: 'c1', status: 'running', sprintCount: 3, sprintPrUrls: ['u1'] };
    const sprint = (id: string, sprintIndex: number) => ({ _id: id, chainId: 'c1', sprintIndex, status: 'completed' });
    one.map('runs', { ...sprint('r1', 0), name: 'One', startedAt: UPDATED, completedAt: later, updatedAt: later });
    // There is no record to complete yet.
    expect(one.flush()).toEqual([]);
    one.map('sprintChains', { ...chain, updatedAt: UPDATED });
    const first = { index: 0, name: 'One', runId: 'r1', status: 'succeeded', startedAt: UPDATED, finishedAt: later };
    const queued = (index: number) => ({ index, status: 'queued' });
    expect(one.flush()).toEqual([
      {
        kind: 'chain',
        at: later,
        data: { chainId: 'c1', sprints: [{ ...first, prUrl: 'u1' }, queued(1), queued(2)] },
      },
    ]);
    one.map('runs', sprint('r2', 1));
    one.map('runs', { ...sprint('r1', 0), name: 'Uno', startedAt: UPDATED, completedAt: later });
    const second = { index: 1, runId: 'r2', status: 'succeeded' };
    expect(one.flush()).toMatchObject([
      { at: later, data: { sprints: [{ ...first, name: 'Uno', prUrl: 'u1' }, second, queued(2)] } },
    ]);
    // What the chain says again takes back nothing that the runs said.
    one.map('sprintChains', chain);
    expect(one.flush()).toMatchObject([{ at: later, data: { sprints: [{ runId: 'r1' }, second, queued(2)] } }]);
  });

  it('and a step whose clocks contradict each other are told without their end', () => {
    const times = { status: 'completed', startedAt: 2e12, completedAt: 1.9e12 };
    for (const kind of ['sprintChains', 'runSteps'] as const) {
      expect(mapped(kind, times)).toMatchObject({ attributes: { contradictingEnd: '2030-03-17T17:46:40.000Z' } });
      expect(mapped(kind, times)).not.toHaveProperty('finishedAt');
    }
  });

  it('is told its status in the words of the contract, and in its own', () => {
    expect(mapped('sprintChains', { status: 'completed' })).toMatchObject({
      status: 'succeeded',
      rawStatus: 'completed',
    });
  });
});

describe('a message', () => {
  it.each([
    ['assistant', 'assistant'],
    ['agent', 'assistant'],
    ['text', 'assistant'],
    ['tool', 'tool'],
    ['tool_use', 'tool'],
    ['toolCall', 'tool'],
    ['tool-result', 'tool'],
    ['user', 'user'],
    ['system', 'system'],
    ['error', 'error'],
    ['stdout', 'stdout'],
    ['stderr', 'stderr'],
  ])('of type %s has the role %s', (type, role) => {
    expect(mapped('messages', { type })).toMatchObject({ role });
  });

  it.each([
    [{ status: 'streaming' }, 'streaming'],
    [{ status: 'pending' }, 'streaming'],
    [{ status: 'running' }, 'streaming'],
    [{ status: 'completed' }, 'completed'],
    [{ status: 'complete' }, 'completed'],
    [{ status: 'done' }, 'completed'],
    [{ status: 'error' }, 'error'],
    [{ status: 'failed' }, 'error'],
    [{ isStreaming: true }, 'streaming'],
    [{ isStreaming: false }, 'completed'],
    [{ type: 'error' }, 'error'],
  ])('with %j is %s', (said, state) => {
    expect(mapped('messages', said)).toMatchObject({ state });
  });

  it('keeps its id and words that are not known', () => {
    expect(mapped('messages', { type: 'oracle', status: 'foggy' })).toMatchObject({
      attributes: { messageId: 'id1', rawRole: 'oracle', rawState: 'foggy' },
    });
  });

  it('without a number is numbered by when it was made', () => {
    expect(mapped('messages', { _creationTime: 1_792_137_600_000.5 })).toMatchObject({ seq: 1_792_137_600_000_500 });
  });
});

it.each([
  ['repository', 'acme/shop'],
  ['slug', 'shop'],
  ['name', 'Shop'],
  ['id', 'id1'],
])('a project is labelled by its %s', (project_label, label) => {
  const project = { name: 'Shop', slug: 'shop', githubRepoUrl: 'git@github.com:acme/shop.git' };
  const { platform: one } = platform({ project_label });
  expect(one.map('projects', { _id: 'id1', ...project })[0]?.data).toMatchObject({ project: label });
  expect(one.map('runs', { _id: 'r1', projectId: 'id1' })[0]?.data).toMatchObject({ project: label });
  expect(one.map('runs', { _id: 'r1' })[0]?.data).toMatchObject({ project: label });
  expect(one.map('runs', { _id: 'r1', projectId: 'other' })[0]?.data).toMatchObject({ project: 'other' });
});

it.each(['creating', 'running', 'paused', 'killed', 'error'])('a sandbox that is %s has that status', (status) => {
  expect(mapped('sandboxes', { status })).toMatchObject({ status, rawStatus: status });
});

it('a sandbox keeps its own word, and E2B has its id', () => {
  expect(mapped('sandboxes', { status: 'hibernated', sandboxId: 'e2b1' })).toMatchObject({
    sandboxId: 'id1',
    status: 'unknown',
    rawStatus: 'hibernated',
    attributes: { e2bSandboxId: 'e2b1' },
  });
});

it.each([
  ['session launch', 'session_launch'],
  ['sessionLaunched', 'session_launch'],
  ['persona.edit', 'persona_edit'],
  ['persona_edited', 'persona_edit'],
  ['budgetOverride', 'budget_override'],
  ['budget overridden', 'budget_override'],
  ['Budget acknowledge', 'budget_acknowledge'],
  ['budget.acknowledged', 'budget_acknowledge'],
  ['PR merge', 'pr_merge'],
  ['pr_merged', 'pr_merge'],
  ['role_change', 'role_change'],
])('an audit event of the action %s is told as %s', (action, told) => {
  expect(mapped('auditLogs', { action, userId: 'u1' })).toMatchObject({ action: told, actor: 'u1' });
});

it('a notification that is flagged as read was read when it last changed', () => {
  expect(mapped('notifications', { read: true, updatedAt: UPDATED })).toMatchObject({
    readAt: UPDATED,
    attributes: { read: true },
  });
  expect(mapped('notifications', { read: true })).not.toHaveProperty('readAt');
  expect(mapped('notifications', { isDismissed: true, updatedAt: UPDATED })).toMatchObject({ dismissedAt: UPDATED });
});

it('a field is an attribute where it has no place of its own, and nowhere else', () => {
  const more = { extra: 1 };
  expect(mapped('runs', { name: 'Nightly', status: 'completed', ...more }).attributes).toEqual(more);
  expect(mapped('sandboxes', { sandboxId: 'e2b1', ...more }).attributes).toEqual({ ...more, e2bSandboxId: 'e2b1' });
  expect(mapped('projects', { name: 'Shop', ...more }).attributes).toEqual({ ...more, projectId: 'id1' });
  expect(mapped('projectCounters', { totalRuns: 3, ...more }).attributes).toEqual(more);
});

it('a field that is called otherwise, or lies deeper, is found under its configured name', () => {
  const fields = { fields: { runs: { name: 'meta.title', prompt: 'task_text' } } };
  const run = { meta: { title: 'Nightly' }, task_text: 'Do it.' };
  expect(mapped('runs', run, fields)).toMatchObject({ name: 'Nightly', prompt: 'Do it.' });
  expect(platform().platform.fieldNames('runs')).toContain('prompt');
});

it('a persona was last used when a run used it', () => {
  const { platform: one } = platform();
  one.map('personas', { _id: 'p1', name: 'judge' });
  one.map('runs', { _id: 'r1', personaId: 'p1', startedAt: UPDATED });
  expect(one.flush()).toEqual([{ kind: 'persona', data: { persona: 'judge', lastUsedAt: UPDATED } }]);
});

it('a persona was last used when a step used it, by whichever says later', () => {
  const { platform: one } = platform();
  one.map('personas', { _id: 'p1', name: 'judge', lastUsedAt: '2026-10-01T00:00:00.000Z' });
  one.map('runSteps', { _id: 's1', runId: 'r', personaId: 'p1', startedAt: '2026-10-02T00:00:00.000Z' });
  one.map('runSteps', { _id: 's2', runId: 'r', personaId: 'p1', startedAt: '2026-09-02T00:00:00.000Z' });
  expect(one.flush()).toEqual([
    { kind: 'persona', data: { persona: 'judge', lastUsedAt: '2026-10-02T00:00:00.000Z' } },
  ]);
  // Its document does not take that back.
  expect(
    one.map('personas', { _id: 'p1', name: 'judge', lastUsedAt: '2026-10-01T00:00:00.000Z' })[0]?.data,
  ).toMatchObject({
    lastUsedAt: '2026-10-02T00:00:00.000Z',
  });
});

it('names, scores and sprints that other documents gave are known after a restart', () => {
  const { platform: one } = platform();
  const blueprint = { projectId: 'p1', qualityWeights: { correctness: 1 }, qualityThreshold: 70, lastUsedAt: UPDATED };
  one.map('projects', { _id: 'p1', name: 'Shop' });
  one.map('workflows', { _id: 'w1', name: 'builder', ...blueprint });
  one.map('personas', { _id: 'j1', name: 'judge', ...blueprint });
  one.map('sandboxes', { _id: 's1', status: 'running', runId: 'r1' });
  one.map('sprintChains', { _id: 'c1', status: 'running', sprintCount: 2, sprintPrUrls: ['u1'], updatedAt: UPDATED });
  one.map('runSteps', { _id: 't1', runId: 'r1', index: 1, qualityScores: { correctness: 80 } });
  const sprint = { chainId: 'c1', sprintIndex: 0, name: 'One', startedAt: UPDATED, completedAt: UPDATED };
  one.map('runs', { _id: 'r1', ...sprint, status: 'completed', qualityScore: 90, updatedAt: UPDATED });
  expect(one.state()).toEqual({
    directory: {
      projects: { p1: 'Shop' },
      workflows: { w1: expect.objectContaining({ name: 'builder', project: 'Shop', threshold: 70 }) },
      personas: { j1: expect.objectContaining({ weights: { correctness: 1 }, lastUsedAt: UPDATED }) },
    },
    evaluations: {
      r1: { scores: { correctness: 80 }, order: 1, composite: 90, runRead: true, at: UPDATED },
    },
    sprints: {
      c1: {
        status: 'running',
        count: 2,
        isRead: true,
        at: UPDATED,
        sprints: {
          0: {
            index: 0,
            name: 'One',
            runId: 'r1',
            status: 'succeeded',
            startedAt: UPDATED,
            finishedAt: UPDATED,
            prUrl: 'u1',
          },
        },
      },
    },
    sandboxes: { s1: 'r1' },
  });
  const stored = platformState.parse(JSON.parse(JSON.stringify(one.state())));
  const config = configSchema.parse({ api: 'rest', base_url: 'https://x.convex.site/api/v1', api_key: 'k' });
  const again = new Platform(config, new Warnings(warnings().log), stored);
  expect(again.state()).toEqual(one.state());
  // And used: a message names its sandbox alone, a step its persona's id.
  expect(again.map('messages', { _id: 'm1', sandboxId: 's1' })[0]?.data).toMatchObject({ runId: 'r1' });
  const [step] = again.map('runSteps', { _id: 't2', runId: 'r1', personaId: 'j1', qualityScores: { composite: 75 } });
  expect(step?.data).toMatchObject({
    quality: { threshold: 70, weights: { correctness: 1 } },
    attributes: { persona: 'judge' },
  });
});

it('what is not known or not what it should be is warned of once, and kept', () => {
  const { platform: one, lines } = platform();
  for (const id of ['r1', 'r2']) {
    const [run] = one.map('runs', { _id: id, prStatus: 'exploded', iterations: 'many' });
    expect(run?.data).toMatchObject({ attributes: { iterations: 'many' } });
  }
  expect(lines).toMatchObject([
    { documents: 'runs', field: 'iterations', found: '"many"', expected: expect.stringContaining('whole number') },
    { field: 'prStatus', word: 'exploded' },
  ]);
  const [notification] = one.map('notifications', { _id: 'n1', type: 'budget_low' });
  expect(notification?.data).toMatchObject({ attributes: { rawType: 'budget_low' } });
});

it.each([
  ['workflows', 'workflowId'],
  ['personas', 'personaId'],
] as const)('%s are keyed by name, and keep their id', (kind, field) => {
  expect(mapped(kind, { name: 'builder' })).toMatchObject({ name: 'builder', attributes: { [field]: 'id1' } });
  expect(mapped(kind, { name: 'builder', isArchived: true, updatedAt: UPDATED })).toMatchObject({
    archivedAt: UPDATED,
  });
});
