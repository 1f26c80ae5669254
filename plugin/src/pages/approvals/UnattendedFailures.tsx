import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { EmptyState, useStyles2 } from '@grafana/ui';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Listed } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { useMe } from '../../api/useMe';
import { links } from '../../app/links';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { AcknowledgeRun } from '../../components/run/AcknowledgeRun';
import { StatusBadge } from '../../components/StatusBadge';
import { TimeAgo } from '../../components/TimeAgo';
import { VERBATIM } from '../../format/verbatim';
import { useLiveRefetch } from '../../live/useLive';

type Run = Listed<'run'>;
const MOST = 50;
const LONGEST_MESSAGE = 500;

interface Where {
  readonly source: readonly string[];
  readonly project: readonly string[];
}

/** Failures that nobody acknowledged and no later success resolved, the oldest first, with the way to acknowledge them. */
export function UnattendedFailures({ where }: { where: Where }) {
  const styles = useStyles2(getStyles);
  const { api, uid } = useFleetApi();
  const { can } = useMe();
  const [done, setDone] = useState<string>();
  const filters = { ...where, unattended: 'true', sort: 'finished_at', order: 'asc' };
  const queryKey = [uid, 'runs', 'unattended', where];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) => api.runs({ ...filters, limit: MOST }, { signal }),
    placeholderData: keepPreviousData,
  });
  useLiveRefetch(['runs'], queryKey);
  return (
    <>
      <div role="status">{done}</div>
      <QueryState
        query={query}
        isEmpty={({ data }) => data.length === 0}
        empty={
          <EmptyState
            variant="completed"
            message={t('approvals.all-attended', 'Somebody has looked at every failure')}
          />
        }
      >
        {({ data, nextCursor }) => (
          <>
            <ul className={styles.list} aria-label={t('approvals.unattended', 'Unattended failures')}>
              {data.map((run) => (
                <Row
                  key={`${run.source}/${run.runId}`}
                  run={run}
                  mayAcknowledge={can('acknowledge_run')}
                  onDone={() =>
                    setDone(
                      t('approvals.acknowledged', '{{run}} is acknowledged.', {
                        run: run.name ?? run.runId,
                        ...VERBATIM,
                      }),
                    )
                  }
                />
              ))}
            </ul>
            {nextCursor !== null && (
              <PageLink to={links.runs(filters)}>
                {t('approvals.more-failures', 'These are the {{count}} oldest: all of them', { count: data.length })}
              </PageLink>
            )}
          </>
        )}
      </QueryState>
    </>
  );
}

function Row({ run, mayAcknowledge, onDone }: { run: Run; mayAcknowledge: boolean; onDone: () => void }) {
  const styles = useStyles2(getStyles);
  const { api, uid } = useFleetApi();
  const client = useQueryClient();
  const { source, runId, name, project, workflow, persona, error, finishedAt } = run;
  const acknowledge = useMutation({
    mutationFn: (note: string) => api.act('acknowledge_run', { source, runId, note }),
    onSuccess: onDone,
    onSettled: () => client.invalidateQueries({ queryKey: [uid, 'runs', 'unattended'] }),
  });
  return (
    <li className={styles.row}>
      <StatusBadge status={run.status} rawStatus={run.rawStatus} />
      <div className={styles.name}>
        <PageLink to={links.run(source, runId)}>{name ?? runId}</PageLink>
        <div className={styles.secondary}>
          {[source, project, workflow, persona].filter((part) => part !== undefined).join(' · ')}
        </div>
        {error?.message !== undefined && <div>{error.message.slice(0, LONGEST_MESSAGE)}</div>}
      </div>
      <TimeAgo at={finishedAt} />
      {mayAcknowledge && (
        <AcknowledgeRun
          run={run}
          onAcknowledge={acknowledge.mutate}
          isPending={acknowledge.isPending}
          error={acknowledge.error}
        />
      )}
    </li>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  list: css({ listStyle: 'none', padding: 0 }),
  row: css({
    display: 'grid',
    gridTemplateColumns: '110px minmax(0, 2fr) 110px minmax(0, 1fr)',
    gap: theme.spacing(2),
    alignItems: 'start',
    padding: theme.spacing(1.5, 1),
    borderBottom: `1px solid ${theme.colors.border.weak}`,
    [theme.breakpoints.down('md')]: { gridTemplateColumns: 'minmax(0, 1fr)', gap: theme.spacing(0.5) },
  }),
  name: css({ overflowWrap: 'anywhere' }),
  secondary: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
});
