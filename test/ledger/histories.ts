import fc from 'fast-check';
import type { NormalisedEvent } from '../../exporter/src/contract/events.ts';
import { KINDS, type Kind } from '../../exporter/src/contract/records.ts';
import { STATUSES } from '../../exporter/src/contract/status.ts';
import { EventRejected } from '../../exporter/src/normalise/normaliseEvent.ts';
import { event } from './ledgerBed.ts';

/** Histories happen in the hours before the test: nothing is too old, in the future, or silent for a day. */
const START = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 6 * 3_600_000;
const MINUTE = 60_000;

/** A moment of the history, minutes and milliseconds from its start. */
export function moment(minutes: number, ms = 0): string {
  return new Date(START + minutes * MINUTE + ms).toISOString();
}

/** The property tests' seed and length: the same histories at each run, more of them where the variable says so. */
export function propertyRuns(usual: number): fc.Parameters<unknown> & { seed: number; numRuns: number } {
  const raised = process.env.FLEETLENS_PROPERTY_RUNS;
  return raised === undefined
    ? { seed: 20_261_120, numRuns: usual }
    : { seed: Date.now() & 0x7fffffff, numRuns: Math.max(usual, Number(raised)) };
}

/** A deadline for hung tests; long runs are asked for. */
export const PROPERTY_TIMEOUT_MS = process.env.FLEETLENS_PROPERTY_RUNS === undefined ? 300_000 : 3_600_000;

// Few values, so that events meet: the same fields, the same moments, the same names.
const time = fc.constantFrom(...[0, 1, 2, 3, 5, 8, 13, 21].map((m) => moment(m)));
const project = fc.constantFrom('web', 'api');
const name = fc.constantFrom('one', 'two', 'q#1', 'constructor', 'a"b\nc');
const money = fc.constantFrom(0, 0.1, 0.2, 0.3, 1e-9, 1.005, 12_345.678901234);
const small = fc.constantFrom(0, 1, 2, 3, 7);
const cleared = <T>(values: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 6, arbitrary: values }, { weight: 1, arbitrary: fc.constant(null) });
const status = fc.constantFrom(...STATUSES, 'weird');
const error = fc.constantFrom(
  { message: 'rate limit' },
  { message: 'timed out', surface: 'pr' },
  { category: 'network' },
);
const quality = fc.constantFrom(
  { composite: 70, threshold: 60 },
  { composite: 20, correctness: 33.3, thresholdMet: false },
  { completeness: 100 },
);
const pullRequest = fc.constantFrom(
  { status: 'created', url: 'u', createdAt: moment(2) },
  { status: 'blocked_on_ci', createdAt: moment(2), blockedSince: moment(3) },
  { status: 'merged', createdAt: moment(2), mergedAt: moment(8) },
  { status: 'failed', error: 'push rejected' },
  { status: 'closed' },
);
const ci = fc.constantFrom(
  { status: 'pending', checks: [{ name: 'test #1' }] },
  { status: 'failing', checks: [{ name: 'test #1', conclusion: 'failure', url: 'r1' }] },
  {
    status: 'passing',
    checks: [
      { name: 'test #1', conclusion: 'success', url: 'r2' },
      { name: 'lint', conclusion: 'success' },
    ],
  },
);
const attributes = fc.constantFrom({ x: 1 }, { x: 2, constructor: 'c' }, { x: null }, { toString: { deep: [1] } });

type Shape = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/**
 * Which records there are, and what events may say of them: any part, in any combination. What is tried again says each time
 * which attempt it is, and under which labels: what was counted for an attempt that is over is compared with nothing any more.
 */
