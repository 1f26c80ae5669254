import type { RunRecord } from '../../contract/records.ts';
import type { Random } from '../random.ts';
import { SCORE_THRESHOLD, SCORE_WEIGHTS, type Workflow } from './fleet.ts';

/** A regressed persona costs this many points. */
const REGRESSION_POINTS = 19;

/** An evaluator's verdict: five dimensions, and their weighted mean. */
export function judgeQuality(
  random: Random,
  workflow: Workflow,
  regressed: boolean,
): NonNullable<RunRecord['quality']> {
  const level = random.normal(workflow.quality - (regressed ? REGRESSION_POINTS : 0), 5);
  const dimension = (offset: number) => Math.round(Math.min(100, Math.max(5, random.normal(level + offset, 4))));
  const scores = {
    correctness: dimension(1),
    typeSafety: dimension(3),
    codeStyle: dimension(4),
    testCoverage: dimension(-6),
    completeness: dimension(0),
  };
  const weighted = (Object.keys(SCORE_WEIGHTS) as (keyof typeof SCORE_WEIGHTS)[]).reduce(
    (sum, name) => sum + scores[name] * SCORE_WEIGHTS[name],
    0,
  );
  const composite = Math.round(weighted * 10) / 10;
  return {
    ...scores,
    composite,
    threshold: SCORE_THRESHOLD,
    thresholdMet: composite >= SCORE_THRESHOLD,
    weights: SCORE_WEIGHTS,
  };
}
