import type { BudgetAnswer } from '@contract/budgets.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import { type ReactNode, useId } from 'react';
import { links } from '../../app/links';
import { Mark } from '../../components/Mark';
import { PageLink } from '../../components/PageLink';
import { Facts } from '../../components/run/Facts';
import { Moment } from '../../components/run/Moment';
import { TimeAgo } from '../../components/TimeAgo';
import { formatUsd, UNKNOWN } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';
import { AcknowledgeBudget } from './AcknowledgeBudget';
import { BudgetBar } from './BudgetBar';
import { type BudgetState, stateOf } from './budgetState';

interface Props {
  readonly budget: BudgetAnswer;
  /** Whether who reads may end its pause. */
  readonly mayAcknowledge: boolean;
}

/** One budget: how it stands, what is spent of it, when that reaches the limit, and since when sessions are paused. */
export function BudgetCard({ budget, mayAcknowledge }: Props) {
  const styles = useStyles2(getStyles);
  const id = useId();
  const { run, subject, paused, pausedSince, pausedUntil, limitUsd, configuredUsd, raisedUsd } = budget;
  return (
    <li aria-labelledby={id} className={styles.card}>
      <div className={styles.head}>
        <h2 id={id} className={styles.title}>
          {titleOf(budget)}
        </h2>
        <StateMark state={stateOf(budget)} />
      </div>
      <BudgetBar budget={budget} />
      {paused && (
        <p className={styles.text}>
          {t('budgets.paused-since', 'New sessions were paused')} <TimeAgo at={pausedSince} />
          {', '}
          {pausedUntil === undefined ? (
            t('budgets.until-acknowledged', 'until an admin acknowledges.')
          ) : (
            <>
              {t('budgets.until', 'until')} <Moment at={pausedUntil} />
            </>
          )}
        </p>
      )}
      <Facts
        entries={[
          [t('budgets.fact.exhausted', 'Used up'), <Forecast key="forecast" budget={budget} />],
          [
            t('budgets.fact.rate', 'Rate'),
            budget.usdPerHour === undefined
              ? undefined
              : t('budgets.rate', '{{usd}} an hour', { usd: formatUsd(budget.usdPerHour), ...VERBATIM }),
          ],
          [
            t('budgets.fact.window', 'Window'),
            budget.windowStart === undefined ? null : (
              <span key="window">
                <Moment at={budget.windowStart} /> – <Moment at={budget.windowEnd} />
              </span>
            ),
          ],
          [
            t('budgets.fact.limit', 'Limit'),
            raisedUsd === undefined
              ? formatUsd(limitUsd)
              : t('budgets.raised', '{{raised}}, raised from {{configured}}', {
                  raised: formatUsd(raisedUsd),
                  configured: formatUsd(configuredUsd),
                  ...VERBATIM,
                }),
          ],
          [
            paused ? t('budgets.fact.run-paused', 'Paused by run') : t('budgets.fact.run', 'Dearest open run'),
            run === undefined ? null : (
              <PageLink key="run" to={links.run(run.source, run.runId)}>
                {run.runId}
              </PageLink>
            ),
          ],
          [
            t('budgets.fact.runs', 'Where it went'),
            budget.scope === 'repo_daily' ? (
              <PageLink key="runs" to={links.runs({ project: subject, from: 'now-24h', sort: 'cost' })}>
                {t('budgets.dearest', 'Dearest runs')}
              </PageLink>
            ) : budget.scope === 'persona_run' ? (
              <PageLink key="runs" to={links.runs({ persona: subject, sort: 'cost' })}>
                {t('budgets.dearest', 'Dearest runs')}
              </PageLink>
            ) : (
              <PageLink key="cost" to={links.cost()}>
                {t('budgets.cost', 'Cost by project')}
              </PageLink>
            ),
          ],
        ]}
      />
      {budget.acknowledgedAt !== undefined && (
        <div className={styles.text}>
          {t('budgets.acknowledged', 'Last acknowledged by {{by}},', {
            by: budget.acknowledgedBy ?? UNKNOWN,
            ...VERBATIM,
          })}{' '}
          <TimeAgo at={budget.acknowledgedAt} />
          {budget.acknowledgedReason !== undefined && <p className={styles.reason}>{budget.acknowledgedReason}</p>}
        </div>
      )}
      {paused && mayAcknowledge && <AcknowledgeBudget budget={budget} />}
    </li>
  );
}

function titleOf({ scope, subject }: BudgetAnswer): ReactNode {
  switch (scope) {
    case 'workspace_monthly':
      return t('budgets.of-workspace', 'Everything, each month');
    case 'repo_daily':
      return t('budgets.of-repo', '{{subject}}, each day', { subject, ...VERBATIM });
    case 'persona_run':
      return t('budgets.of-persona', '{{subject}}, each run', { subject, ...VERBATIM });
  }
}

/** When the limit is reached; of a limit of one run nothing is known. */
function Forecast({ budget }: { budget: BudgetAnswer }) {
  const { scope, exhaustedAt, usdPerHour, windowEnd, spentUsd, limitUsd } = budget;
  if (spentUsd >= limitUsd) return <>{t('budgets.exhausted', 'Already')}</>;
  if (exhaustedAt !== undefined) return <TimeAgo at={exhaustedAt} />;
  if (scope === 'persona_run' || usdPerHour === undefined || windowEnd === undefined) return <>{UNKNOWN}</>;
  return <>{t('budgets.lasts', 'Lasts until the window ends')}</>;
}

function StateMark({ state }: { state: BudgetState }) {
  switch (state) {
    case 'paused':
      return (
        <Mark tone="error" icon="pause">
          {stateLabel(state)}
        </Mark>
      );
    case 'over':
      return (
        <Mark tone="error" icon="exclamation-circle">
          {stateLabel(state)}
        </Mark>
      );
    case 'near':
      return (
        <Mark tone="warning" icon="exclamation-triangle">
          {stateLabel(state)}
        </Mark>
      );
    case 'within':
      return (
        <Mark tone="success" icon="check-circle">
          {stateLabel(state)}
        </Mark>
      );
  }
}

export function stateLabel(state: BudgetState): string {
  switch (state) {
    case 'paused':
      return t('budgets.state.paused', 'Paused');
    case 'over':
      return t('budgets.state.over', 'Over the limit, not paused');
    case 'near':
      return t('budgets.state.near', 'Near the limit');
    case 'within':
      return t('budgets.state.within', 'Within the limit');
  }
}

const getStyles = (theme: GrafanaTheme2) => ({
  card: css({
    display: 'grid',
    gridTemplateColumns: 'minmax(0, 1fr)',
    gap: theme.spacing(1.5),
    padding: theme.spacing(2),
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    background: theme.colors.background.secondary,
  }),
  head: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), justifyContent: 'space-between' }),
  title: css({ fontSize: theme.typography.h5.fontSize, margin: 0, overflowWrap: 'anywhere' }),
  text: css({ margin: 0, overflowWrap: 'anywhere' }),
  reason: css({ margin: 0, whiteSpace: 'pre-wrap', color: theme.colors.text.secondary }),
});
