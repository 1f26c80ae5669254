import type { RunRecord } from '../../contract/records.ts';
import { allStatements } from '../allStatements.ts';
import { stampOf } from '../mergeEvent.ts';
import type { RecordState } from '../observe/observe.ts';
import { label } from '../observe/recordView.ts';
import { attemptOf } from '../recordEvents.ts';
import type { Transaction } from '../transaction.ts';
import type { WorkingRecord } from '../workingSet.ts';
import {
  comesTooLate,
  compareEvaluations,
  type Evaluation,
  FIRST_BASELINE,
  fixBaseline,
  isRegression,
  judgingScore,
} from './baseline.ts';
import {
  type Candidate,
  readCandidates,
  readStoredBaselines,
  type StoredBaseline,
  scopeKey,
  showBaseline,
  storeBaseline,
} from './baselineStore.ts';
import { type EvaluationRow, restateEvaluations, type Scope, writeEvaluations } from './evaluationRow.ts';
import { loadStandards } from './loadStandards.ts';
import { qualityPolicyOf } from './qualityPolicy.ts';

/** Evaluations of a backfill that are judged in one transaction; the writer lock is given up between them. */
const MAX_WAITING = 500;

/**
 * Keeps and judges what the transaction evaluated. Call it at the end: nothing is observed after it. Where nothing was evaluated
 * it does nothing at all.
 */
export async function judgeEvaluations(tx: Transaction): Promise<void> {
  const { evaluated, restated } = tx.moves.quality;
  if (evaluated.length > 0) await keepEvaluated(tx);
  if (restated.size > 0) await followRestated(tx, restated);
}

async function keepEvaluated(tx: Transaction): Promise<void> {
  const kept = tx.moves.quality.evaluated.map(({ run, attempt, composite }) => ({
    run,
    attempt,
    // What judges is the score that was counted; what the run says by now is kept.
    judged: { ...scopeOf(run), runId: run.key, attempt, at: evaluatedAt(run), composite },
  }));
  const { live = [], waiting = [] } = Object.groupBy(kept, ({ run }) => (tx.hides(run.source) ? 'waiting' : 'live'));
  const [standardOf, judgements] = await allStatements([
    loadStandards(
      tx,
      kept.map(({ run }) => run),
    ),
    judge(
      tx,
      live.map(({ judged }) => judged),
    ),
  ]);
  const row = ({ run, attempt }: (typeof kept)[number]) => rowOf(run, attempt, standardOf(run));
  for (const { run, judged } of live) {
    if (judgements.of.get(judged)?.isRegression) countRegression(tx, run, judged);
  }
  await keepJudgements(tx, judgements.older, judgements);
  const rows = [
    ...live.map((evaluation) => ({ ...row(evaluation), ...judgements.of.get(evaluation.judged), waits: false })),
    ...waiting.map((evaluation) => ({ ...row(evaluation), waits: true })),
  ];
  tx.alongside(writeEvaluations(tx.client, rows));
}

async function followRestated(tx: Transaction, runs: ReadonlySet<WorkingRecord>): Promise<void> {
  const standardOf = await loadStandards(tx, [...runs]);
  const rows = [...runs].flatMap((run) =>
    qualityOf(run)?.composite === undefined ? [] : [rowOf(run, attemptOf(stateOf(run)), standardOf(run))],
  );
  if (rows.length === 0) return;
  for (const { before, after, baseline, margin } of await restateEvaluations(tx.client, rows)) {
    if (baseline === null || margin === null) continue;
    if (isRegression(before, baseline, margin) !== isRegression(after, baseline, margin))
      tx.moves.count('fleetlens_corrections_total', ['fleet_quality_regressions_total']);
  }
}

/**
 * Judges evaluations of sources that were being read for the first time, now that all of it is there.
 * @returns whether there were any; then there may be more.
 */
