import fc from 'fast-check';
import type { NormalisedEvent } from '../../exporter/src/contract/events.ts';
import { STATUSES } from '../../exporter/src/contract/status.ts';
import { DAY_MS, event } from '../ledger/ledgerBed.ts';

export const HOUR_MS = 3_600_000;
/** Ten days that end some days ago, on an hour. */
export const FLEET_FROM = Math.floor(Date.now() / DAY_MS) * DAY_MS - 20 * DAY_MS;
const LENGTH_MS = 10 * DAY_MS;

/** Of these, `byRun` says the cost with the run, the others with usage records. */
export const SOURCES = ['platform', 'byRun'] as const;
export const PROJECTS = ['acme/web', 'acme/api', 'acme/secret'] as const;

const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined, freq: 4 });
const pick = (...values: string[]) => maybe(fc.constantFrom(...values));
const iso = (ms: number) => new Date(ms).toISOString();

const run = fc.record({
  source: fc.constantFrom(...SOURCES),
  project: maybe(fc.constantFrom(...PROJECTS)),
  workflow: pick('feature', 'bugfix'),
  persona: pick('engineer', 'reviewer', 'planner'),
  model: pick('large', 'small'),
  status: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('succeeded', 'failed', 'timed_out', 'cancelled') },
    fc.constantFrom(...STATUSES),
  ),
  // On the hour now and then: the edges of windows lie there.
  createdMs: fc.oneof(
    fc.nat(LENGTH_MS / HOUR_MS).map((h) => h * HOUR_MS),
    fc.nat(LENGTH_MS),
  ),
  waitMs: fc.nat(600_000),
  tookMs: fc.nat(5 * HOUR_MS),
  saysStart: fc.boolean(),
  saysEnd: fc.boolean(),
  iterations: maybe(fc.nat(4)),
  attempts: maybe(fc.integer({ min: 1, max: 3 })),
  costUsd: maybe(fc.integer({ min: 0, max: 99_999 }).map((n) => n / 1_000)),
  composite: maybe(fc.integer({ min: 0, max: 1_000 }).map((n) => n / 10)),
  category: pick('api_key', 'git_push', 'network'),
  pullRequest: pick('none', 'created', 'merged', 'failed', 'blocked_on_ci', 'closed'),
  mergeMs: maybe(fc.nat(3 * DAY_MS)),
  verdicts: fc.array(
    fc.record({
      role: fc.constantFrom('checker', 'evaluator'),
      iteration: maybe(fc.integer({ min: 1, max: 3 })),
      index: maybe(fc.nat(5)),
      passed: fc.boolean(),
      says: fc.constantFrom('verdict', 'threshold', 'scores', 'nothing'),
    }),
    { maxLength: 4 },
  ),
  usage: fc.array(
    fc.record({
      costUsd: maybe(fc.integer({ min: 0, max: 50_000 }).map((n) => n / 1_000)),
      saysProject: fc.boolean(),
      saysPersona: fc.boolean(),
      model: pick('large', 'small', 'tiny'),
      afterMs: fc.nat(30 * HOUR_MS),
    }),
    { maxLength: 3 },
  ),
});

export interface Fleet {
  readonly first: readonly NormalisedEvent[];
  /** What comes later: the rest, late usage, contradictions, and some of the first again. */
  readonly second: readonly NormalisedEvent[];
}

