import type { Page } from '@contract/api.ts';
import type { AttentionAnswer, AttentionItem } from '@contract/overview.ts';
import { OWN_SOURCE } from '@contract/ownSource.ts';
import { css, cx } from '@emotion/css';
import { dateTimeFormat, type GrafanaTheme2, type IconName } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Button, Icon, useStyles2 } from '@grafana/ui';
import { useQuery } from '@tanstack/react-query';
import type { Listed } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { TimeAgo } from '../../components/TimeAgo';
import { formatCount } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';
import { useLiveRefetch } from '../../live/useLive';
import { type AttentionScope, attentionLine } from './attentionLines';
import { useSources } from './Sources';

const LOOK_MS = 30_000;
const MOST_PENDING = 100;

interface Props extends AttentionScope {
  /** Shows the state of the sources, which is on this page. */
  onShowSources(): void;
}

/** What somebody has to do something about now, the most severe first. */
export function Attention(scope: Props) {
  const { sources, projects, hours } = scope;
  const styles = useStyles2(getStyles);
  const { api, uid } = useFleetApi();
  const where = { source: sources, project: projects };
  const queryKey = [uid, 'attention', where, hours];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) => api.get<AttentionAnswer>('/api/v1/attention', { ...where, hours }, { signal }),
    refetchInterval: LOOK_MS,
  });
  useLiveRefetch(['runs', 'approvals', 'budgets'], queryKey);
  const pendingKey = [uid, 'approvals', 'pending', where];
  const pending = useQuery({
    queryKey: pendingKey,
    queryFn: ({ signal }) =>
      api.list<'approval'>(
        'approvals',
        { ...where, state: 'pending', order: 'oldest', limit: MOST_PENDING },
        { signal },
      ),
    refetchInterval: LOOK_MS,
  });
  useLiveRefetch(['approvals'], pendingKey);
  const known = useSources();
  const seen = known.data?.data ?? [];
  // Who may see some projects alone sees no source that has none of these: that says nothing of what was recorded.
  const isNew = seen.length > 0 && seen.every(({ source }) => source === OWN_SOURCE);
  return (
    <section aria-label={t('fleet.attention.title', 'Needs attention now')}>
      <h2 className={styles.heading}>
        <Trans i18nKey="fleet.attention.title">Needs attention now</Trans>
      </h2>
      <QueryState query={query}>
        {({ data }) => (
          <>
            {data.length === 0 && isNew ? (
              <div className={styles.line}>
                <Icon name="info-circle" aria-hidden />
                <span>
                  <Trans i18nKey="fleet.attention.nothing-yet">
                    Nothing has been recorded yet. Add a source to the configuration of the exporter, or push events to
                    it.
                  </Trans>
                </span>
              </div>
            ) : data.length === 0 ? (
              <div className={cx(styles.line, styles.well)}>
                <Icon name="check-circle" className={styles.wellIcon} aria-hidden />
                <span>
                  {t('fleet.attention.well', 'All is well. Last look: {{at}}', {
                    at: dateTimeFormat(query.dataUpdatedAt),
                    ...VERBATIM,
                  })}
                </span>
              </div>
            ) : (
              <>
                <ul className={styles.list}>
                  {data.map((item) => (
                    <Line key={keyOf(item)} item={item} {...scope} />
                  ))}
                </ul>
                <p className={styles.look}>
                  {t('fleet.attention.look', 'Last look: {{at}}', {
                    at: dateTimeFormat(query.dataUpdatedAt),
                    ...VERBATIM,
                  })}
                </p>
              </>
            )}
            {pending.data !== undefined && pending.data.data.length > 0 && (
              <Pending approvals={pending.data} where={where} />
            )}
          </>
        )}
      </QueryState>
    </section>
  );
}

const keyOf = ({ kind, source, project, budget, subject }: AttentionItem) =>
  JSON.stringify([kind, source, project, budget, subject]);

const SEVERITY_ICONS: Readonly<Record<AttentionItem['severity'], IconName>> = {
  critical: 'exclamation-circle',
  warning: 'exclamation-triangle',
  ticket: 'info-circle',
};

function severityLabel(severity: AttentionItem['severity']): string {
  switch (severity) {
    case 'critical':
      return t('fleet.severity.critical', 'Critical');
    case 'warning':
      return t('fleet.severity.warning', 'Warning');
    case 'ticket':
      return t('fleet.severity.ticket', 'Ticket');
  }
}

