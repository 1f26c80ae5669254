import type { SourceState, SourcesAnswer } from '@contract/overview.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, type Ref, useMemo } from 'react';
import type { Listed } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { Mark } from '../../components/Mark';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { TimeAgo } from '../../components/TimeAgo';
import { formatCount, formatDuration, secondsBetween, UNKNOWN } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';

const LOOK_MS = 30_000;
const LIMITS_READ = 200;

interface Props {
  readonly headingRef: Ref<HTMLHeadingElement>;
  /** Only these; empty: all. */
  readonly sources: readonly string[];
}

/** Asked once, however many parts of the page want to know. */
export function useSources() {
  const { api, uid } = useFleetApi();
  return useQuery({
    queryKey: [uid, 'sources'],
    queryFn: ({ signal }) => api.get<SourcesAnswer>('/api/v1/sources', {}, { signal }),
    refetchInterval: LOOK_MS,
  });
}

/** How what the platforms record gets here: a page is as good as its sources. */
export function Sources({ headingRef, sources }: Props) {
  const styles = useStyles2(getStyles);
  const { api, uid } = useFleetApi();
  const query = useSources();
  const limits = useQuery({
    queryKey: [uid, 'rate-limits', 'latest'],
    queryFn: ({ signal }) => api.list<'rateLimit'>('rate-limits', { limit: LIMITS_READ }, { signal }),
    refetchInterval: LOOK_MS,
  });
  const limitOf = useMemo(() => latestLimits(limits.data?.data ?? []), [limits.data]);
  const chosen = ({ source }: SourceState) => sources.length === 0 || sources.includes(source);
  return (
    <section aria-label={t('fleet.sources', 'Sources')}>
      <h2 className={styles.heading} ref={headingRef} tabIndex={-1}>
        <Trans i18nKey="fleet.sources">Sources</Trans>
      </h2>
      <QueryState
        query={query}
        isEmpty={({ data }) => data.filter(chosen).length === 0}
        empty={
          <p className={styles.muted}>
            <Trans i18nKey="fleet.no-sources">No source is configured and none has pushed anything.</Trans>
          </p>
        }
      >
        {({ data }) => (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
          <section className={styles.scroll} tabIndex={0} aria-label={t('fleet.sources-table', 'State of each source')}>
            <table className={styles.table}>
              <thead>
                <tr>
                  {headers().map((header) => (
                    <th key={header} scope="col">
                      {header}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {data
                  .filter(chosen)
                  .toSorted((a, b) => Number(b.stale) - Number(a.stale) || a.source.localeCompare(b.source))
                  .map((state) => (
                    <tr key={state.source}>
                      <th scope="row">
                        <PageLink to={links.runs({ source: state.source })}>{state.source}</PageLink>
                        <div className={styles.muted}>{wayLabel(state)}</div>
                      </th>
                      <td>
                        <SourceMark state={state} />
                      </td>
                      <td>
                        <TimeAgo at={state.recordedAt} />
                      </td>
                      <td>
                        <TimeAgo at={state.lastEventAt} />
                      </td>
                      <td>{lagOf(state)}</td>
                      <td>{state.deadLetters === 0 ? '0' : <DeadLetters count={state.deadLetters} />}</td>
                      <td>{limitNote(limitOf.get(state.source))}</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </section>
        )}
      </QueryState>
    </section>
  );
}

function headers(): readonly string[] {
  return [
    t('fleet.source.name', 'Source'),
    t('fleet.source.state', 'State'),
    t('fleet.source.recorded', 'Last recorded'),
    t('fleet.source.event', 'Newest event'),
    t('fleet.source.lag', 'Lag'),
    t('fleet.source.unread', 'Not readable'),
    t('fleet.source.limit', 'Rate limit'),
  ];
}

function wayLabel({ way, type }: SourceState): string {
  const how =
    way === 'pull'
      ? t('fleet.source.pull', 'polled')
      : way === 'push'
        ? t('fleet.source.push', 'pushes')
        : t('fleet.source.nothing', 'nothing came yet');
  return type === undefined ? how : `${type} · ${how}`;
}

function SourceMark({ state: { stale, polling, catchingUp, progress, backfilled, way } }: { state: SourceState }) {
  const note = polling?.detail;
  if (stale || polling?.status === 'down')
    return (
      <Described detail={note}>
        <Mark tone="error" icon="exclamation-circle">
          <Trans i18nKey="fleet.source.stale">Stale</Trans>
        </Mark>
      </Described>
    );
  if (polling?.status === 'degraded')
    return (
      <Described detail={note}>
        <Mark tone="warning" icon="exclamation-triangle">
          <Trans i18nKey="fleet.source.degraded">Degraded</Trans>
        </Mark>
      </Described>
    );
  if (catchingUp || (way === 'pull' && !backfilled))
    return (
      <Described
        detail={
          progress === undefined
            ? note
            : t('fleet.source.progress', '{{done}} of {{total}}', {
                done: formatCount(progress.done),
                total: formatCount(progress.total),
              })
        }
      >
        <Mark tone="info" icon="sync">
          <Trans i18nKey="fleet.source.catching-up">Catching up</Trans>
        </Mark>
      </Described>
    );
  if (way === undefined)
    return (
      <Mark tone="neutral" icon="question-circle">
        <Trans i18nKey="fleet.source.nothing">nothing came yet</Trans>
      </Mark>
    );
  return (
    <Mark tone="success" icon="check-circle">
      <Trans i18nKey="fleet.source.ok">Up to date</Trans>
    </Mark>
  );
}

function Described({ detail, children }: { detail: string | undefined; children: ReactNode }) {
  const styles = useStyles2(getStyles);
  return (
    <>
      {children}
      {detail !== undefined && <div className={styles.detail}>{detail}</div>}
    </>
  );
}

/** @returns how long ago what is known was true: of a source that catches up its events, else nothing is behind that one could know. */
function lagOf({ catchingUp, lastEventAt }: SourceState): string {
  return catchingUp ? formatDuration(secondsBetween(lastEventAt, undefined)) : UNKNOWN;
}

function DeadLetters({ count }: { count: number }) {
  return (
    <Mark tone="warning" icon="exclamation-triangle">
      {t('fleet.source.dead-letters', '{{count}} records', { count, defaultValue_one: '{{count}} record' })}
    </Mark>
  );
}

type RateLimit = Listed<'rateLimit'>;

/** @returns by source the newest of what says how much is left. */
function latestLimits(newestFirst: readonly RateLimit[]): ReadonlyMap<string, RateLimit> {
  const latest = new Map<string, RateLimit>();
  for (const limit of newestFirst) if (!latest.has(limit.source)) latest.set(limit.source, limit);
  return latest;
}

function limitNote(limit: RateLimit | undefined): ReactNode {
  if (limit === undefined) return UNKNOWN;
  const left =
    limit.remaining === undefined
      ? (limit.layer ?? UNKNOWN)
      : t('fleet.source.left', '{{remaining}} of {{limit}} left', {
          remaining: formatCount(limit.remaining),
          limit: formatCount(limit.limit),
        });
  if (limit.limited !== true) return left;
  return (
    <Mark tone="warning" icon="exclamation-triangle">
      {t('fleet.source.limited', 'Limited: {{left}}', { left, ...VERBATIM })} <TimeAgo at={limit.at} />
    </Mark>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  heading: css({ ...theme.typography.h4, margin: theme.spacing(0, 0, 1), '&:focus': { outline: 'none' } }),
  muted: css({ margin: 0, color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
  detail: css({
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
    overflowWrap: 'anywhere',
    maxWidth: 360,
  }),
  scroll: css({ overflowX: 'auto' }),
  table: css({
    width: '100%',
    minWidth: 720,
    'th, td': {
      padding: theme.spacing(0.75, 1),
      textAlign: 'left',
      verticalAlign: 'top',
      fontWeight: theme.typography.fontWeightRegular,
      borderBottom: `1px solid ${theme.colors.border.weak}`,
    },
    'thead th': { color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize },
  }),
});
