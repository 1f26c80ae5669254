import type { ClientBase } from 'pg';
import { textArray } from '../binaryArrays.ts';
import { NO_CHANGE } from '../observe/observe.ts';
import type { Transaction } from '../transaction.ts';
import type { Baseline, Evaluation } from './baseline.ts';
import type { Scope } from './evaluationRow.ts';

/** A baseline as the ledger has it. */
export interface StoredBaseline extends Baseline {
  /** The series that shows it; null where none does. */
  readonly series: number | null;
}

/** Run, attempt, time and composite score. */
export type StoredEvaluation = readonly [runId: string, attempt: number, at: string, composite: number];

export function readEvaluation([runId, attempt, at, composite]: StoredEvaluation): Evaluation {
  return { runId, attempt, at, composite };
}

const storedEvaluation = ({ runId, attempt, at, composite }: Evaluation): StoredEvaluation => [
  runId,
  attempt,
  at,
  composite,
];

export const scopeKey = ({ source, project, workflow }: Scope): string => `${source}\0${project}\0${workflow}`;

const WANTED = 'unnest($1::text[], $2::text[], $3::text[]) as w(source, project, workflow)';
const scopeArrays = (scopes: readonly Scope[]) => [
  textArray(scopes.map((s) => s.source)),
  textArray(scopes.map((s) => s.project)),
  textArray(scopes.map((s) => s.workflow)),
];

/** @returns the baselines of each workflow, in the order in which they begin, by {@link scopeKey}. */
export async function readStoredBaselines(
  client: ClientBase,
  scopes: readonly Scope[],
): Promise<Map<string, StoredBaseline[]>> {
  const { rows } = await client.query<
    Scope & {
      how: Baseline['how'];
      begins: string;
      collects_from: string | null;
      score: number | null;
      runs: StoredEvaluation[] | null;
      series: number | null;
    }
  >({
    name: 'baseline_read',
    text: `select b.source, b.project, b.workflow, b.how, b.begins, b.collects_from, b.score, b.runs, b.series
      from ${WANTED} join fleetlens.quality_baseline b using (source, project, workflow) order by b.begins`,
    values: scopeArrays(scopes),
  });
  const baselines = new Map<string, StoredBaseline[]>();
  for (const row of rows) {
    const ofScope = baselines.get(scopeKey(row)) ?? [];
    ofScope.push({
      how: row.how,
      begins: row.begins,
      collectsFrom: row.collects_from ?? undefined,
      score: row.score ?? undefined,
      runs: (row.runs ?? []).map(readEvaluation),
      series: row.series,
    });
    baselines.set(scopeKey(row), ofScope);
  }
  return baselines;
}

/** An evaluation that the ledger has already. */
export interface Candidate extends Evaluation {
  /** Nothing has judged it, nor will when a backfill ends. */
  readonly isUnjudged: boolean;
}

/**
 * @param most of each workflow
 * @returns the first evaluations that the ledger has for baselines which are still to be made, by {@link scopeKey}.
 */
export async function readCandidates(
  client: ClientBase,
  scopes: readonly Scope[],
  most: number,
): Promise<Map<string, Candidate[]>> {
  const { rows } = await client.query<
    Scope & { run_id: string; attempt: number; at: string; composite: number; unjudged: boolean }
  >({
    name: 'baseline_candidates',
    text: `select w.source, w.project, w.workflow, e.run_id, e.attempt, e.at, e.composite, e.unjudged
      from ${WANTED}
        left join lateral (
          select b.collects_from, b.score from fleetlens.quality_baseline b
          where b.source = w.source and b.project = w.project and b.workflow = w.workflow order by b.begins desc limit 1) b on true
        cross join lateral (
          select e.run_id, e.attempt, e.at, e.composite, e.baseline is null and not e.waits as unjudged from fleetlens.evaluation e
          where e.source = w.source and e.project = w.project and e.workflow = w.workflow and e.at >= coalesce(b.collects_from, '')
          order by e.at, e.run_id, e.attempt limit $4) e
      where b.score is null`,
    values: [...scopeArrays(scopes), most],
  });
  return new Map(
    [...Map.groupBy(rows, scopeKey)].map(([key, ofScope]) => [
      key,
      ofScope.map(({ run_id: runId, unjudged: isUnjudged, attempt, at, composite }) => ({
        runId,
        attempt,
        at,
        composite,
        isUnjudged,
      })),
    ]),
  );
}

const FAMILY = 'fleet_quality_baseline_score';
const labelsOf = ({ source, project, workflow }: Scope) => [source, project, workflow];

/** Shows a score, and regressions from 0 on. @returns the series; null past the cap: scores of several workflows have no sum. */
export function showBaseline({ registry, moves }: Transaction, scope: Scope, score: number): number | null {
  const labels = labelsOf(scope);
  const series = registry.resolve(FAMILY, labels);
  if (series.labels.some((value, i) => value !== labels[i])) return null;
  moves.add(
    { kind: 'run', source: scope.source, key: '' },
    {
      ...NO_CHANGE,
      begun: [{ family: FAMILY, labels, value: score }],
      births: [{ family: 'fleet_quality_regressions_total', labels }],
    },
  );
  return series.id;
}

/** The score is not the one in force any more. */
export async function hideBaseline(
  { client, moves }: Transaction,
  scope: Scope,
  { begins, score, series }: StoredBaseline,
): Promise<void> {
  if (series === null || score === undefined) return;
  moves.add(
    { kind: 'run', source: scope.source, key: '' },
    { ...NO_CHANGE, ended: [{ family: FAMILY, labels: labelsOf(scope), value: score }] },
  );
  await client.query(
    'update fleetlens.quality_baseline set series = null where source = $1 and project = $2 and workflow = $3 and begins = $4',
    [scope.source, scope.project, scope.workflow, begins],
  );
}

/** Writes a baseline, or that it is fixed now. */
export async function storeBaseline(
  { client, nowMs }: Transaction,
  scope: Scope,
  { how, begins, collectsFrom, score, runs, series }: StoredBaseline,
  by: { readonly actor?: string; readonly reason?: string } = {},
): Promise<void> {
  await client.query({
    name: 'baseline_write',
    text: `insert into fleetlens.quality_baseline (source, project, workflow, how, begins, collects_from, score, runs, fixed_at, series, actor, reason)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
      on conflict (source, project, workflow, begins) do update set
        score = excluded.score, runs = excluded.runs, fixed_at = excluded.fixed_at, series = excluded.series`,
    values: [
      scope.source,
      scope.project,
      scope.workflow,
      how,
      begins,
      collectsFrom ?? null,
      score ?? null,
      collectsFrom === undefined ? null : JSON.stringify(runs.map(storedEvaluation)),
      score === undefined ? null : new Date(nowMs),
      series,
      by.actor ?? null,
      by.reason ?? null,
    ],
  });
}
