import type pg from 'pg';
import { ANALYTICS_DIMENSIONS, type AnalyticsDimension } from '../../exporter/src/contract/dimensions.ts';
import type { RunRecord, StepRecord } from '../../exporter/src/contract/records.ts';

/** The figures of the API, computed run by run from the records: slow and obvious, and by no code of the exporter. */

type Group = { readonly [D in AnalyticsDimension]: string } & { readonly category: string };

export interface SlowRun extends Group {
  readonly key: string;
  readonly status: string;
  readonly endedMs: number;
  readonly durationSeconds: number | undefined;
  readonly waitSeconds: number | undefined;
  readonly iterations: number | undefined;
  readonly costUsd: number | undefined;
  readonly quality: number | undefined;
  readonly firstPass: { readonly by: 'verdict' | 'outcome'; readonly passed: boolean } | undefined;
  readonly pullRequest: boolean;
  readonly merged: boolean;
  readonly mergeSeconds: number | undefined;
}

interface SlowSpend extends Group {
  readonly atMs: number;
  readonly usd: number;
}

export interface SlowLedger {
  readonly runs: readonly SlowRun[];
  readonly spends: readonly SlowSpend[];
}

interface Row<Doc> {
  readonly source: string;
  readonly key: string;
  readonly doc: Doc;
  readonly stamps: [at: string, id: string, fields?: string[]][];
  readonly counted: [number, string, number, unknown?, [string, number, string, string, string]?][] | null;
}

interface UsageDoc {
  readonly runId?: string;
  readonly model?: string;
  readonly costUsd?: number;
}

const OVER = ['succeeded', 'failed', 'timed_out', 'cancelled'];

export async function readSlowly(pool: pg.Pool): Promise<SlowLedger> {
  const table = async <Doc>(name: string) =>
    (await pool.query<Row<Doc>>(`select source, key, doc, stamps, counted from fleetlens.${name} order by source, key`))
      .rows;
  const runs = await table<RunRecord>('run');
  const steps = await table<StepRecord>('step');
  const usage = await table<UsageDoc>('usage');
  const spends: SlowSpend[] = [];
  const spend = (row: Row<unknown>, model: string | undefined, run: RunRecord | undefined) => {
    for (const [, , , , spent] of row.counted ?? []) {
      if (spent === undefined) continue;
      const [nano, slot, project, persona] = spent;
      spends.push({
        source: row.source,
        project: project || (run?.project ?? ''),
        workflow: run?.workflow ?? '',
        persona: persona || (run?.persona ?? ''),
        model: model ?? run?.model ?? '',
        category: '',
        atMs: slot * 900_000,
        usd: Number(nano) / 1e9,
      });
    }
  };
  for (const row of runs) spend(row, row.doc.model, row.doc);
  for (const row of usage) {
    spend(row, row.doc.model, runs.find((r) => r.source === row.source && r.key === row.doc.runId)?.doc);
  }
  return {
    spends,
    runs: runs
      .filter(({ doc }) => OVER.includes(doc.status ?? ''))
      .map((row) =>
        slowRun(
          row,
          steps.filter((s) => s.source === row.source && s.doc.runId === row.key).map((s) => s.doc),
          usage.filter((u) => u.source === row.source && u.doc.runId === row.key),
        ),
      ),
  };
}

const seconds = (from: string | undefined, to: string | undefined) => {
  if (from === undefined || to === undefined) return undefined;
  const ms = Date.parse(to) - Date.parse(from);
  return ms < 0 ? undefined : ms / 1000;
};

function slowRun({ source, key, doc, stamps }: Row<RunRecord>, steps: StepRecord[], usage: Row<UsageDoc>[]): SlowRun {
  const status = doc.status as string;
  const stated = stamps.slice(1).find(([, , fields]) => fields?.includes('status')) ?? stamps[0];
  const ended = doc.finishedAt ?? stated?.[0] ?? '';
  const isFailure = status === 'failed' || status === 'timed_out';
  const usageCounts = usage.some((u) => u.counted?.some((entry) => entry[4] !== undefined));
  const usageCost = usage.reduce((sum, u) => sum + (u.doc.costUsd ?? 0), 0);
  const attempts = doc.attempts ?? 1;
  const merged = doc.pullRequest?.status === 'merged';
  return {
    source,
    key,
    project: doc.project ?? '',
    workflow: doc.workflow ?? '',
    persona: doc.persona ?? '',
    model: doc.model ?? '',
    category: isFailure ? (doc.error?.category ?? (status === 'timed_out' ? 'timeout' : 'other')) : '',
    status,
    endedMs: Date.parse(ended),
    durationSeconds: seconds(doc.startedAt, ended),
    waitSeconds: attempts <= 1 ? seconds(doc.createdAt, doc.startedAt) : undefined,
    iterations: doc.iterations,
    costUsd: usageCounts ? usageCost : doc.costUsd,
    quality: doc.quality?.composite,
    firstPass: status === 'cancelled' ? undefined : firstPass(doc, steps),
    pullRequest: ['created', 'merged', 'blocked_on_ci', 'closed'].includes(doc.pullRequest?.status ?? ''),
    merged,
    mergeSeconds: merged ? seconds(doc.pullRequest?.createdAt, doc.pullRequest?.mergedAt) : undefined,
  };
}

