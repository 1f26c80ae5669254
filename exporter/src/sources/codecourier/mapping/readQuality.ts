import type { RunRecord } from '../../../contract/records.ts';
import { defined, isObject, type JsonObject } from '../../rows/textValues.ts';

export type Quality = NonNullable<RunRecord['quality']>;

const DIMENSIONS = ['correctness', 'typeSafety', 'codeStyle', 'testCoverage', 'completeness', 'composite'] as const;

/** What the evaluator's persona, else the workflow, says of weights and threshold; a score that says so itself is right. */
export interface Standard {
  readonly weights: Readonly<Record<string, number>> | undefined;
  readonly threshold: number | undefined;
}

/** `qualityScores` of an evaluator step: five dimensions, composite, and whether the threshold was met. */
export function readQuality(scores: JsonObject | undefined, standard: Standard): Quality | undefined {
  if (scores === undefined) return undefined;
  const { thresholdResult, threshold, weights, ...others } = scores;
  const quality: Record<string, unknown> = { ...others };
  for (const dimension of DIMENSIONS) {
    if (scoreOf(others[dimension]) === undefined) delete quality[dimension];
  }
  return {
    ...quality,
    ...defined({
      threshold: scoreOf(threshold) ?? standard.threshold,
      thresholdMet: typeof thresholdResult === 'boolean' ? thresholdResult : undefined,
      weights: weightsOf(weights) ?? standard.weights,
    }),
  };
}

export function weightsOf(value: unknown): Record<string, number> | undefined {
  if (!isObject(value)) return undefined;
  const weights = Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return weights.length === 0 ? undefined : Object.fromEntries(weights);
}

function scoreOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= 100 ? value : undefined;
}
