import { z } from 'zod';
import type { Quality } from './mapping/readQuality.ts';

const evaluation = z.object({
  /** The last evaluator step's scores. */
  scores: z.looseObject({}).optional(),
  /** Orders evaluator steps: a later one judges what an earlier one saw improved. */
  order: z.number().optional(),
  /** The run's own `qualityScore`. */
  composite: z.number().optional(),
  /** The run has been read, so that scores which come later belong to a record that exists. */
  runRead: z.boolean().optional(),
  at: z.string().optional(),
});
type Evaluation = z.infer<typeof evaluation>;

export const evaluationState = z.record(z.string(), evaluation);
export type EvaluationState = z.infer<typeof evaluationState>;

/** Kept in memory; a first read sees all steps before it sees their runs. */
const MAX_RUNS = 50_000;
/** Kept in the cursor: runs that are judged now. */
const MAX_KEPT = 100;

/**
 * Joins what evaluator steps say of a run to the run: the run's own document holds the composite alone, its steps hold the
 * dimensions, and in a stream of changes either may come first.
 */
export class EvaluationBook {
  readonly #runs: Map<string, Evaluation>;

  constructor(state: EvaluationState = {}) {
    this.#runs = new Map(Object.entries(state));
  }

  /** @returns the run's quality where the run has been read before: its record has to be completed. */
  stepJudged(runId: string, order: number, scores: Quality, at: string | undefined): JudgedRun | undefined {
    const known = this.#runs.get(runId) ?? {};
    if ((known.order ?? -1) > order) return undefined;
    this.#keep(runId, { ...known, scores, order, ...later(known.at, at) });
    return known.runRead === true ? this.#judged(runId) : undefined;
  }

  /** @returns the quality of a run whose own document was read. */
  runRead(runId: string, composite: number | undefined, at: string | undefined): Quality | undefined {
    const known = this.#runs.get(runId) ?? {};
    this.#keep(runId, {
      ...known,
      runRead: true,
      ...(composite === undefined ? {} : { composite }),
      ...later(known.at, at),
    });
    return this.#judged(runId)?.quality;
  }

  state(): EvaluationState {
    const judged = [...this.#runs].filter(
      ([, { scores, composite }]) => scores !== undefined || composite !== undefined,
    );
    return Object.fromEntries(judged.slice(-MAX_KEPT));
  }

  #judged(runId: string): JudgedRun | undefined {
    const { scores, composite, at } = this.#runs.get(runId) ?? {};
    if (scores === undefined && composite === undefined) return undefined;
    return { quality: { ...scores, ...(composite === undefined ? {} : { composite }) }, at };
  }

  #keep(runId: string, entry: Evaluation): void {
    this.#runs.delete(runId);
    this.#runs.set(runId, entry);
    if (this.#runs.size > MAX_RUNS) this.#runs.delete(this.#runs.keys().next().value ?? '');
  }
}

interface JudgedRun {
  readonly quality: Quality;
  readonly at: string | undefined;
}

function later(a: string | undefined, b: string | undefined): { at?: string } {
  const at = a === undefined || (b !== undefined && b > a) ? b : a;
  return at === undefined ? {} : { at };
}