function Line({ item, onShowSources, ...scope }: { item: AttentionItem } & Props) {
  const styles = useStyles2(getStyles);
  const { title, detail, to } = attentionLine(item, scope);
  const { severity, since, runs = [], count } = item;
  return (
    <li className={cx(styles.line, styles[severity])}>
      <span className={styles.severity}>
        <Icon name={SEVERITY_ICONS[severity]} className={styles[`${severity}Icon`]} aria-hidden />
        {severityLabel(severity)}
      </span>
      <div className={styles.what}>
        <div className={styles.title}>
          {to === undefined ? (
            <Button fill="text" size="sm" onClick={onShowSources}>
              {title}
            </Button>
          ) : (
            <PageLink to={to}>{title}</PageLink>
          )}
        </div>
        {detail !== undefined && <div>{detail}</div>}
        {runs.length > 0 && (
          <div className={styles.runs}>
            {runs.map(({ source, runId, title: name, since: at }) => (
              <span key={`${source}/${runId}`}>
                <PageLink to={links.run(source, runId)}>{name ?? runId}</PageLink>
                {at !== undefined && (
                  <>
                    {' '}
                    <TimeAgo at={at} />
                  </>
                )}
              </span>
            ))}
            {count !== undefined && count > runs.length && to !== undefined && (
              <PageLink to={to}>
                {t('fleet.attention.others', 'and {{count}} more', { count: count - runs.length })}
              </PageLink>
            )}
          </div>
        )}
      </div>
      {since !== undefined && (
        <span className={styles.since}>
          <Trans i18nKey="fleet.attention.since">since</Trans> <TimeAgo at={since} />
        </span>
      )}
    </li>
  );
}

/** Not wrong yet, but somebody is waited for. */
function Pending({
  approvals: { data, nextCursor },
  where,
}: {
  approvals: Page<Listed<'approval'>>;
  where: Readonly<Record<string, readonly string[]>>;
}) {
  const styles = useStyles2(getStyles);
  const number = `${formatCount(data.length)}${nextCursor === null ? '' : '+'}`;
  return (
    <div className={styles.line}>
      <span className={styles.severity}>
        <Icon name="pause" aria-hidden />
        {t('fleet.waiting', 'Waiting')}
      </span>
      <div className={styles.what}>
        <PageLink to={links.approvals({ ...where, state: 'pending' })}>
          {t('fleet.approvals-pending', '{{number}} approvals are asked for', {
            number,
            count: data.length,
            defaultValue_one: '{{number}} approval is asked for',
          })}
        </PageLink>
      </div>
      <span className={styles.since}>
        <Trans i18nKey="fleet.attention.since">since</Trans> <TimeAgo at={data[0]?.requestedAt} />
      </span>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => {
  const edge = (color: string) => css({ boxShadow: `inset 3px 0 0 ${color}` });
  return {
    heading: css({ ...theme.typography.h4, margin: theme.spacing(0, 0, 1) }),
    list: css({ listStyle: 'none', display: 'grid', gap: theme.spacing(0.5) }),
    line: css({
      display: 'flex',
      flexWrap: 'wrap',
      gap: theme.spacing(0.5, 2),
      padding: theme.spacing(1, 1.5),
      background: theme.colors.background.secondary,
      borderRadius: theme.shape.radius.default,
      overflowWrap: 'anywhere',
    }),
    well: css({ alignItems: 'center', boxShadow: `inset 3px 0 0 ${theme.colors.success.main}` }),
    wellIcon: css({ color: theme.colors.success.text }),
    critical: edge(theme.colors.error.main),
    warning: edge(theme.colors.warning.main),
    ticket: edge(theme.colors.info.main),
    criticalIcon: css({ color: theme.colors.error.text }),
    warningIcon: css({ color: theme.colors.warning.text }),
    ticketIcon: css({ color: theme.colors.info.text }),
    severity: css({
      display: 'inline-flex',
      alignItems: 'center',
      alignSelf: 'flex-start',
      gap: theme.spacing(0.5),
      minWidth: 90,
    }),
    what: css({ flex: '1 1 260px', display: 'grid', gap: theme.spacing(0.25), minWidth: 0 }),
    title: css({ fontWeight: theme.typography.fontWeightMedium }),
    runs: css({
      display: 'flex',
      flexWrap: 'wrap',
      gap: theme.spacing(0.25, 2),
      fontSize: theme.typography.bodySmall.fontSize,
      color: theme.colors.text.secondary,
    }),
    since: css({ color: theme.colors.text.secondary, whiteSpace: 'nowrap' }),
    look: css({
      margin: theme.spacing(0.5, 0, 0),
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
    }),
  };
};