const NASTY: { readonly [K in Kind]: { /** Said by every event. */ readonly key: Shape; readonly fields: Shape } } = {
  run: {
    key: { runId: fc.constantFrom('r1', 'r2') },
    fields: {
      project,
      workflow: name,
      persona: name,
      trigger: name,
      origin: fc.constantFrom('web', 'issue'),
      provider: fc.constantFrom('anthropic', 'acme'),
      status,
      createdAt: time,
      startedAt: time,
      finishedAt: time,
      iterations: small,
      error,
      quality,
      pullRequest,
      ci,
      costUsd: money,
      inputTokens: small,
      outputTokens: small,
      usageMissing: fc.boolean(),
      artifacts: fc.constantFrom([], [{ name: 'log' }]),
      acknowledgedAt: time,
      attributes,
      unheardOf: name,
    },
  },
  step: {
    key: {
      runId: fc.constantFrom('r1', 'r2', 'never'),
      stepId: fc.constantFrom('s1', 's2'),
      role: fc.constantFrom('checker', 'designer'),
    },
    fields: {
      verb: name,
      status,
      startedAt: time,
      finishedAt: time,
      verdict: fc.constantFrom({ passed: true }, { passed: false }, {}),
      error,
      costUsd: money,
    },
  },
  output: {
    key: { runId: fc.constantFrom('r1', 'r2'), stepId: fc.constant('s1'), seq: small },
    fields: { text: name, state: fc.constantFrom('streaming', 'completed') },
  },
  chain: {
    key: { chainId: fc.constantFrom('c1', 'c2'), project },
    fields: {
      status: fc.constantFrom('queued', 'running', 'succeeded', 'failed'),
      createdAt: time,
      finishedAt: time,
      sprints: fc.constantFrom(
        [{ index: 0, runId: 'r#1', status: 'running' }],
        [{ index: 0, runId: 'r#1', status: 'succeeded', startedAt: moment(1), finishedAt: moment(3) }],
        [
          { index: 0, runId: 'r#1', status: 'failed' },
          { index: 1, runId: 'r#2', status: 'succeeded' },
        ],
      ),
    },
  },
  sandbox: {
    key: { sandboxId: fc.constantFrom('b1', 'b2') },
    fields: {
      project,
      status: fc.constantFrom('creating', 'running', 'paused', 'killed', 'error'),
      createdAt: time,
      startedAt: time,
      runId: fc.constant('r1'),
      error,
      learningExtractionError: name,
      pullRequest,
    },
  },
  usage: {
    key: { usageId: fc.constantFrom('u1', 'u2', 'u3') },
    fields: {
      project,
      runId: fc.constantFrom('r1', 'r2'),
      persona: name,
      service: fc.constantFrom('anthropic', 'acme'),
      model: name,
      quantity: small,
      unit: fc.constantFrom('input_tokens', 'sandbox_seconds'),
      costUsd: money,
      inputTokens: small,
      cacheReadTokens: small,
      stepType: name,
    },
  },
  queue: {
    key: { queue: name },
    fields: {
      due: small,
      deferred: small,
      inProgress: small,
      oldestDueAt: time,
      workers: small,
      enqueuedTotal: fc.constantFrom(0, 5, 10, 100),
      completedTotal: fc.constantFrom(0, 5, 10, 100),
      failedTotal: small,
      serverRunId: fc.constantFrom('A', 'B'),
    },
  },
  job: {
    key: { queue: name, jobId: fc.constantFrom('j1', 'j2') },
    fields: {
      enqueuedAt: time,
      startedAt: time,
      finishedAt: time,
      result: fc.constantFrom('complete', 'failed', 'retried'),
    },
  },
  errorGroup: {
    key: { fingerprint: fc.constant('g') },
    fields: { component: name, kind: fc.constantFrom('new', 'regressed'), regressions: small, count: small },
  },
  approval: {
    key: { approvalId: fc.constantFrom('a1', 'a2') },
    fields: {
      project,
      workflow: name,
      requestedAt: time,
      decidedAt: time,
      decision: fc.constantFrom('approved', 'expired'),
      slaSeconds: money,
    },
  },
  notification: {
    key: { notificationId: fc.constant('n1') },
    fields: { project, type: fc.constantFrom('run_failed', 'pr_merged'), createdAt: time },
  },
  // An entry is told once: what comes under its id later is refused (auditTrail.test.ts).
  audit: { key: { auditId: fc.uuid() }, fields: { action: fc.constantFrom('pr_merge', 'strange'), project } },
  store: {
    key: { store: fc.constantFrom('redis', 'postgres') },
    fields: {
      up: fc.boolean(),
      latencySeconds: money,
      memoryBytes: small,
      keys: small,
      hitsTotal: fc.constantFrom(0, 5, 10, 100),
      missesTotal: small,
      error: fc.constantFrom({ kind: 'timeout' }, {}),
      serverRunId: fc.constantFrom('A', 'B'),
    },
  },
  service: { key: { service: fc.constantFrom('api', 'worker') }, fields: { up: fc.boolean(), latencySeconds: money } },
  adapter: {
    key: { adapter: name, result: fc.constantFrom('ok', 'auth'), at: time },
    fields: { project, count: small },
  },
  rateLimit: { key: { layer: fc.constantFrom('ip', 'repo'), at: time }, fields: { limited: fc.boolean() } },
  platformError: { key: { errorId: fc.constantFrom('e1', 'e2') }, fields: { component: name, message: name } },
  project: { key: { project }, fields: { members: small, workflows: small, pendingInvitations: small } },
  dailyStat: { key: { project, date: fc.constant('2026-01-01') }, fields: { runsCreated: small } },
  workflow: { key: { workflow: name }, fields: { project, approvalSlaSeconds: money, archivedAt: time } },
  persona: { key: { persona: name }, fields: { project, lastUsedAt: time, archivedAt: time } },
};

