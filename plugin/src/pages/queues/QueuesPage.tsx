import type { Page } from '@contract/api.ts';
import { t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { EmptyState } from '@grafana/ui';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Listed } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { windowOf } from '../../app/usePageTime';
import { type Scope, useScope } from '../../app/useScope';
import { type FigureColumn, FigureTable } from '../../components/FigureTable';
import { QueryState } from '../../components/QueryState';
import { ScopeFilters } from '../../components/ScopeFilters';
import { Section } from '../../components/Section';
import { TimeAgo } from '../../components/TimeAgo';
import { TrendChart } from '../../components/TrendChart';
import { formatCount } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';
import { LiveIndicator } from '../../live/LiveIndicator';
import { useLiveRefetch } from '../../live/useLive';

type Queue = Listed<'queue'>;
const DIMENSIONS = ['source'] as const;
const PAGE = 500;
/** Samples of one chart at most: the newest of the window. */
const MOST_SAMPLES = 5_000;

/** `queues`: what waits, for how long, and who works on it. */
export default function QueuesPage() {
  const scope = useScope(DIMENSIONS, { from: 'now-6h', to: 'now' });
  const { api, uid } = useFleetApi();
  const { source } = scope.filters;
  const queryKey = [uid, 'queues', source];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) => api.list<'queue'>('queues', { source, limit: PAGE }, { signal }),
    placeholderData: keepPreviousData,
  });
  useLiveRefetch(['queues'], queryKey);
  return (
    <PluginPage pageNav={menuPage(t('queues.title', 'Queues'), links.queues())} actions={<LiveIndicator />}>
      <ScopeFilters scope={scope} />
      <QueryState
        query={query}
        isEmpty={({ data }) => data.length === 0}
        empty={
          <EmptyState variant="not-found" message={t('queues.empty', 'No source tells of a queue')}>
            {t('queues.empty-advice', 'Queues come from Trigger.dev, ARQ and pushed samples.')}
          </EmptyState>
        }
      >
        {({ data }) => (
          <>
            <Section title={t('queues.now', 'Now')}>
              <QueueTable queues={data} />
            </Section>
            {data.map((queue) => (
              <Section key={keyOf(queue)} title={`${queue.queue} · ${queue.source}`}>
                <Course queue={queue} scope={scope} />
              </Section>
            ))}
          </>
        )}
      </QueryState>
    </PluginPage>
  );
}

const keyOf = ({ source, queue }: Queue) => `${source}/${queue}`;

function QueueTable({ queues }: { queues: readonly Queue[] }) {
  const count = (id: string, header: string, value: (queue: Queue) => number | undefined): FigureColumn<Queue> => ({
    id,
    header,
    isFigure: true,
    sortBy: value,
    cell: (queue) => formatCount(value(queue)),
  });
  const columns: readonly FigureColumn<Queue>[] = [
    {
      id: 'queue',
      header: t('queues.column.queue', 'Queue'),
      sortBy: ({ queue }) => queue,
      cell: ({ queue }) => queue,
    },
    {
      id: 'source',
      header: t('queues.column.source', 'Source'),
      sortBy: ({ source }) => source,
      cell: ({ source }) => source,
    },
    count('due', t('queues.column.due', 'Waiting'), ({ due }) => due),
    {
      id: 'oldest',
      header: t('queues.column.oldest', 'Oldest waits since'),
      sortBy: ({ oldestDueAt }) => oldestDueAt,
      cell: ({ oldestDueAt }) => <TimeAgo at={oldestDueAt} />,
    },
    count('deferred', t('queues.column.deferred', 'Deferred'), ({ deferred }) => deferred),
    count('progress', t('queues.column.in-progress', 'In progress'), ({ inProgress }) => inProgress),
    count('workers', t('queues.column.workers', 'Workers'), ({ workers }) => workers),
    count('limit', t('queues.column.limit', 'Concurrency limit'), ({ concurrencyLimit }) => concurrencyLimit),
    count('failed', t('queues.column.failed', 'Failed, ever'), ({ failedTotal }) => failedTotal),
    count('retried', t('queues.column.retried', 'Retried, ever'), ({ retriedTotal }) => retriedTotal),
    { id: 'at', header: t('queues.column.at', 'As of'), sortBy: ({ at }) => at, cell: ({ at }) => <TimeAgo at={at} /> },
  ];
  return <FigureTable caption={t('queues.now', 'Now')} rows={queues} columns={columns} keyOf={keyOf} />;
}

function Course({ queue: { source, queue }, scope: { time } }: { queue: Queue; scope: Scope }) {
  const { api, uid } = useFleetApi();
  const query = useQuery({
    queryKey: [uid, 'queue-samples', source, queue, time],
    queryFn: async ({ signal }) => {
      const path = `/api/v1/queues/${encodeURIComponent(source)}/${encodeURIComponent(queue)}/samples`;
      const { from: since, to: until } = windowOf(time);
      const samples: Queue[] = [];
      let cursor: string | undefined;
      do {
        const page: Page<Queue> = await api.get(path, { since, until, limit: PAGE, cursor }, { signal });
        samples.push(...page.data);
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined && samples.length < MOST_SAMPLES);
      return samples;
    },
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  });
  return (
    <QueryState query={query} isEmpty={(samples) => samples.length === 0}>
      {(samples) => {
        const course = (label: string, field: 'due' | 'deferred' | 'inProgress' | 'workers') => ({
          label,
          points: samples.flatMap((sample) =>
            sample.at === undefined ? [] : [{ at: sample.at, value: sample[field] }],
          ),
        });
        return (
          <TrendChart
            title={t('queues.course', 'Queue {{queue}} over time', { queue, ...VERBATIM })}
            format={formatCount}
            series={[
              course(t('queues.column.due', 'Waiting'), 'due'),
              course(t('queues.column.in-progress', 'In progress'), 'inProgress'),
              course(t('queues.column.deferred', 'Deferred'), 'deferred'),
              course(t('queues.column.workers', 'Workers'), 'workers'),
            ]}
          />
        );
      }}
    </QueryState>
  );
}
