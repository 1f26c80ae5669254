import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { TimeRangeInput, useStyles2 } from '@grafana/ui';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Listed } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { usePageParameters } from '../../app/usePageParameters';
import { usePageTime, windowOf } from '../../app/usePageTime';
import { CommittedInput } from '../../components/CommittedInput';
import { ListPaging } from '../../components/ListPaging';
import { QueryState } from '../../components/QueryState';
import { Moment } from '../../components/run/Moment';
import { UNKNOWN } from '../../format/formatValues';

type Entry = Listed<'audit'>;
const PAGE_SIZE = 50;
const FILTERS = ['actor', 'action', 'target'] as const;

/** `audit`, for admins: who did what, with the whole request (secrets were replaced before it was stored). */
export default function AuditPage() {
  const styles = useStyles2(getStyles);
  const { api, uid } = useFleetApi();
  const [parameters, change] = usePageParameters();
  const { time, range, change: changeTime } = usePageTime({ from: 'now-30d', to: 'now' });
  const filters = Object.fromEntries(FILTERS.map((name) => [name, parameters.get(name) ?? undefined]));
  const cursor = parameters.get('cursor') ?? undefined;
  const query = useQuery({
    queryKey: [uid, 'audit', time, filters, cursor],
    queryFn: ({ signal }) => {
      const { from: since, to: until } = windowOf(time);
      return api.list<'audit'>('audit', { ...filters, since, until, limit: PAGE_SIZE, cursor }, { signal });
    },
    placeholderData: keepPreviousData,
  });
  const labels = {
    actor: t('audit.actor', 'Actor'),
    action: t('audit.action', 'Action'),
    target: t('audit.target', 'Target'),
  };
  return (
    <PluginPage pageNav={menuPage(t('audit.title', 'Audit'), links.audit())}>
      <div className={styles.filters}>
        <TimeRangeInput value={range} hideTimeZone onChange={(picked) => changeTime(picked, { cursor: undefined })} />
        {FILTERS.map((name) => (
          <CommittedInput
            key={name}
            label={labels[name]}
            placeholder={labels[name]}
            width={28}
            value={filters[name] ?? ''}
            onCommit={(value) => change({ [name]: value, cursor: undefined })}
          />
        ))}
      </div>
      <QueryState query={query} isEmpty={({ data }) => data.length === 0} empty={t('audit.empty', 'No entry matches')}>
        {({ data, nextCursor }) => (
          <>
            <ul className={styles.list}>
              {data.map((entry) => (
                <EntryRow key={`${entry.source}/${entry.auditId}`} entry={entry} />
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
      <p className={styles.secondary}>{t('audit.export', 'The whole trail as NDJSON: fleetlens audit export.')}</p>
    </PluginPage>
  );
}

function EntryRow({ entry }: { entry: Entry }) {
  const styles = useStyles2(getStyles);
  const { at, actor, action, target, project, source, request } = entry;
  return (
    <li className={styles.row}>
      <Moment at={at} />
      <strong>{action ?? UNKNOWN}</strong>
      <span className={styles.text}>{target ?? UNKNOWN}</span>
      <span className={styles.text}>
        {actor ?? UNKNOWN}
        <div className={styles.secondary}>{[source, project].filter((part) => part !== undefined).join(' · ')}</div>
      </span>
      {request !== undefined && (
        <details className={styles.body}>
          <summary>
            <Trans i18nKey="audit.request">Request</Trans>
          </summary>
          <pre>{JSON.stringify(request, null, 2)}</pre>
        </details>
      )}
    </li>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  filters: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), marginBottom: theme.spacing(2) }),
  list: css({ listStyle: 'none', padding: 0 }),
  row: css({
    display: 'grid',
    gridTemplateColumns: '170px 180px minmax(0, 1fr) minmax(0, 1fr)',
    gap: theme.spacing(1, 2),
    padding: theme.spacing(1.5, 1),
    borderBottom: `1px solid ${theme.colors.border.weak}`,
    [theme.breakpoints.down('md')]: { gridTemplateColumns: 'minmax(0, 1fr)' },
  }),
  body: css({ gridColumn: '1 / -1', overflowX: 'auto' }),
  text: css({ overflowWrap: 'anywhere' }),
  secondary: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
});
