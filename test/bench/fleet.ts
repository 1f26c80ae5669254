import type { Kind } from '../../exporter/src/contract/records.ts';
import { NOTIFICATION_TYPES } from '../../exporter/src/contract/records.ts';

/** An event as a sender writes it. */
export interface PushedEvent {
  readonly id: string;
  readonly source: string;
  readonly kind: Kind;
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export const SOURCE = 'bench';
/** Labels: 10 projects x 5 workflows x 4 outcomes are the 200 series of `fleet_runs_finished_total`. */
export const PROJECTS = Array.from({ length: 10 }, (_, i) => `team/repository-${i}`);
export const WORKFLOWS = ['feature', 'bugfix', 'review', 'refactor', 'release-notes'] as const;
const OUTCOMES = ['succeeded', 'failed', 'timed_out', 'cancelled'] as const;
const ROLES = ['planner', 'coder', 'checker'] as const;
const MODELS = ['claude-sonnet-4-5', 'gpt-5-codex', 'gemini-2.5-pro'] as const;
/** What agents print: prose, tool output, a stack trace; 80 to 400 characters, some with the words that redaction looks at. */
const OUTPUT = [
  'I will look at the failing test first. `src/parser/tokens.test.ts` expects the lexer to keep trailing trivia, while `readToken()` drops it when the next character is a line break.',
  '$ npm test -- --run src/parser\n ✓ src/parser/tokens.test.ts (41 tests) 212ms\n ✓ src/parser/expressions.test.ts (77 tests) 390ms\n Test Files  2 passed (2)\n      Tests  118 passed (118)\n   Duration  1.83s (transform 210ms, setup 0ms, collect 402ms, tests 602ms)',
  'The migration adds a column and an index. I keep the old column for one release, so that a rollback needs no data change.',
  "TypeError: Cannot read properties of undefined (reading 'status')\n    at describeRun (/workspace/src/runs/describeRun.ts:41:27)\n    at Array.map (<anonymous>)\n    at listRuns (/workspace/src/runs/listRuns.ts:88:18)\n    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)",
  'Edited 3 files (+48 -17): src/http/routes.ts, src/http/routes.test.ts, docs/api.md',
] as const;

/** Events of one run, in the shares of the mix: 9 output, 3 run updates, 3 steps, 3 usage, 1 job, 1 other: 20. */
export const EVENTS_PER_RUN = 20;
/** Runs that start in each round, in which every run under way has one event: so 100 are under way, each at another point. */
const STARTS_A_ROUND = 5;

/**
 * The events of `runs` runs, interleaved and ordered by time, which ends at `endMs`. The same arguments give the same
 * events but for their times.
 * @param prefix tells the runs of one call from those of another.
 */
export function* fleetEvents(runs: number, prefix: string, endMs: number): Generator<PushedEvent> {
  // One event a millisecond, or denser where that would reach further back than five minutes.
  const total = runs * EVENTS_PER_RUN;
  const stepMs = Math.min(1, 300_000 / total);
  let written = 0;
  const now = () => new Date(endMs - (total - written++) * stepMs);
  const active: Generator<PushedEvent>[] = [];
  let started = 0;
  while (started < runs || active.length > 0) {
    for (let i = 0; i < STARTS_A_ROUND && started < runs; i++) active.push(runEvents(started++, prefix, now));
    for (let i = active.length - 1; i >= 0; i--) {
      const next = (active[i] as Generator<PushedEvent>).next();
      if (next.done) active.splice(i, 1);
      else yield next.value;
    }
  }
}

const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;

function* runEvents(n: number, prefix: string, now: () => Date): Generator<PushedEvent> {
  const runId = `${prefix}-${n.toString(36).padStart(6, '0')}`;
  const scope = {
    project: pick(PROJECTS, n),
    workflow: pick(WORKFLOWS, Math.floor(n / PROJECTS.length)),
    persona: 'engineer',
  };
  const status = pick(OUTCOMES, Math.floor(n / (PROJECTS.length * WORKFLOWS.length)));
  const model = pick(MODELS, n);
  let count = 0;
  const event = (kind: Kind, at: Date, data: Record<string, unknown>): PushedEvent => ({
    id: `${runId}:${count++}`,
    source: SOURCE,
    kind,
    at: at.toISOString(),
    data,
  });
  const created = now();
  const createdAt = created.toISOString();
  yield event('run', created, {
    ...{ runId, ...scope, status: 'queued', createdAt, trigger: 'api', origin: 'workflow', name: `Task ${n}` },
    promptPreview: 'Make the parser keep trailing trivia, and add a test that shows it.',
  });
  const started = now();
  const startedAt = started.toISOString();
  yield event('run', started, { runId, status: 'running', startedAt, model, provider: 'anthropic', sandboxId: runId });
  for (let i = 0; i < 3; i++) {
    const from = now();
    const stepId = `s${i}`;
    for (let j = 0; j < 3; j++) {
      const seq = i * 3 + j;
      yield event('output', j === 0 ? from : now(), {
        ...{ runId, stepId, seq, role: j === 1 ? 'tool' : 'assistant', text: pick(OUTPUT, n + seq) },
        state: 'completed',
      });
    }
    const to = now();
    yield event('step', to, {
      ...{ runId, stepId, index: i, role: ROLES[i], model, status: 'succeeded', attempt: 1 },
      ...{ startedAt: from.toISOString(), finishedAt: to.toISOString() },
      ...(i === 2 ? { verdict: { passed: status === 'succeeded' } } : {}),
    });
    yield event('usage', now(), {
      ...{
        usageId: `${runId}:${i}`,
        runId,
        stepId,
        project: scope.project,
        persona: scope.persona,
        service: 'anthropic',
      },
      ...{
        model,
        inputTokens: 4_000 + (n % 977),
        outputTokens: 900 + (n % 89),
        cacheReadTokens: 12_000,
        costUsd: 0.04,
      },
    });
  }
  const jobAt = now();
  yield event('job', jobAt, {
    ...{ queue: 'runs', jobId: runId, enqueuedAt: createdAt, startedAt, finishedAt: jobAt.toISOString() },
    ...{ result: status === 'succeeded' ? 'complete' : 'failed', tries: 1 },
  });
  yield otherEvent(n, runId, scope, now(), event);
  const finished = now();
  yield event('run', finished, {
    ...{
      runId,
      status,
      finishedAt: finished.toISOString(),
      iterations: 1 + (n % 4),
      exitCode: status === 'succeeded' ? 0 : 1,
    },
    ...(status === 'failed'
      ? { error: { surface: 'run', message: 'checker: the tests failed in 3 of 3 attempts' } }
      : {}),
    ...(status === 'succeeded' ? { quality: { correctness: 90, composite: 70 + (n % 30), threshold: 75 } } : {}),
  });
}

function otherEvent(
  n: number,
  runId: string,
  scope: { project: string; workflow: string },
  at: Date,
  event: (kind: Kind, at: Date, data: Record<string, unknown>) => PushedEvent,
): PushedEvent {
  const { project, workflow } = scope;
  const time = at.toISOString();
  switch (n % 5) {
    case 0:
      return event('notification', at, {
        ...{ notificationId: runId, project, user: `user-${n % 50}`, type: pick(NOTIFICATION_TYPES, n), runId },
        createdAt: time,
      });
    case 1:
      return event('audit', at, {
        auditId: runId,
        actor: `user-${n % 50}`,
        action: 'run.create',
        project,
        target: runId,
      });
    case 2:
      return event('platformError', at, {
        errorId: runId,
        component: 'worker',
        project,
        level: 'error',
        message: 'timeout',
        runId,
      });
    case 3:
      return event('approval', at, { approvalId: runId, project, workflow, runId, requestedAt: time });
    default:
      return event('queue', at, { queue: `q${n % 7}`, due: n % 11, inProgress: n % 5, workers: 4, completedTotal: n });
  }
}
