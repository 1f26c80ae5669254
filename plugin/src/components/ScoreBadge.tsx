import type { RecordOf } from '@contract/records.ts';
import { t } from '@grafana/i18n';
import { formatScore, UNKNOWN } from '../format/formatValues';
import { Mark } from './Mark';

/** Scores of a run as the API answers them: judged against the ledger's baseline. */
export type JudgedQuality = NonNullable<RecordOf<'run'>['quality']> & {
  readonly baseline?: number;
  readonly belowBaseline?: boolean;
  readonly belowBaselineBy?: number;
};

/** The composite score, and what is wrong with it: below the workflow's baseline, or its threshold not met. */
export function ScoreBadge({ quality }: { quality: JudgedQuality | undefined }) {
  const score = quality?.composite;
  if (quality === undefined || score === undefined) return <>{UNKNOWN}</>;
  if (quality.belowBaseline === true)
    return (
      <Mark
        tone="warning"
        icon="arrow-down"
        hint={t('score.baseline', 'Baseline {{baseline}}', { baseline: formatScore(quality.baseline) })}
      >
        {formatScore(score)}{' '}
        {t('score.below-baseline', '({{points}} below baseline)', { points: formatScore(quality.belowBaselineBy) })}
      </Mark>
    );
  if (quality.thresholdMet === false)
    return (
      <Mark tone="warning" icon="exclamation-triangle">
        {formatScore(score)}{' '}
        {t('score.below-threshold', '(threshold {{threshold}} missed)', { threshold: formatScore(quality.threshold) })}
      </Mark>
    );
  if (quality.thresholdMet === true)
    return (
      <Mark tone="success" icon="check" hint={t('score.threshold-met', 'Threshold met')}>
        {formatScore(score)}
      </Mark>
    );
  return <Mark tone="neutral">{formatScore(score)}</Mark>;
}
