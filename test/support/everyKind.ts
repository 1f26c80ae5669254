import type { Kind } from '../../exporter/src/contract/records.ts';
import type { PushedEvent } from './pushEvents.ts';

const MINUTE_MS = 60_000;

/**
 * Fresh events of every kind of record, with every field that something is counted from: what a ledger holds that has seen
 * all of the contract.
 */
export function everyKind(source: string, nowMs: number): PushedEvent[] {
  const at = (minutesAgo: number) => new Date(nowMs - minutesAgo * MINUTE_MS).toISOString();
  const labels = { project: 'web', workflow: 'build', persona: 'coder', trigger: 'user' };
  const done = { ...labels, createdAt: at(9), startedAt: at(8), finishedAt: at(7) };
  const failed = { message: '429 rate limit', surface: 'run' };

  // A kind that the contract gains has to gain its events here: the type asks for it.
  const data: Readonly<Record<Kind, readonly Record<string, unknown>[]>> = {
    run: [
      {
        ...done,
        runId: 'good',
        status: 'succeeded',
        iterations: 3,
        costUsd: 1.5,
        inputTokens: 10,
        quality: { composite: 88.5, correctness: 90, typeSafety: 80, threshold: 70, thresholdMet: true },
        pullRequest: { number: 1, status: 'merged', createdAt: at(8), mergedAt: at(7) },
        ci: { status: 'passing', checks: [{ name: 'test', status: 'completed', conclusion: 'success' }] },
      },
      {
        ...done,
        // Of another workflow, so that the success above does not resolve it.
        workflow: 'deploy',
        runId: 'bad',
        status: 'failed',
        error: failed,
        usageMissing: true,
        provider: 'anthropic',
        artifacts: [],
      },
      {
        ...labels,
        runId: 'blocked',
        status: 'waiting',
        createdAt: at(6),
        startedAt: at(5),
        pullRequest: { number: 2, status: 'blocked_on_ci', createdAt: at(5), blockedSince: at(4) },
        ci: { status: 'failing', checks: [{ name: 'lint', status: 'completed', conclusion: 'failure' }] },
      },
      { ...labels, runId: 'open', status: 'queued', createdAt: at(3) },
    ],
    step: [
      {
        runId: 'good',
        stepId: 'check',
        role: 'checker',
        status: 'succeeded',
        startedAt: at(8),
        finishedAt: at(7),
        verdict: { passed: true },
      },
      {
        runId: 'bad',
        stepId: 'write',
        verb: 'WRITE',
        status: 'failed',
        startedAt: at(8),
        finishedAt: at(7),
        error: failed,
      },
    ],
    output: [{ runId: 'good', stepId: 'check', seq: 1, role: 'assistant', text: 'Looks good.' }],
    chain: [
      {
        chainId: 'c1',
        project: 'web',
        status: 'succeeded',
        createdAt: at(9),
        finishedAt: at(2),
        sprints: [{ index: 0, runId: 'good', status: 'succeeded', startedAt: at(8), finishedAt: at(7) }],
      },
      { chainId: 'c2', project: 'web', status: 'running', createdAt: at(1) },
    ],
    sandbox: [
      { sandboxId: 's1', project: 'web', status: 'running', createdAt: at(5) },
      {
        sandboxId: 's2',
        project: 'web',
        status: 'error',
        createdAt: at(5),
        endedAt: at(4),
        error: { message: 'no template' },
      },
    ],
    usage: [
      {
        usageId: 'u1',
        project: 'web',
        runId: 'good',
        persona: 'coder',
        service: 'anthropic',
        model: 'claude',
        stepType: 'design',
        costUsd: 0.25,
        inputTokens: 100,
        outputTokens: 20,
        cacheReadTokens: 50,
        cacheWriteTokens: 5,
        reasoningTokens: 3,
      },
      { usageId: 'u2', project: 'web', service: 'e2b', quantity: 12, unit: 'cpu_seconds', costUsd: 0.01 },
    ],
    queue: [
      {
        queue: 'arq',
        due: 3,
        deferred: 1,
        inProgress: 2,
        oldestDueAt: at(1),
        workers: 4,
        enqueuedTotal: 10,
        completedTotal: 5,
        failedTotal: 1,
        retriedTotal: 1,
      },
    ],
    job: [
      {
        queue: 'jobs',
        jobId: 'j1',
        enqueuedAt: at(3),
        startedAt: at(2),
        finishedAt: at(1),
        result: 'complete',
        tries: 1,
      },
    ],
    errorGroup: [{ fingerprint: 'f1', component: 'handlePush', project: 'web', kind: 'new', count: 2 }],
    approval: [
      { approvalId: 'a1', project: 'web', workflow: 'build', requestedAt: at(5), slaSeconds: 600 },
      {
        approvalId: 'a2',
        project: 'web',
        workflow: 'build',
        requestedAt: at(5),
        decidedAt: at(4),
        decision: 'approved',
      },
    ],
    notification: [{ notificationId: 'n1', project: 'web', type: 'run_failed', title: 'Run failed', createdAt: at(2) }],
    audit: [{ auditId: 'd1', actor: 'ann', action: 'persona_edit', project: 'web' }],
    store: [
      {
        store: 'redis',
        up: true,
        hitsTotal: 10,
        missesTotal: 2,
        evictionsTotal: 1,
        memoryBytes: 1e6,
        keys: 7,
        latencySeconds: 0.001,
      },
      { store: 'postgres', up: false, error: { kind: 'timeout', message: 'no answer' } },
    ],
    service: [{ service: 'api', up: true, version: '1.0', uptimeSeconds: 60, latencySeconds: 0.01 }],
    adapter: [{ adapter: 'github', project: 'web', result: 'ok', count: 3, eventId: 'x1' }],
    rateLimit: [{ project: 'web', layer: 'repo', limited: true, limit: 10, remaining: 0, eventId: 'y1' }],
    platformError: [
      { errorId: 'p1', component: 'handleIssueComment', project: 'web', message: 'undefined is not a function' },
    ],
    project: [{ project: 'web', workflows: 2, members: 3, pendingInvitations: 1 }],
    dailyStat: [{ project: 'web', date: at(0).slice(0, 10), runsCreated: 4, iterations: 3 }],
    workflow: [{ workflow: 'build', project: 'web', version: '1', approvalSlaSeconds: 900, lastUsedAt: at(2) }],
    persona: [{ persona: 'coder', project: 'web', lastUsedAt: at(2) }],
  };
  return Object.entries(data).flatMap(([kind, records]) =>
    records.map((record, i) => ({ id: `every-${kind}-${i}`, source, kind, at: at(0.5), data: record })),
  );
}