/** Runs of some days: each told by one or more events, which come in two parts. */
export const fleet: fc.Arbitrary<Fleet> = fc
  .record({
    runs: fc.array(run, { minLength: 5, maxLength: 40 }),
    lateFrom: fc.nat(100),
    corrected: fc.array(
      fc.record({
        run: fc.nat(39),
        to: fc.record(
          {
            project: fc.constantFrom(...PROJECTS),
            persona: fc.constantFrom('engineer', 'auditor'),
            status: fc.constantFrom('failed', 'succeeded'),
            model: fc.constantFrom('large', 'huge'),
            iterations: fc.nat(3),
          },
          { requiredKeys: [] },
        ),
      }),
      { maxLength: 8 },
    ),
    moved: fc.array(fc.record({ run: fc.nat(39), usage: fc.nat(2), to: maybe(fc.nat(39)) }), { maxLength: 5 }),
    loose: fc.array(
      fc.record({ costUsd: fc.nat(9_000), atMs: fc.nat(LENGTH_MS), project: maybe(fc.constantFrom(...PROJECTS)) }),
      { minLength: 1, maxLength: 3 },
    ),
    adopted: fc.array(fc.nat(39), { minLength: 1, maxLength: 3 }),
    shuffle: fc.infiniteStream(fc.nat(1_000)),
  })
  .map(({ runs, lateFrom, corrected, moved, loose, adopted, shuffle }) => {
    const events = runs.flatMap(runEvents);
    loose.forEach(({ costUsd, atMs, project }, i) => {
      events.push(
        event(`loose-${i}`, 'usage', FLEET_FROM + atMs, { usageId: `loose-${i}`, costUsd, project }, 'platform'),
      );
    });
    const sorted = events
      .map((each) => ({ each, place: shuffle.next().value as number }))
      .sort((a, b) => a.place - b.place);
    const cut = Math.floor((sorted.length * lateFrom) / 100);
    const first = sorted.slice(0, cut).map(({ each }) => each);
    const rest = sorted.slice(cut).map(({ each }) => each);
    const corrections = corrected.flatMap(({ run: index, to }, i) => {
      const said = runs[index];
      if (said === undefined || Object.keys(to).length === 0) return [];
      return [
        event(`correction-${i}`, 'run', FLEET_FROM + LENGTH_MS + i * 1000, { runId: `r${index}`, ...to }, said.source),
      ];
    });
    // Usage that turns out to be of another run, or of none.
    const moves = moved.flatMap(({ run: index, usage, to }, i) => {
      const said = runs[index];
      if (said?.usage[usage] === undefined) return [];
      const data = { usageId: `r${index}-u${usage}`, runId: to === undefined ? null : `r${to}` };
      return [event(`moved-${i}`, 'usage', FLEET_FROM + LENGTH_MS + i * 1000, data, said.source)];
    });
    // And usage of none that turns out to be of a run.
    const adoptions = adopted.slice(0, loose.length).map((run, i) => {
      const data = { usageId: `loose-${i}`, runId: `r${run % runs.length}` };
      return event(`adopted-${i}`, 'usage', FLEET_FROM + LENGTH_MS + i * 1000, data, 'platform');
    });
    return { first, second: [...rest, ...corrections, ...moves, ...adoptions, ...first.slice(0, 10)] };
  });

function runEvents(of: typeof run extends fc.Arbitrary<infer T> ? T : never, index: number): NormalisedEvent[] {
  const runId = `r${index}`;
  const createdMs = FLEET_FROM + of.createdMs;
  const startedMs = createdMs + of.waitMs;
  const endedMs = startedMs + of.tookMs;
  const { source, project, workflow, persona, model } = of;
  const events = [
    event(
      `${runId}-created`,
      'run',
      createdMs,
      { runId, project, workflow, persona, status: 'queued', createdAt: iso(createdMs) },
      source,
    ),
    event(
      `${runId}-ended`,
      'run',
      endedMs,
      {
        runId,
        model,
        status: of.status,
        ...(of.saysStart ? { startedAt: iso(startedMs) } : {}),
        ...(of.saysEnd ? { finishedAt: iso(endedMs) } : {}),
        iterations: of.iterations,
        attempts: of.attempts,
        costUsd: of.costUsd,
        ...(of.composite === undefined ? {} : { quality: { composite: of.composite } }),
        ...(of.category === undefined ? {} : { error: { category: of.category, message: 'it failed' } }),
        ...(of.pullRequest === undefined
          ? {}
          : {
              pullRequest: {
                status: of.pullRequest,
                createdAt: iso(endedMs),
                ...(of.mergeMs === undefined ? {} : { mergedAt: iso(endedMs + of.mergeMs) }),
              },
            }),
      },
      source,
    ),
  ];
  of.verdicts.forEach(({ role, iteration, index: place, passed, says }, i) => {
    const composite = passed ? 80 : 20;
    events.push(
      event(
        `${runId}-step-${i}`,
        'step',
        startedMs,
        {
          ...{ runId, stepId: `s${i}`, role, iteration, index: place, status: 'succeeded' },
          ...(says === 'verdict' ? { verdict: { passed } } : {}),
          ...(says === 'threshold' ? { quality: { thresholdMet: passed } } : {}),
          ...(says === 'scores' ? { quality: { composite, threshold: 50 } } : {}),
        },
        source,
      ),
    );
  });
  of.usage.forEach(({ costUsd, saysProject, saysPersona, model: used, afterMs }, i) => {
    events.push(
      event(
        `${runId}-usage-${i}`,
        'usage',
        startedMs + afterMs,
        {
          ...{ usageId: `${runId}-u${i}`, runId, costUsd, model: used },
          ...(saysProject ? { project } : {}),
          ...(saysPersona ? { persona } : {}),
        },
        source,
      ),
    );
  });
  return events;
}
