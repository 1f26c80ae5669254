import type { RunRecord } from '../../contract/records.ts';
import type { Fact } from './recordView.ts';

const DIMENSIONS = [
  ['correctness', 'correctness'],
  ['typeSafety', 'type_safety'],
  ['codeStyle', 'code_style'],
  ['testCoverage', 'test_coverage'],
  ['completeness', 'completeness'],
] as const;

/** What is counted of the scores of a finished run; the composite says that it was evaluated. */
export function qualityFacts(
  quality: NonNullable<RunRecord['quality']>,
  scope: readonly string[],
  attempt: number,
  runId: string,
  finishedAt: string | undefined,
): Fact[] {
  const facts: Fact[] = [];
  if (quality.composite !== undefined) {
    facts.push({
      family: 'fleet_quality_score',
      key: `quality#${attempt}`,
      field: 'quality',
      labels: scope,
      value: quality.composite,
      runId,
      ...(finishedAt === undefined ? {} : { at: finishedAt }),
    });
  }
  for (const [field, dimension] of DIMENSIONS) {
    const value = quality[field];
    if (value !== undefined) {
      facts.push({
        family: 'fleet_quality_dimension_score',
        key: `${dimension}#${attempt}`,
        field: 'quality',
        labels: [...scope, dimension],
        value,
      });
    }
  }
  const { composite, threshold } = quality;
  const met =
    quality.thresholdMet ?? (composite === undefined || threshold === undefined ? undefined : composite >= threshold);
  if (met !== undefined) {
    facts.push({
      family: 'fleet_quality_threshold_results_total',
      key: `threshold#${attempt}`,
      field: 'quality',
      labels: [...scope, met ? 'met' : 'missed'],
    });
  }
  return facts;
}
