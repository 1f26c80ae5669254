import type { BudgetAnswer } from '@contract/budgets.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2, useTheme2 } from '@grafana/ui';
import { formatShare, formatUsd } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';
import { type BudgetState, shareSpent, stateOf } from './budgetState';

/** What is spent of the limit: a bar, and the figures in words. */
export function BudgetBar({ budget }: { budget: BudgetAnswer }) {
  const styles = useStyles2(getStyles);
  const theme = useTheme2();
  const share = shareSpent(budget);
  const words = t('budgets.spent-of', '{{spent}} of {{limit}} spent · {{share}}', {
    spent: formatUsd(budget.spentUsd),
    limit: formatUsd(budget.limitUsd),
    share: formatShare(share),
    ...VERBATIM,
  });
  return (
    <div>
      <div className={styles.words}>{words}</div>
      <div className={styles.bar} aria-hidden>
        <div
          className={styles.spent}
          style={{ width: `${Math.min(1, share ?? 0) * 100}%`, background: colorOf(theme, stateOf(budget)) }}
        />
      </div>
    </div>
  );
}

function colorOf(theme: GrafanaTheme2, state: BudgetState): string {
  if (state === 'within') return theme.colors.success.main;
  return state === 'near' ? theme.colors.warning.main : theme.colors.error.main;
}

const getStyles = (theme: GrafanaTheme2) => ({
  words: css({ fontVariantNumeric: 'tabular-nums', marginBottom: theme.spacing(0.5) }),
  bar: css({
    height: theme.spacing(1),
    borderRadius: theme.shape.radius.default,
    border: `1px solid ${theme.colors.border.medium}`,
    background: theme.colors.background.canvas,
    overflow: 'hidden',
  }),
  spent: css({ height: '100%' }),
});
