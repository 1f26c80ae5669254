import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Icon, useStyles2 } from '@grafana/ui';
import { formatScore, formatShare, UNKNOWN } from '../../format/formatValues';
import type { JudgedQuality } from '../ScoreBadge';

const DIMENSIONS = ['correctness', 'typeSafety', 'codeStyle', 'testCoverage', 'completeness'] as const;

function dimensionLabel(dimension: (typeof DIMENSIONS)[number]): string {
  switch (dimension) {
    case 'correctness':
      return t('run.quality.correctness', 'Correctness');
    case 'typeSafety':
      return t('run.quality.type-safety', 'Type safety');
    case 'codeStyle':
      return t('run.quality.code-style', 'Code style');
    case 'testCoverage':
      return t('run.quality.test-coverage', 'Test coverage');
    case 'completeness':
      return t('run.quality.completeness', 'Completeness');
  }
}

/** The five dimensions, their weights, what they add up to, and what that is held against. */
export function QualityScores({ quality }: { quality: JudgedQuality }) {
  const styles = useStyles2(getStyles);
  const { composite, threshold, thresholdMet, weights, baseline } = quality;
  const below = quality.belowBaseline === true ? quality.belowBaselineBy : undefined;
  const heaviest = Object.values(weights ?? {}).reduce((sum, weight) => sum + weight, 0);
  return (
    <div className={styles.scores}>
      <table className={styles.table}>
        <caption className={styles.caption}>{t('run.quality.caption', 'Scores from 0 to 100')}</caption>
        <thead>
          <tr>
            <th scope="col">{t('run.quality.dimension', 'Dimension')}</th>
            <th scope="col" className={styles.number}>
              {t('run.quality.score', 'Score')}
            </th>
            <th scope="col" aria-hidden />
            <th scope="col" className={styles.number}>
              {t('run.quality.weight', 'Weight')}
            </th>
          </tr>
        </thead>
        <tbody>
          {DIMENSIONS.map((dimension) => (
            <tr key={dimension}>
              <th scope="row">{dimensionLabel(dimension)}</th>
              <td className={styles.number}>{formatScore(quality[dimension])}</td>
              <td className={styles.cell}>
                <Bar score={quality[dimension]} />
              </td>
              <td className={styles.number}>
                {weights?.[dimension] === undefined || heaviest === 0
                  ? UNKNOWN
                  : formatShare(weights[dimension] / heaviest)}
              </td>
            </tr>
          ))}
          <tr className={styles.composite}>
            <th scope="row">{t('run.quality.composite', 'Composite')}</th>
            <td className={styles.number}>{formatScore(composite)}</td>
            <td className={styles.cell}>
              <Bar score={composite} threshold={threshold} baseline={baseline} />
            </td>
            <td />
          </tr>
        </tbody>
      </table>
      <p className={styles.line}>
        {thresholdMet === true && <Icon name="check-circle" className={styles.good} aria-hidden />}
        {thresholdMet === false && <Icon name="times-circle" className={styles.bad} aria-hidden />}{' '}
        {thresholdMet === undefined
          ? t('run.quality.threshold', 'Threshold {{threshold}}', { threshold: formatScore(threshold) })
          : thresholdMet
            ? t('run.quality.met', 'Meets the threshold of {{threshold}}', { threshold: formatScore(threshold) })
            : t('run.quality.missed', 'Misses the threshold of {{threshold}}', { threshold: formatScore(threshold) })}
      </p>
      {baseline !== undefined && (
        <p className={styles.line}>
          {below !== undefined && <Icon name="exclamation-triangle" className={styles.warning} aria-hidden />}{' '}
          {below === undefined
            ? t('run.quality.baseline', 'Baseline of the workflow {{baseline}}', { baseline: formatScore(baseline) })
            : t('run.quality.below', '{{below}} below the baseline of the workflow, {{baseline}}: to be looked at', {
                below: formatScore(below),
                baseline: formatScore(baseline),
              })}
        </p>
      )}
    </div>
  );
}

function Bar({ score, threshold, baseline }: { score?: number; threshold?: number; baseline?: number }) {
  const styles = useStyles2(getStyles);
  return (
    <span className={styles.bar} aria-hidden>
      {score !== undefined && <span className={styles.filled} style={{ width: `${score}%` }} />}
      {threshold !== undefined && <span className={styles.threshold} style={{ left: `${threshold}%` }} />}
      {baseline !== undefined && <span className={styles.baseline} style={{ left: `${baseline}%` }} />}
    </span>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  scores: css({ maxWidth: 560 }),
  table: css({
    width: '100%',
    marginBottom: theme.spacing(1),
    'th, td': { padding: theme.spacing(0.25, 1, 0.25, 0), fontWeight: theme.typography.fontWeightRegular },
    'thead th': { color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize },
  }),
  caption: css({ captionSide: 'top', color: theme.colors.text.secondary, padding: 0 }),
  composite: css({ 'th, td': { fontWeight: theme.typography.fontWeightBold } }),
  number: css({ textAlign: 'right', fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }),
  cell: css({ width: '45%' }),
  bar: css({
    position: 'relative',
    display: 'block',
    height: 8,
    background: theme.colors.background.canvas,
    border: `1px solid ${theme.colors.border.weak}`,
  }),
  filled: css({ display: 'block', height: '100%', background: theme.colors.primary.main }),
  threshold: css({ position: 'absolute', top: -4, bottom: -4, borderLeft: `2px solid ${theme.colors.text.primary}` }),
  baseline: css({ position: 'absolute', top: -4, bottom: -4, borderLeft: `2px dashed ${theme.colors.text.secondary}` }),
  line: css({ margin: 0 }),
  good: css({ color: theme.colors.success.text }),
  bad: css({ color: theme.colors.error.text }),
  warning: css({ color: theme.colors.warning.text }),
});