function firstPass(run: RunRecord, steps: StepRecord[]): SlowRun['firstPass'] {
  const first = new Map<string, boolean>();
  const inOrder = steps.toSorted(
    (a, b) =>
      (a.iteration ?? 1) - (b.iteration ?? 1) ||
      (a.index ?? -1) - (b.index ?? -1) ||
      (String(a.stepId) < String(b.stepId) ? -1 : 1),
  );
  for (const step of inOrder) {
    const { quality } = step;
    const passed =
      step.verdict?.passed ??
      quality?.thresholdMet ??
      (quality?.composite === undefined || quality.threshold === undefined
        ? undefined
        : quality.composite >= quality.threshold);
    const role = step.role ?? step.verb ?? step.name ?? '';
    if (passed !== undefined && !first.has(role)) first.set(role, passed);
  }
  if (first.size > 0) return { by: 'verdict', passed: [...first.values()].every((passed) => passed) };
  return {
    by: 'outcome',
    passed: run.status === 'succeeded' && (run.iterations ?? 1) <= 1 && (run.attempts ?? 1) <= 1,
  };
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const known = <T>(values: readonly (T | undefined)[]) => values.filter((value) => value !== undefined);
const over = (part: number, of: number) => (of === 0 ? undefined : part / of);
const percentiles = (values: readonly number[]) => {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (p: number) => sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
  return sorted.length === 0 ? undefined : { p50: rank(0.5), p95: rank(0.95), count: sorted.length };
};

/** What a group should show; figures that are unknown are left out. */
export function slowFigures(runs: readonly SlowRun[], spends: readonly SlowSpend[]): Record<string, unknown> {
  const with_ = (status: string) => runs.filter((run) => run.status === status).length;
  const succeeded = with_('succeeded');
  const outcomes = succeeded + with_('failed') + with_('timed_out');
  const costs = known(runs.map((run) => run.costUsd));
  const cost = sum(costs);
  const rated = runs.filter((run) => run.quality !== undefined && run.costUsd !== undefined);
  const merged = runs.filter((run) => run.merged).length;
  const passes = (by: string) => {
    const of = runs.filter((run) => run.firstPass?.by === by);
    return { passed: of.filter((run) => run.firstPass?.passed).length, of: of.length };
  };
  const [byVerdict, byOutcome] = [passes('verdict'), passes('outcome')];
  const evaluated = known(runs.map((run) => run.quality));
  const durations = known(runs.map((run) => run.durationSeconds));
  const iterations = known(runs.map((run) => run.iterations));
  const figures = {
    runs: runs.length,
    succeeded,
    failed: with_('failed'),
    timedOut: with_('timed_out'),
    cancelled: with_('cancelled'),
    successRate: over(succeeded, outcomes),
    averageIterations: over(sum(iterations), iterations.length),
    averageDurationSeconds: over(sum(durations), durations.length),
    queueWaitSeconds: percentiles(known(runs.map((run) => run.waitSeconds))),
    costUsd: cost,
    runsWithCost: costs.length,
    costPerRunUsd: over(cost, costs.length),
    costPerSuccessfulRunUsd: costs.length === 0 ? undefined : over(cost, succeeded),
    costPerMergedPullRequestUsd: costs.length === 0 ? undefined : over(cost, merged),
    costOfFailuresUsd: sum(known(runs.filter((run) => run.category !== '').map((run) => run.costUsd))),
    averageQuality: over(sum(evaluated), evaluated.length),
    evaluatedRuns: evaluated.length,
    qualityPerUsd: over(sum(known(rated.map((run) => run.quality))), sum(known(rated.map((run) => run.costUsd)))),
    firstPassRate: over(byVerdict.passed + byOutcome.passed, byVerdict.of + byOutcome.of),
    firstPass: { byVerdict, byOutcome },
    pullRequests: runs.filter((run) => run.pullRequest).length,
    mergedPullRequests: merged,
    secondsToMerge: percentiles(known(runs.map((run) => run.mergeSeconds))),
    spentUsd: sum(spends.map((spend) => spend.usd)),
  };
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined));
}

/** All groups of a window: their names joined -> figures. */
export function slowGroups(
  { runs, spends }: SlowLedger,
  [from, to]: readonly [number, number],
  by: readonly (AnalyticsDimension | 'category')[],
  keep: (group: Group) => boolean = () => true,
): Map<string, Record<string, unknown>> {
  const name = (group: Group) => by.map((dimension) => group[dimension]).join('|');
  const inWindow = runs.filter((run) => run.endedMs >= from && run.endedMs < to && keep(run));
  const spent = spends.filter((spend) => spend.atMs >= from && spend.atMs < to && keep(spend));
  const names = new Set([...inWindow, ...spent].map(name));
  if (by.length === 0) names.add('');
  return new Map(
    [...names].map((group) => [
      group,
      slowFigures(
        inWindow.filter((run) => name(run) === group),
        spent.filter((spend) => name(spend) === group),
      ),
    ]),
  );
}

/** The groups of an answer, named as {@link slowGroups} does; the dimensions taken out of the figures. */
export function namedGroups(
  data: readonly Record<string, unknown>[],
  by: readonly AnalyticsDimension[],
): Map<string, Record<string, unknown>> {
  return new Map(
    data.map((row) => [
      by.map((dimension) => row[dimension] ?? '').join('|'),
      Object.fromEntries(
        Object.entries(row).filter(([field]) => !(ANALYTICS_DIMENSIONS as readonly string[]).includes(field)),
      ),
    ]),
  );
}

/** Sums in another order differ in their last digits: equal up to those. For `expect.addEqualityTesters`. */
export function sameNumber(a: unknown, b: unknown): boolean | undefined {
  if (typeof a !== 'number' || typeof b !== 'number') return undefined;
  return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));
}