/** The attempt that is under way; its number never falls. */
const ATTEMPT: { readonly [K in Kind]?: (retries: number) => Record<string, number> } = {
  run: (retries) => ({ attempts: retries + 1 }),
  step: (retries) => ({ attempt: retries + 1 }),
  job: (retries) => ({ tries: retries + 1 }),
  chain: (retries) => ({ resumeFromSprint: retries }),
};

/** What is said; source and id come when it is sent. */
export interface Happening {
  readonly kind: Kind;
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

function isAccepted(happening: Happening): boolean {
  try {
    event('x', happening.kind, happening.at, happening.data);
    return true;
  } catch (error) {
    if (error instanceof EventRejected) return false;
    throw error;
  }
}

/** One event about one of few records: partial, late, contradicting, whatever. */
export function nastyHappening(kinds: readonly Kind[] = KINDS): fc.Arbitrary<Happening> {
  return fc
    .constantFrom(...kinds)
    .chain((kind) => {
      const { key, fields } = NASTY[kind];
      const said = Object.fromEntries(Object.entries(fields).map(([field, values]) => [field, cleared(values)]));
      return fc
        .tuple(
          fc.record(key),
          fc.record(said, { requiredKeys: [] }),
          fc.integer({ min: 0, max: 25 }),
          fc.constantFrom(0, 0, 0, 1),
        )
        .map(([keys, data, minutes, ms]) => {
          const at = moment(minutes, ms);
          return { kind, at, data: { ...data, ...keys, ...ATTEMPT[kind]?.(Math.floor(minutes / 9)) } };
        });
    })
    .filter(isAccepted);
}

/** Some runs and steps dominate, as in life; every kind occurs. */
export function nastyHistory(maxLength: number): fc.Arbitrary<Happening[]> {
  const happening = fc.oneof(
    { weight: 3, arbitrary: nastyHappening(['run']) },
    { weight: 2, arbitrary: nastyHappening(['step']) },
    { weight: 1, arbitrary: nastyHappening(['queue', 'store']) },
    { weight: 4, arbitrary: nastyHappening() },
  );
  return fc.array(happening, { minLength: 1, maxLength });
}

const lifeOfRun = (index: number): fc.Arbitrary<Happening[]> =>
  fc
    .record({
      project,
      workflow: fc.constantFrom('build', 'fix'),
      persona: fc.constantFrom('coder', 'tester'),
      trigger: fc.constantFrom('user', 'api'),
      start: fc.integer({ min: 0, max: 60 }),
      queued: fc.integer({ min: 0, max: 100_000 }),
      took: fc.integer({ min: 0, max: 3_000_000 }),
      end: fc.constantFrom(undefined, 'succeeded', 'failed', 'timed_out', 'cancelled'),
      iterations: small,
      quality,
      cost: money,
      steps: fc.array(fc.record({ role: fc.constantFrom('checker', 'designer'), ok: fc.boolean() }), { maxLength: 3 }),
      ack: fc.boolean(),
      hasChain: fc.boolean(),
    })
    .map((run) => {
      const runId = `run-${index}`;
      const createdAt = moment(run.start);
      const startedAt = moment(run.start, run.queued);
      const finishedAt = moment(run.start, run.queued + run.took);
      const { project, workflow, persona, trigger } = run;
      const labels = { runId, project, workflow, persona, trigger, createdAt };
      const told: Happening[] = [
        { kind: 'run', at: createdAt, data: { ...labels, status: 'queued' } },
        { kind: 'run', at: startedAt, data: { ...labels, status: 'running', startedAt } },
        {
          kind: 'sandbox',
          at: startedAt,
          data: { sandboxId: `box-${index}`, project, runId, status: 'running', createdAt },
        },
        { kind: 'job', at: startedAt, data: { queue: 'q', jobId: runId, enqueuedAt: createdAt, startedAt } },
        {
          kind: 'approval',
          at: startedAt,
          data: { approvalId: runId, project, workflow, requestedAt: startedAt, slaSeconds: 60 },
        },
      ];
      run.steps.forEach((step, n) => {
        const at = { runId, stepId: `s${n}`, role: step.role };
        told.push({ kind: 'step', at: startedAt, data: { ...at, status: 'running', startedAt } });
        if (run.end === undefined) return;
        const status = step.ok ? 'succeeded' : 'failed';
        told.push({
          kind: 'step',
          at: finishedAt,
          data: { ...at, status, startedAt, finishedAt, verdict: { passed: step.ok } },
        });
        told.push({
          kind: 'usage',
          at: finishedAt,
          data: {
            usageId: `${runId}-${n}`,
            runId,
            project,
            persona,
            service: 'anthropic',
            model: 'm',
            costUsd: run.cost,
            inputTokens: n,
          },
        });
      });
      if (run.hasChain)
        told.push({ kind: 'chain', at: startedAt, data: { chainId: runId, project, status: 'running', createdAt } });
      if (run.end === undefined) return told;
      told.push({
        kind: 'run',
        at: finishedAt,
        data: { ...labels, status: run.end, startedAt, finishedAt, iterations: run.iterations, quality: run.quality },
      });
      if (run.ack)
        told.push({
          kind: 'run',
          at: moment(run.start, run.queued + run.took + 1),
          data: { ...labels, acknowledgedAt: finishedAt },
        });
      told.push({
        kind: 'sandbox',
        at: finishedAt,
        data: { sandboxId: `box-${index}`, project, runId, status: 'killed', endedAt: finishedAt },
      });
      told.push({
        kind: 'job',
        at: finishedAt,
        data: { queue: 'q', jobId: runId, enqueuedAt: createdAt, startedAt, finishedAt, result: 'complete' },
      });
      told.push({
        kind: 'approval',
        at: finishedAt,
        data: {
          approvalId: runId,
          project,
          workflow,
          requestedAt: startedAt,
          decidedAt: finishedAt,
          decision: 'approved',
        },
      });
      told.push({
        kind: 'notification',
        at: finishedAt,
        data: { notificationId: runId, project, type: 'run_completed' },
      });
      if (run.hasChain) {
        const sprints = [{ index: 0, runId, status: run.end, startedAt, finishedAt }];
        told.push({
          kind: 'chain',
          at: finishedAt,
          data: { chainId: runId, project, status: 'succeeded', createdAt, finishedAt, sprints },
        });
      }
      return told;
    });

/** Runs with all that comes with them, told by a source that never contradicts itself: each label said from the first event on. */
export function faithfulHistory(maxRuns: number): fc.Arbitrary<Happening[]> {
  return fc.integer({ min: 1, max: maxRuns }).chain((runs) =>
    fc
      .tuple(
        fc.tuple(...Array.from({ length: runs }, (_, index) => lifeOfRun(index))),
        fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 6 }),
      )
      .map(([lives, readings]) => [
        ...lives.flat(),
        ...[...new Set(readings)].map(
          (minutes): Happening => ({
            kind: 'queue',
            at: moment(minutes),
            data: { queue: 'q', due: minutes % 7, workers: 2 },
          }),
        ),
      ]),
  );
}

