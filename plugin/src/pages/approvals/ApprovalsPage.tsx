import type { Page } from '@contract/api.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { EmptyState, RadioButtonGroup, useStyles2 } from '@grafana/ui';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { usePageParameters } from '../../app/usePageParameters';
import { ListPaging } from '../../components/ListPaging';
import { QueryState } from '../../components/QueryState';
import { DimensionPicker } from '../../components/ScopeFilters';
import { Section } from '../../components/Section';
import { LiveIndicator } from '../../live/LiveIndicator';
import { useLiveRefetch } from '../../live/useLive';
import { ApprovalTable } from './ApprovalTable';
import { APPROVAL_STATES, type Approval, type ApprovalState, byUrgency } from './approvalState';
import { UnattendedFailures } from './UnattendedFailures';

const PAGE_SIZE = 100;
/** What waits grows older while nothing is told. */
const POLL_MS = 30_000;

/** `approvals`: what waits for somebody: approvals against their SLA, and failures that nobody has looked at. */
export default function ApprovalsPage() {
  const styles = useStyles2(getStyles);
  const [parameters, change] = usePageParameters();
  const state = APPROVAL_STATES.find((one) => one === parameters.get('state')) ?? 'pending';
  const where = { source: parameters.getAll('source'), project: parameters.getAll('project') };
  const cursor = parameters.get('cursor') ?? undefined;
  return (
    <PluginPage pageNav={menuPage(t('approvals.title', 'Approvals'), links.approvals())} actions={<LiveIndicator />}>
      <section className={styles.filters} aria-label={t('approvals.filters', 'Filters')}>
        {(['source', 'project'] as const).map((name) => (
          <DimensionPicker
            key={name}
            name={name}
            chosen={where[name]}
            onChange={(values) => change({ [name]: values, cursor: undefined })}
          />
        ))}
      </section>
      <Section title={t('approvals.title', 'Approvals')}>
        <div className={styles.filters}>
          <RadioButtonGroup
            aria-label={t('approvals.which', 'Which approvals')}
            options={APPROVAL_STATES.map((value) => ({ value, label: stateLabel(value) }))}
            value={state}
            onChange={(value) => change({ state: value === 'pending' ? undefined : value, cursor: undefined })}
          />
        </div>
        <Approvals state={state} where={where} cursor={cursor} />
      </Section>
      <Section title={t('approvals.unattended', 'Unattended failures')}>
        <UnattendedFailures where={where} />
      </Section>
    </PluginPage>
  );
}

interface Props {
  readonly state: ApprovalState;
  readonly where: { readonly source: readonly string[]; readonly project: readonly string[] };
  readonly cursor: string | undefined;
}

function Approvals({ state, where, cursor }: Props) {
  const { api, uid } = useFleetApi();
  const isDecided = state === 'decided';
  const queryKey = [uid, 'approvals', state, where, cursor];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      api.get<Page<Approval>>(
        '/api/v1/approvals',
        { ...where, state, order: isDecided ? 'newest' : 'oldest', limit: PAGE_SIZE, cursor },
        { signal },
      ),
    placeholderData: keepPreviousData,
    refetchInterval: isDecided ? false : POLL_MS,
  });
  useLiveRefetch(['approvals'], queryKey);
  return (
    <QueryState
      query={query}
      isEmpty={({ data }) => data.length === 0}
      empty={<EmptyState variant={isDecided ? 'not-found' : 'completed'} message={emptyMessage(state)} />}
    >
      {({ data, nextCursor }) => (
        <>
          <ApprovalTable approvals={isDecided ? data : byUrgency(data)} isDecided={isDecided} />
          <ListPaging
            cursor={cursor}
            next={nextCursor ?? undefined}
            isBusy={query.isPlaceholderData}
            size={PAGE_SIZE}
          />
        </>
      )}
    </QueryState>
  );
}

function stateLabel(state: ApprovalState): string {
  switch (state) {
    case 'pending':
      return t('approvals.state.pending', 'All that wait');
    case 'overdue':
      return t('approvals.state.overdue', 'Overdue');
    case 'decided':
      return t('approvals.state.decided', 'Decided');
  }
}

function emptyMessage(state: ApprovalState): string {
  switch (state) {
    case 'pending':
      return t('approvals.none', 'No approval waits for anybody');
    case 'overdue':
      return t('approvals.none-overdue', 'No approval is overdue');
    case 'decided':
      return t('approvals.none-decided', 'No approval has been decided yet');
  }
}

const getStyles = (theme: GrafanaTheme2) => ({
  filters: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(1),
    marginBottom: theme.spacing(2),
    maxWidth: '100%',
    overflowX: 'auto',
  }),
});
