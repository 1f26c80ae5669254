import type { FindAnswer, Found } from '@contract/find.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { EmptyState, useStyles2 } from '@grafana/ui';
import { useQuery } from '@tanstack/react-query';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { StatusBadge } from '../../components/StatusBadge';
import { TimeAgo } from '../../components/TimeAgo';
import { VERBATIM } from '../../format/verbatim';
import { GoTo } from './GoTo';

const MOST = 50;
/** What only begins as the text does is not what was asked for by it. */
const BEGINNINGS: ReadonlySet<Found['foundBy']> = new Set(['beginningOfId', 'beginningOfName']);

/** Opens the one thing that the text is of, else lists what it may be. */
export function FindByText({ q }: { q: string }) {
  const { api, uid } = useFleetApi();
  const query = useQuery({
    queryKey: [uid, 'find', q],
    queryFn: ({ signal }) => api.get<FindAnswer>('/api/v1/find', { q, limit: MOST }, { signal }),
  });
  return (
    <QueryState
      query={query}
      isEmpty={({ data }) => data.length === 0}
      empty={
        <EmptyState
          variant="not-found"
          message={t('find.nothing', 'Nothing is called {{q}}, or nothing that you may see', {
            q,
            ...VERBATIM,
          })}
        />
      }
    >
      {({ data }) => <FoundOrOpened found={data} />}
    </QueryState>
  );
}

function FoundOrOpened({ found }: { found: readonly Found[] }) {
  const styles = useStyles2(getStyles);
  const exact = found.filter(({ foundBy }) => !BEGINNINGS.has(foundBy));
  const [only] = exact;
  if (exact.length === 1 && only !== undefined) return <GoTo to={pageOf(only)} />;
  return (
    <ul className={styles.list} aria-label={t('find.found', 'Found')}>
      {found.map((one) => (
        <li key={`${one.type} ${one.source}/${one.id}`} className={styles.found}>
          <div className={styles.what}>
            <PageLink to={pageOf(one)}>{one.title ?? one.id}</PageLink>
            <span className={styles.muted}>
              {[typeLabel(one.type), one.source, one.project, one.title === undefined ? undefined : one.id]
                .filter((part) => part !== undefined)
                .join(' · ')}
            </span>
          </div>
          <span className={styles.muted}>{foundByLabel(one.foundBy)}</span>
          {one.prunedAt === undefined ? (
            <>
              <StatusBadge status={one.status} />
              <span className={styles.muted}>
                <TimeAgo at={one.createdAt} />
              </span>
            </>
          ) : (
            <span className={styles.muted}>
              {t('find.pruned', 'Removed by retention')} <TimeAgo at={one.prunedAt} />
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function pageOf({ type, source, id }: Found): string {
  return links[type](source, id);
}

function typeLabel(type: Found['type']): string {
  switch (type) {
    case 'run':
      return t('find.type.run', 'Run');
    case 'sandbox':
      return t('find.type.sandbox', 'Sandbox');
    case 'chain':
      return t('find.type.chain', 'Chain');
  }
}

function foundByLabel(foundBy: Found['foundBy']): string {
  switch (foundBy) {
    case 'id':
      return t('find.by.id', 'by its id');
    case 'job':
      return t('find.by.job', 'by the job that executes it');
    case 'pullRequest':
      return t('find.by.pull-request', 'by its pull request');
    case 'sandbox':
      return t('find.by.sandbox', 'by its sandbox');
    case 'chain':
      return t('find.by.chain', 'by its chain');
    case 'name':
      return t('find.by.name', 'by its name');
    case 'beginningOfId':
      return t('find.by.beginning-of-id', 'its id begins so');
    case 'beginningOfName':
      return t('find.by.beginning-of-name', 'its name begins so');
  }
}

const getStyles = (theme: GrafanaTheme2) => ({
  list: css({ listStyle: 'none', display: 'grid', gap: theme.spacing(0.5) }),
  found: css({
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: theme.spacing(0.5, 2),
    padding: theme.spacing(1, 1.5),
    background: theme.colors.background.secondary,
    borderRadius: theme.shape.radius.default,
    overflowWrap: 'anywhere',
  }),
  what: css({ flex: '1 1 260px', display: 'grid', minWidth: 0 }),
  muted: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
});
