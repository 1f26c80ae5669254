import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';

/** What a checker or an evaluator decided. */
export function VerdictBadge({ passed }: { passed: boolean }) {
  const styles = useStyles2(getStyles);
  return (
    <span className={passed ? styles.passed : styles.rejected}>
      <span aria-hidden>{passed ? '✓' : '✗'}</span>
      {passed ? t('run.verdict.passed', 'Passed') : t('run.verdict.rejected', 'Rejected')}
    </span>
  );
}

const getStyles = (theme: GrafanaTheme2) => {
  const badge = css({
    display: 'inline-flex',
    alignItems: 'center',
    gap: theme.spacing(0.25),
    padding: theme.spacing(0, 0.5),
    borderRadius: theme.shape.radius.default,
    border: '1px solid',
    fontSize: theme.typography.bodySmall.fontSize,
    whiteSpace: 'nowrap',
  });
  return {
    passed: css(badge, { color: theme.colors.success.text, borderColor: theme.colors.success.border }),
    rejected: css(badge, { color: theme.colors.error.text, borderColor: theme.colors.error.border }),
  };
};