/** As events of a source, each with an id of its own; ids sort unlike the history, since equal times go by them. */
export function toEvents(history: readonly Happening[], source: string): NormalisedEvent[] {
  return history.map(({ kind, at, data }, i) => event(`${(i * 7919) % 997}-${i}`, kind, at, { ...data }, source));
}

/** The history in another order, with some of it said again. */
export function scrambled<T>(items: readonly T[]): fc.Arbitrary<T[]> {
  return fc
    .tuple(
      fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length }),
      fc.array(fc.nat(Math.max(0, items.length - 1)), { maxLength: 6 }),
      fc.array(fc.nat(items.length), { minLength: 6, maxLength: 6 }),
    )
    .map(([order, again, places]) => {
      const copy = [...order];
      again.forEach((index, i) => {
        copy.splice(places[i] ?? 0, 0, items[index] as T);
      });
      return copy;
    });
}

/** Cuts a list into batches of random sizes. */
export function batched<T>(items: readonly T[]): fc.Arbitrary<T[][]> {
  return fc
    .array(fc.integer({ min: 1, max: Math.max(1, items.length) }), { minLength: 1, maxLength: items.length || 1 })
    .map((sizes) => {
      const batches: T[][] = [];
      for (let from = 0, i = 0; from < items.length; i++) {
        const size = sizes[i % sizes.length] as number;
        batches.push(items.slice(from, from + size));
        from += size;
      }
      return batches;
    });
}