export async function judgeWaiting(tx: Transaction): Promise<boolean> {
  const { rows } = await tx.client.query<
    Scope & { run_id: string; attempt: number; at: string; composite: number; live: boolean }
  >({
    name: 'evaluation_waiting',
    text: `select e.source, e.project, e.workflow, e.run_id, e.attempt, e.at, e.composite, s.live_at is not null as live
      from fleetlens.source_state s join fleetlens.evaluation e on e.source = s.source and e.waits
      where s.live_at is not null or s.backfilled
      order by e.source, e.project, e.workflow, e.at, e.run_id, e.attempt limit $1`,
    values: [MAX_WAITING],
  });
  if (rows.length === 0) return false;
  tx.hide(rows.filter(({ live }) => !live).map(({ source }) => source));
  const waiting = rows.map(({ run_id: runId, live: _, ...same }) => ({ ...same, runId }));
  const judgements = await judge(tx, waiting);
  await keepJudgements(tx, [...waiting, ...judgements.older], judgements);
  return true;
}

/** Writes how evaluations were judged that the ledger had before. */
async function keepJudgements(
  tx: Transaction,
  evaluations: readonly ScopedEvaluation[],
  { of: judgements }: Judgements,
): Promise<void> {
  if (evaluations.length === 0) return;
  const regressed = evaluations.filter((evaluation) => judgements.get(evaluation)?.isRegression);
  await tx.working.load(
    'run',
    regressed.map(({ source, runId }) => ({ source, key: runId })),
  );
  for (const evaluation of regressed) {
    countRegression(tx, tx.working.get('run', evaluation.source, evaluation.runId), evaluation);
  }
  await tx.client.query({
    name: 'evaluation_judged',
    text: `update fleetlens.evaluation e set waits = false, baseline = j.baseline, margin = j.margin
      from json_to_recordset($1::json) as j(source text, run_id text, attempt int, baseline float8, margin float8)
      where e.source = j.source and e.run_id = j.run_id and e.attempt = j.attempt`,
    values: [
      JSON.stringify(
        evaluations.map((evaluation) => {
          const { source, runId, attempt } = evaluation;
          return { source, run_id: runId, attempt, ...judgements.get(evaluation) };
        }),
      ),
    ],
  });
}

type ScopedEvaluation = Evaluation & Scope;

interface Judgement {
  readonly baseline: number;
  readonly margin: number;
  readonly isRegression: boolean;
}

interface Judgements {
  /** How an evaluation is judged; of one for which there is no baseline nothing. */
  readonly of: ReadonlyMap<ScopedEvaluation, Judgement>;
  /** What came before there was a baseline and, now that there is one, lies after it. */
  readonly older: readonly ScopedEvaluation[];
}

/** Fixes the baselines for which enough is known now, and judges. */
async function judge(tx: Transaction, evaluations: readonly ScopedEvaluation[]): Promise<Judgements> {
  const judgements = new Map<ScopedEvaluation, Judgement>();
  const older: ScopedEvaluation[] = [];
  if (evaluations.length === 0) return { of: judgements, older };
  const policy = qualityPolicyOf(tx);
  const byScope = Map.groupBy(evaluations, scopeKey);
  const scopes = [...byScope.values()].map(([first]) => first as ScopedEvaluation);
  const [stored, candidates] = await allStatements([
    readStoredBaselines(tx.client, scopes),
    readCandidates(tx.client, scopes, policy.baselineRuns),
  ]);
  for (const [key, ofScope] of byScope) {
    const [{ source, project, workflow }] = ofScope as [ScopedEvaluation];
    const scope = { source, project, workflow };
    const before = stored.get(key) ?? [];
    const known = without(candidates.get(key) ?? [], ofScope);
    const baselines = await withFixed(tx, scope, before, [...known, ...ofScope]);
    const score = (evaluation: ScopedEvaluation) => {
      const baseline = judgingScore(baselines, evaluation);
      if (baseline === undefined) return false;
      const { margin } = policy;
      const regressed = isRegression(evaluation.composite, baseline, margin);
      judgements.set(evaluation, { baseline, margin, isRegression: regressed });
      return true;
    };
    for (const evaluation of ofScope) {
      if (comesTooLate(baselines, evaluation))
        tx.moves.count('fleetlens_corrections_total', ['fleet_quality_baseline_score']);
      score(evaluation);
    }
    if (baselines === before) continue;
    older.push(
      ...known
        .filter(({ isUnjudged }) => isUnjudged)
        .map((evaluation) => ({ ...evaluation, ...scope }))
        .filter(score),
    );
  }
  return { of: judgements, older };
}

