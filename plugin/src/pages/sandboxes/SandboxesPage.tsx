import { SANDBOX_STATUSES } from '@contract/status.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { Button, EmptyState, FilterPill, RadioButtonGroup, useStyles2 } from '@grafana/ui';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { type ParameterChanges, usePageParameters } from '../../app/usePageParameters';
import { ListPaging } from '../../components/ListPaging';
import { QueryState } from '../../components/QueryState';
import { DimensionPicker } from '../../components/ScopeFilters';
import { LiveIndicator } from '../../live/LiveIndicator';
import { NewRows } from '../../live/NewRows';
import { useLiveRows } from '../../live/useLiveRows';
import { STATUS_STYLES } from '../../status/statusStyles';
import { type Sandbox, SandboxTable, sandboxKey } from './SandboxTable';

const PAGE_SIZE = 50;

/** Who created a sandbox; the platforms' own list shows those that stand alone. */
const ORIGINS = ['standalone', 'workflow', 'issue', 'all'] as const;
type Origin = (typeof ORIGINS)[number];

interface Filters {
  readonly origin: Origin;
  readonly status: readonly string[];
  readonly project: readonly string[];
  readonly source: readonly string[];
}

function readFilters(parameters: URLSearchParams): Filters {
  return {
    origin: ORIGINS.find((origin) => origin === parameters.get('origin')) ?? 'standalone',
    status: parameters.getAll('status').filter((status) => SANDBOX_STATUSES.some((known) => known === status)),
    project: parameters.getAll('project'),
    source: parameters.getAll('source'),
  };
}

/** Sandboxes, newest first: those on their own, and apart from them those of workflows and of issue sessions. */
export default function SandboxesPage() {
  const styles = useStyles2(getStyles);
  const { api, uid } = useFleetApi();
  const [parameters, change] = usePageParameters();
  const filters = readFilters(parameters);
  const cursor = parameters.get('cursor') ?? undefined;
  const { origin, ...chosen } = filters;
  const queryKey = [uid, 'sandboxes', filters, cursor];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      api.list<'sandbox'>(
        'sandboxes',
        { ...chosen, state: origin === 'all' ? undefined : origin, cursor, limit: PAGE_SIZE },
        { signal },
      ),
    placeholderData: keepPreviousData,
  });
  const rows = useLiveRows<'sandbox'>({
    topics: ['sandboxes'],
    kind: 'sandbox',
    queryKey,
    keyOf: sandboxKey,
    // Later pages show what is older: nothing new comes to them.
    belongs: (sandbox) => cursor === undefined && fits(sandbox, filters),
    enabled: query.data !== undefined,
  });
  /** Other filters begin at the first page. */
  const filter = (changes: ParameterChanges) => change({ ...changes, cursor: undefined });
  const isFiltered = [...filters.status, ...filters.project, ...filters.source].length > 0;
  return (
    <PluginPage pageNav={menuPage(t('sandboxes.title', 'Sandboxes'), links.sandboxes())} actions={<LiveIndicator />}>
      <div className={styles.page}>
        <FilterBar filters={filters} onChange={filter} />
        <NewRows rows={rows} />
        <QueryState
          query={query}
          isEmpty={({ data }) => data.length === 0}
          empty={
            <EmptyState
              variant="not-found"
              message={emptyMessage(origin, isFiltered)}
              button={
                isFiltered || origin !== 'all' ? (
                  <Button
                    variant="secondary"
                    onClick={() => filter({ origin: 'all', status: undefined, project: undefined, source: undefined })}
                  >
                    <Trans i18nKey="sandboxes.show-all">Show all sandboxes</Trans>
                  </Button>
                ) : undefined
              }
            />
          }
        >
          {({ data, nextCursor }) => (
            <>
              <SandboxTable
                sandboxes={data}
                caption={t('sandboxes.title', 'Sandboxes')}
                changed={rows.changed}
                isBusy={query.isPlaceholderData}
              />
              <ListPaging
                cursor={cursor}
                next={nextCursor ?? undefined}
                isBusy={query.isPlaceholderData}
                size={PAGE_SIZE}
              />
            </>
          )}
        </QueryState>
      </div>
    </PluginPage>
  );
}

/** Whether one that is told live is of this list, as far as it says itself. */
function fits({ status, project, source, origin }: Sandbox, filters: Filters): boolean {
  const has = (values: readonly string[], value: string | undefined) =>
    values.length === 0 || (value !== undefined && values.includes(value));
  return (
    has(filters.status, status) &&
    has(filters.project, project) &&
    has(filters.source, source) &&
    (filters.origin === 'all' || filters.origin === groupOf(origin))
  );
}

function groupOf(origin: string | undefined): Origin {
  if (origin === 'workflow' || origin === 'sprint') return 'workflow';
  return origin === 'issue' || origin === 'issue_session' ? 'issue' : 'standalone';
}

function emptyMessage(origin: Origin, isFiltered: boolean): string {
  if (isFiltered) return t('sandboxes.none-filtered', 'No sandbox fits these filters');
  return origin === 'all'
    ? t('sandboxes.none', 'No sandbox has been recorded yet')
    : t('sandboxes.none-of-origin', 'No sandbox of this kind has been recorded');
}

function originLabel(origin: Origin): string {
  switch (origin) {
    case 'standalone':
      return t('sandboxes.origin.standalone', 'On their own');
    case 'workflow':
      return t('sandboxes.origin.workflow', 'Of workflows');
    case 'issue':
      return t('sandboxes.origin.issue', 'Of issue sessions');
    case 'all':
      return t('sandboxes.origin.all', 'All');
  }
}

function FilterBar({ filters, onChange }: { filters: Filters; onChange: (changes: ParameterChanges) => void }) {
  const styles = useStyles2(getStyles);
  const toggle = (status: string) =>
    onChange({
      status: filters.status.includes(status)
        ? filters.status.filter((other) => other !== status)
        : [...filters.status, status],
    });
  return (
    <section aria-label={t('sandboxes.filters', 'Filters')} className={styles.filters}>
      <div className={styles.row}>
        <div className={styles.origins}>
          <RadioButtonGroup
            aria-label={t('sandboxes.created-by', 'Created')}
            options={ORIGINS.map((value) => ({ value, label: originLabel(value) }))}
            value={filters.origin}
            onChange={(origin) => onChange({ origin: origin === 'standalone' ? undefined : origin })}
          />
        </div>
        {(['project', 'source'] as const).map((name) => (
          <DimensionPicker
            key={name}
            name={name}
            chosen={filters[name]}
            onChange={(values) => onChange({ [name]: values })}
          />
        ))}
      </div>
      <div className={styles.row}>
        {SANDBOX_STATUSES.map((status) => (
          <FilterPill
            key={status}
            label={STATUS_STYLES[status].label}
            selected={filters.status.includes(status)}
            onClick={() => toggle(status)}
          />
        ))}
      </div>
    </section>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'grid', gap: theme.spacing(2), minWidth: 0, gridTemplateColumns: 'minmax(0, 1fr)' }),
  filters: css({ display: 'grid', gap: theme.spacing(1), minWidth: 0 }),
  row: css({ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: theme.spacing(1), minWidth: 0 }),
  origins: css({ maxWidth: '100%', overflowX: 'auto', '& > *': { minWidth: 'max-content' } }),
});
