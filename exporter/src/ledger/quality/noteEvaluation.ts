import type { FamilyName } from '../../contract/metricCatalogue.ts';
import type { Observation } from '../observe/observe.ts';
import type { WorkingRecord } from '../workingSet.ts';

/** A run that was counted as evaluated, in this attempt and with this composite score. */
export interface Evaluated {
  readonly run: WorkingRecord;
  readonly attempt: number;
  readonly composite: number;
}

/** What a transaction found of evaluations; it is judged at its end. */
export interface QualityNotes {
  readonly evaluated: Evaluated[];
  /** Runs that say something else of their evaluation, or of whose it is, than was counted. */
  readonly restated: Set<WorkingRecord>;
}

const SCORE: FamilyName = 'fleet_quality_score';
/** The persona is a label of this one. */
const FINISHED: FamilyName = 'fleet_runs_finished_total';
const tellsOfQuality = (family: FamilyName) => family.startsWith('fleet_quality_') || family === FINISHED;

/** Notes whether what was observed of a run is an evaluation or changes one. A run without scores costs a comparison. */
export function noteEvaluation(
  run: WorkingRecord,
  { moves, corrections }: Observation,
  attempt: number,
  { evaluated, restated }: QualityNotes,
): void {
  if (run.state?.doc.quality === undefined) return;
  const scored = moves.find(({ family }) => family === SCORE);
  if (scored !== undefined) evaluated.push({ run, attempt, composite: scored.value });
  else if (corrections.some(tellsOfQuality) || moves.some(({ family }) => family.startsWith('fleet_quality_')))
    restated.add(run);
}
