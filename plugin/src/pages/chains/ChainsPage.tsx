import { CHAIN_STATUSES } from '@contract/status.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { EmptyState, FilterPill, TimeRangeInput, useStyles2 } from '@grafana/ui';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Listed } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { usePageParameters } from '../../app/usePageParameters';
import { usePageTime, windowOf } from '../../app/usePageTime';
import { chainSprints } from '../../components/chain/chainSprints';
import { ListPaging } from '../../components/ListPaging';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { StatusBadge } from '../../components/StatusBadge';
import { TimeAgo } from '../../components/TimeAgo';
import { formatDuration, formatUsd, secondsBetween } from '../../format/formatValues';
import { LiveIndicator } from '../../live/LiveIndicator';
import { NewRows } from '../../live/NewRows';
import { useLiveRows } from '../../live/useLiveRows';
import { STATUS_STYLES } from '../../status/statusStyles';

const PAGE_SIZE = 50;
const FILTERS = ['source', 'project', 'workflow', 'status'] as const;

/** `chains`: every sprint chain of a window, newest first. */
export default function ChainsPage() {
  const styles = useStyles2(getStyles);
  const { api, uid } = useFleetApi();
  const [parameters, change] = usePageParameters();
  const { time, range, change: changeTime } = usePageTime({ from: 'now-30d', to: 'now' });
  const filters = Object.fromEntries(FILTERS.map((name) => [name, parameters.getAll(name)]));
  const cursor = parameters.get('cursor') ?? undefined;
  const queryKey = [uid, 'chains', filters, time, cursor];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) => {
      const { from: since, to: until } = windowOf(time);
      return api.list<'chain'>('chains', { ...filters, since, until, limit: PAGE_SIZE, cursor }, { signal });
    },
    placeholderData: keepPreviousData,
  });
  const live = useLiveRows<'chain'>({ topics: ['chains'], kind: 'chain', queryKey, keyOf });
  const chosen = filters.status ?? [];
  const toggle = (status: string) =>
    change({
      status: chosen.includes(status) ? chosen.filter((other) => other !== status) : [...chosen, status],
      cursor: undefined,
    });

  return (
    <PluginPage pageNav={menuPage(t('chains.title', 'Chains'), links.chains())} actions={<LiveIndicator />}>
      <div className={styles.filters}>
        <TimeRangeInput value={range} onChange={(picked) => changeTime(picked, { cursor: undefined })} />
        {CHAIN_STATUSES.map((status) => (
          <FilterPill
            key={status}
            label={STATUS_STYLES[status].label}
            selected={chosen.includes(status)}
            onClick={() => toggle(status)}
          />
        ))}
      </div>
      <NewRows rows={live} />
      <QueryState
        query={query}
        isEmpty={({ data }) => data.length === 0}
        empty={
          <EmptyState variant="not-found" message={t('chains.empty', 'No sprint chain matches')}>
            {t('chains.empty-advice', 'Choose a longer time or other states.')}
          </EmptyState>
        }
      >
        {({ data, nextCursor }) => (
          <>
            <ul className={styles.list}>
              {data.map((chain) => (
                <ChainRow key={keyOf(chain)} chain={chain} isChanged={live.changed.has(keyOf(chain))} />
              ))}
            </ul>
            <ListPaging
              cursor={cursor}
              next={nextCursor ?? undefined}
              isBusy={query.isPlaceholderData}
              size={PAGE_SIZE}
            />
          </>
        )}
      </QueryState>
    </PluginPage>
  );
}

const keyOf = ({ source, chainId }: Listed<'chain'>) => `${source}/${chainId}`;

function ChainRow({ chain, isChanged }: { chain: Listed<'chain'>; isChanged: boolean }) {
  const styles = useStyles2(getStyles);
  const { done, total, failed, stalledSince } = chainSprints(chain, [], Date.now());
  return (
    <li className={styles.row} data-changed={isChanged}>
      <StatusBadge status={chain.status} rawStatus={chain.rawStatus} />
      <div className={styles.name}>
        <PageLink to={links.chain(chain.source, chain.chainId)}>{chain.name ?? chain.chainId}</PageLink>
        <div className={styles.secondary}>
          {[chain.source, chain.project, chain.workflow].filter((part) => part !== undefined).join(' · ')}
        </div>
        {failed !== undefined && (
          <div>{t('chains.failed-in', 'Failed in sprint {{number}}', { number: failed.index + 1 })}</div>
        )}
        {stalledSince !== undefined && (
          <div>
            {t('chains.stalled', 'Stalled:')} <TimeAgo at={stalledSince} />
          </div>
        )}
      </div>
      <div>{t('chain.progress', '{{done}} of {{total}} sprints completed', { done, total })}</div>
      <div>
        <TimeAgo at={chain.createdAt} />
        <div className={styles.secondary}>
          {formatDuration(secondsBetween(chain.createdAt, chain.finishedAt))} · {formatUsd(chain.costUsd)}
        </div>
      </div>
    </li>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  filters: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), marginBottom: theme.spacing(2) }),
  list: css({ listStyle: 'none', padding: 0 }),
  row: css({
    display: 'grid',
    gridTemplateColumns: '120px minmax(0, 1fr) minmax(0, 220px) minmax(0, 180px)',
    gap: theme.spacing(2),
    padding: theme.spacing(1.5, 1),
    borderBottom: `1px solid ${theme.colors.border.weak}`,
    '&[data-changed=true]': { background: theme.colors.action.selected },
    [theme.breakpoints.down('md')]: { gridTemplateColumns: 'minmax(0, 1fr)', gap: theme.spacing(0.5) },
  }),
  name: css({ overflowWrap: 'anywhere' }),
  secondary: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
});
