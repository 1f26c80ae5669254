import type { BudgetsAnswer } from '@contract/budgets.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { Alert, EmptyState, FilterPill, useStyles2 } from '@grafana/ui';
import { useQuery } from '@tanstack/react-query';
import { useFleetApi } from '../../api/FleetApiContext';
import { useMe } from '../../api/useMe';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { usePageParameters } from '../../app/usePageParameters';
import { QueryState } from '../../components/QueryState';
import { formatCount } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';
import { LiveIndicator } from '../../live/LiveIndicator';
import { useLiveRefetch } from '../../live/useLive';
import { BudgetCard, stateLabel } from './BudgetCard';
import { BUDGET_STATES, byUrgency, stateOf } from './budgetState';

/** Rates and forecasts change while nothing is told. */
const POLL_MS = 60_000;

/** `budgets`: what is paused or soon will be, what is spent of each, and the way to resume. */
export default function BudgetsPage() {
  const { api, uid } = useFleetApi();
  const queryKey = [uid, 'budgets'];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) => api.get<BudgetsAnswer>('/api/v1/budgets', {}, { signal }),
    refetchInterval: POLL_MS,
  });
  useLiveRefetch(['budgets'], queryKey);
  return (
    <PluginPage pageNav={menuPage(t('budgets.title', 'Budgets'), links.budgets())} actions={<LiveIndicator />}>
      {/* Where nothing is spent yet, budgets have no subject either: their time zone tells that they are there. */}
      <QueryState
        query={query}
        isEmpty={({ data, timeZone }) => data.length === 0 && timeZone === undefined}
        empty={<NoBudgets />}
      >
        {(answer) => <Budgets answer={answer} />}
      </QueryState>
    </PluginPage>
  );
}

function Budgets({ answer: { data, timeZone, advisory, contact } }: { answer: BudgetsAnswer }) {
  const styles = useStyles2(getStyles);
  const { can } = useMe();
  const [parameters, change] = usePageParameters();
  const chosen = BUDGET_STATES.filter((state) => parameters.getAll('state').includes(state));
  const shown = byUrgency(data).filter((budget) => chosen.length === 0 || chosen.includes(stateOf(budget)));
  return (
    <div className={styles.page}>
      {advisory && (
        <Alert severity="info" title={t('budgets.advisory', 'Pauses are advisory')}>
          <Trans i18nKey="budgets.advisory-why">
            No platform is told of them: a pause stops only launchers that ask the gate (/api/v1/gate) before each
            session. A source with pause: in the configuration of the exporter is told.
          </Trans>
        </Alert>
      )}
      <p className={styles.text}>
        {contact !== undefined && t('budgets.contact', 'Whom to ask: {{contact}}.', { contact, ...VERBATIM })}{' '}
        {timeZone !== undefined &&
          t('budgets.time-zone', 'Months and days begin in {{timeZone}}.', { timeZone, ...VERBATIM })}
      </p>
      <fieldset className={styles.pills} aria-label={t('budgets.filter', 'State')}>
        {BUDGET_STATES.map((state) => (
          <FilterPill
            key={state}
            label={`${stateLabel(state)} (${formatCount(data.filter((budget) => stateOf(budget) === state).length)})`}
            selected={chosen.includes(state)}
            onClick={() =>
              change({
                state: chosen.includes(state) ? chosen.filter((other) => other !== state) : [...chosen, state],
              })
            }
          />
        ))}
      </fieldset>
      {shown.length === 0 ? (
        <EmptyState
          variant="completed"
          message={
            data.length === 0
              ? t('budgets.unspent', 'Nothing has been spent of any budget yet')
              : t('budgets.none-in-state', 'No budget is in this state')
          }
        />
      ) : (
        <ul className={styles.list}>
          {shown.map((budget) => (
            <BudgetCard
              // The form of one pause is not that of the next.
              key={`${budget.scope}/${budget.subject}/${budget.pausedSince ?? ''}`}
              budget={budget}
              mayAcknowledge={can('acknowledge_budget')}
            />
          ))}
        </ul>
      )}
    </div>
  );
}

const EXAMPLE = `budgets:
  workspace_monthly_usd: 5000
  per_repo_daily_usd: 200
  per_persona_run_usd: 25
  time_zone: Europe/Berlin
  contact: "#platform-admins"
actions_on_exceed:
  - pause new sessions on the affected scope
  - require admin acknowledge to resume
`;

/** What would bring budgets here. */
function NoBudgets() {
  const styles = useStyles2(getStyles);
  return (
    <EmptyState variant="call-to-action" message={t('budgets.none', 'No budgets are configured')}>
      <Trans i18nKey="budgets.none-advice">Add them to the configuration of the exporter, then reload it:</Trans>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <pre className={styles.example} tabIndex={0}>
        {EXAMPLE}
      </pre>
    </EmptyState>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'grid', gridTemplateColumns: 'minmax(0, 1fr)', gap: theme.spacing(2) }),
  text: css({ margin: 0, overflowWrap: 'anywhere' }),
  pills: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1) }),
  list: css({
    listStyle: 'none',
    padding: 0,
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(min(100%, 420px), 1fr))',
    alignItems: 'start',
    gap: theme.spacing(2),
  }),
  example: css({ textAlign: 'left', marginTop: theme.spacing(2), overflowX: 'auto' }),
});
