import type { ClientBase } from 'pg';
import type { Evaluation } from './baseline.ts';

/** Whose score it is; '' where the run does not say. */
export interface Scope {
  readonly source: string;
  readonly project: string;
  readonly workflow: string;
}

/** A row of fleetlens.evaluation. */
export interface EvaluationRow extends Evaluation, Scope {
  readonly persona: string;
  readonly correctness: number | undefined;
  readonly typeSafety: number | undefined;
  readonly codeStyle: number | undefined;
  readonly testCoverage: number | undefined;
  readonly completeness: number | undefined;
  readonly threshold: number | undefined;
  readonly thresholdMet: boolean | undefined;
  readonly weights: Readonly<Record<string, number>> | undefined;
  readonly baseline: number | undefined;
  readonly margin: number | undefined;
  readonly waits: boolean;
}

const SCORES = ['composite', 'correctness', 'type_safety', 'code_style', 'test_coverage', 'completeness'] as const;
const columns = (list: readonly string[], of: (column: string) => string) => list.map(of).join(', ');

/** $1: rows as JSON. Amounts are written out by the server as it reads them: float8 in, float8 out. */
const ROWS = `json_to_recordset($1::json) as n(source text, run_id text, attempt int, project text, workflow text, persona text,
  at text, ${columns(SCORES, (score) => `${score} float8`)}, threshold float8, threshold_met boolean, weights json,
  baseline float8, margin float8, waits boolean)`;

function toJson(rows: readonly EvaluationRow[]): string {
  return JSON.stringify(
    rows.map(({ runId, typeSafety, codeStyle, testCoverage, thresholdMet, ...same }) => ({
      ...same,
      run_id: runId,
      type_safety: typeSafety,
      code_style: codeStyle,
      test_coverage: testCoverage,
      threshold_met: thresholdMet,
    })),
  );
}

export async function writeEvaluations(client: ClientBase, rows: readonly EvaluationRow[]): Promise<void> {
  await client.query({
    name: 'evaluation_write',
    text: `insert into fleetlens.evaluation (source, run_id, attempt, project, workflow, persona, at, ${SCORES.join(', ')},
        threshold, threshold_met, weights, baseline, margin, waits)
      select n.source, n.run_id, n.attempt, n.project, n.workflow, n.persona, n.at, ${columns(SCORES, (s) => `n.${s}`)},
        n.threshold, n.threshold_met, n.weights, n.baseline, n.margin, n.waits from ${ROWS}
      on conflict (source, run_id, attempt) do nothing`,
    values: [toJson(rows)],
  });
}

/** An evaluation before and after its run said something else. */
export interface Restated extends Scope {
  readonly before: number;
  readonly after: number;
  readonly baseline: number | null;
  readonly margin: number | null;
}

/**
 * Follows what the runs of these evaluations say now. While the scores stay, so do weights and threshold: a persona or workflow
 * that was changed since did not judge them.
 */
export async function restateEvaluations(client: ClientBase, rows: readonly EvaluationRow[]): Promise<Restated[]> {
  const isSame = `(${columns(SCORES, (s) => `e.${s}`)}) is not distinct from (${columns(SCORES, (s) => `n.${s}`)})`;
  const { rows: restated } = await client.query<Restated>({
    name: 'evaluation_restate',
    text: `with n as (select * from ${ROWS}), old as (
        select e.source, e.run_id, e.attempt, e.composite from fleetlens.evaluation e join n using (source, run_id, attempt))
      update fleetlens.evaluation e set project = n.project, workflow = n.workflow, persona = n.persona,
        ${columns(SCORES, (s) => `${s} = n.${s}`)},
        threshold = case when ${isSame} then coalesce(e.threshold, n.threshold) else n.threshold end,
        threshold_met = case when ${isSame} then coalesce(e.threshold_met, n.threshold_met) else n.threshold_met end,
        weights = case when ${isSame} then coalesce(e.weights, n.weights) else n.weights end
      from n join old using (source, run_id, attempt)
      where e.source = n.source and e.run_id = n.run_id and e.attempt = n.attempt
      returning e.source, e.project, e.workflow, old.composite as before, e.composite as after, e.baseline, e.margin`,
    values: [toJson(rows)],
  });
  return restated;
}