/** @returns the baselines of a workflow, the last one fixed where that can be done now. */
export async function withFixed(
  tx: Transaction,
  scope: Scope,
  baselines: readonly StoredBaseline[],
  known: readonly Evaluation[],
): Promise<readonly StoredBaseline[]> {
  const last = baselines.at(-1) ?? { ...FIRST_BASELINE, series: null };
  const { collectsFrom = '' } = last;
  const fixed = fixBaseline(
    last,
    known.filter(({ at }) => at >= collectsFrom),
    qualityPolicyOf(tx),
  );
  if (fixed === undefined) return baselines;
  const shown = { ...fixed, series: showBaseline(tx, scope, fixed.score) };
  await storeBaseline(tx, scope, shown);
  return [...baselines.slice(0, -1), shown];
}

function without(candidates: readonly Candidate[], others: readonly Evaluation[]): Candidate[] {
  return candidates.filter((candidate) => !others.some((other) => compareEvaluations(candidate, other) === 0));
}

/** The fact is kept with the run, as every other that was counted; it stands whatever the run says later. */
function countRegression(
  tx: Transaction,
  run: WorkingRecord,
  { attempt, source, project, workflow }: Evaluation & Scope,
): void {
  if (run.state === undefined) return;
  const fact = {
    family: 'fleet_quality_regressions_total' as const,
    key: `regression#${attempt}`,
    labels: [source, project, workflow],
    value: 1,
  };
  tx.moves.count(fact.family, fact.labels);
  run.state = { ...run.state, counted: [...run.state.counted, fact] };
  run.dirty = true;
}

function stateOf({ state, key }: WorkingRecord): RecordState {
  if (state === undefined) throw new Error(`ledger: found no run ${key}, expected the one that was evaluated`);
  return state;
}

/** The fields of a record were validated with the contract's types when they entered. */
const docOf = (run: WorkingRecord) => stateOf(run).doc as unknown as RunRecord;
const qualityOf = (run: WorkingRecord) => docOf(run).quality;

function scopeOf(run: WorkingRecord): Scope {
  const { project, workflow } = docOf(run);
  return { source: run.source, project: label(project), workflow: label(workflow) };
}

/** When the run ended: its scores come with its end, and a poll may bring them any time later. */
function evaluatedAt(run: WorkingRecord): string {
  return docOf(run).finishedAt ?? stampOf(stateOf(run), 'status')?.[0] ?? run.at;
}

function rowOf(
  run: WorkingRecord,
  attempt: number,
  standard: { readonly weights: EvaluationRow['weights']; readonly threshold: number | undefined },
): EvaluationRow {
  const { persona, quality = {} } = docOf(run);
  const { composite = 0, thresholdMet, threshold = standard.threshold } = quality;
  return {
    ...scopeOf(run),
    runId: run.key,
    attempt,
    persona: label(persona),
    at: evaluatedAt(run),
    composite,
    correctness: quality.correctness,
    typeSafety: quality.typeSafety,
    codeStyle: quality.codeStyle,
    testCoverage: quality.testCoverage,
    completeness: quality.completeness,
    threshold,
    thresholdMet: thresholdMet ?? (threshold === undefined ? undefined : composite >= threshold),
    weights: quality.weights ?? standard.weights,
    baseline: undefined,
    margin: undefined,
    waits: false,
  };
}
