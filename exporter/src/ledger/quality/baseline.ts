import { toNano } from '../nano.ts';
import type { QualityPolicy } from './qualityPolicy.ts';

/** An attempt of a run that was evaluated. */
export interface Evaluation {
  readonly runId: string;
  readonly attempt: number;
  /** When the run ended, canonical RFC 3339. */
  readonly at: string;
  /** 0 to 100 */
  readonly composite: number;
}

/**
 * One of the baselines of a workflow, which follow one another in time.
 *
 * The order that matters is that of evaluation time (then run and attempt), not of arrival: an agent's platform is polled
 * newest first as often as not, and a baseline of whatever came first would differ with every re-read. So a baseline is made of
 * the first `baselineRuns` evaluations from `collectsFrom` on, and judges those after its last one, up to where the next
 * baseline begins. What it is made of it does not judge.
 *
 * Time has to be cut somewhere, since a counter cannot take back what it counted: a baseline is fixed, for good, in the
 * transaction in which its last evaluation is recorded, out of all that the ledger knows then. While a source is being read for
 * the first time nothing is fixed: its backfill may come in any order, and is judged as a whole before the source goes live.
 * An evaluation that comes after its baseline was fixed and would have been part of it moves nothing and is a correction, as any
 * late contradiction. In a history without corrections every evaluation that arrived later also lies later, so
 * the fixed runs are the first of all, and any order of arrival gives the same baseline and the same regressions.
 */
export interface Baseline {
  readonly how: 'computed' | 'pinned' | 'rebased';
  /** It judges evaluations from this time on, canonical RFC 3339; '' for all. */
  readonly begins: string;
  /** Of what it is made; undefined: of nothing, a builder pinned it. */
  readonly collectsFrom: string | undefined;
  /** Undefined while it is being made. */
  readonly score: number | undefined;
  /** What it is made of, in order. */
  readonly runs: readonly Evaluation[];
}

/** The one that every workflow begins with. */
export const FIRST_BASELINE: Baseline = {
  how: 'computed',
  begins: '',
  collectsFrom: '',
  score: undefined,
  runs: [],
};

const compareTexts = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export function compareEvaluations(a: Evaluation, b: Evaluation): number {
  return compareTexts(a.at, b.at) || compareTexts(a.runId, b.runId) || a.attempt - b.attempt;
}

/** @returns the middle of the values; of an even number the mean of both. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * @param known evaluations of the workflow from `collectsFrom` on: all, or at least the first so many
 * @returns the baseline, fixed; undefined where it is fixed already or too few are known.
 */
export function fixBaseline(
  baseline: Baseline,
  known: readonly Evaluation[],
  { baselineRuns }: QualityPolicy,
): (Baseline & { readonly score: number }) | undefined {
  if (baseline.score !== undefined || baseline.collectsFrom === undefined || known.length < baselineRuns)
    return undefined;
  const runs = [...known].sort(compareEvaluations).slice(0, baselineRuns);
  return { ...baseline, runs, score: medianOf(runs.map(({ composite }) => composite)) };
}

/**
 * @param baselines of the workflow, in the order in which they begin
 * @returns the score that the evaluation is judged by; undefined where there is none for it.
 */
export function judgingScore(baselines: readonly Baseline[], evaluation: Evaluation): number | undefined {
  const baseline = baselines.findLast(({ begins }) => begins <= evaluation.at);
  const last = baseline?.runs.at(-1);
  if (last !== undefined && compareEvaluations(evaluation, last) <= 0) return undefined;
  return baseline?.score;
}

/** @returns whether a baseline that is fixed would have been another one, had the evaluation come in time. */
export function comesTooLate(baselines: readonly Baseline[], evaluation: Evaluation): boolean {
  return baselines.some(({ score, collectsFrom, runs }) => {
    const last = runs.at(-1);
    if (score === undefined || collectsFrom === undefined || last === undefined) return false;
    if (evaluation.at < collectsFrom || compareEvaluations(evaluation, last) >= 0) return false;
    return !runs.some((run) => compareEvaluations(run, evaluation) === 0);
  });
}

/** Scores are compared as the ledger adds them, in units of 1e-9: 90.3 is 10 above 80.3, and not more. */
export function isRegression(composite: number, baseline: number, margin: number): boolean {
  return toNano(baseline) - toNano(composite) > toNano(margin);
}
