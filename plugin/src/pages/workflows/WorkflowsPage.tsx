import type { FiguresOfGroup } from '@contract/analytics.ts';
import { ANALYTICS_DIMENSIONS, type AnalyticsDimension } from '@contract/dimensions.ts';
import { t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { useAnalytics } from '../../app/useAnalytics';
import { windowOf } from '../../app/usePageTime';
import { type Scope, useScope } from '../../app/useScope';
import { type FigureColumn, FigureTable } from '../../components/FigureTable';
import { GroupBy } from '../../components/GroupBy';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { dimensionLabel, ScopeFilters } from '../../components/ScopeFilters';
import { Section } from '../../components/Section';
import { TrendChart } from '../../components/TrendChart';
import { durationStep } from '../../components/trendScale';
import { formatCount, formatDuration, formatScore, formatShare, formatUsd, UNKNOWN } from '../../format/formatValues';

/** Days of projects in one answer. */
const MOST_DAYS = 500;

/** `workflows`: which blueprints are worth it. */
export default function WorkflowsPage() {
  const scope = useScope(ANALYTICS_DIMENSIONS);
  const by = ANALYTICS_DIMENSIONS.find((name) => name === scope.parameters.get('by')) ?? 'workflow';
  return (
    <PluginPage pageNav={menuPage(t('workflows.title', 'Workflows'), links.workflows())}>
      <ScopeFilters scope={scope}>
        <GroupBy by={by} onChange={(value) => scope.change({ by: value })} />
      </ScopeFilters>
      <Section title={t('workflows.figures', 'Runs that ended')}>
        <Figures scope={scope} by={by} />
      </Section>
      <Section title={t('workflows.over-time', 'Over time')}>
        <OverTime scope={scope} />
      </Section>
      <Section title={t('workflows.daily.title', 'Daily statistics of the platforms')}>
        <DailyStatistics scope={scope} />
      </Section>
    </PluginPage>
  );
}

function Figures({ scope, by }: { scope: Scope; by: AnalyticsDimension }) {
  const query = useAnalytics('runs', scope, [by]);
  const name = (group: FiguresOfGroup) => group[by];
  const columns: readonly FigureColumn<FiguresOfGroup>[] = [
    {
      id: 'name',
      header: dimensionLabel(by),
      sortBy: name,
      cell: (group) => {
        const value = name(group);
        return value === undefined ? UNKNOWN : <PageLink to={links.runs({ [by]: value })}>{value}</PageLink>;
      },
    },
    figure('runs', t('workflows.runs', 'Runs'), ({ runs }) => runs, formatCount),
    figure('rate', t('workflows.success-rate', 'Success rate'), ({ successRate }) => successRate, formatShare),
    figure(
      'iterations',
      t('workflows.iterations', 'Iterations'),
      ({ averageIterations }) => averageIterations,
      formatScore,
    ),
    figure(
      'duration',
      t('workflows.duration', 'Duration'),
      ({ averageDurationSeconds }) => averageDurationSeconds,
      formatDuration,
    ),
    figure(
      'wait',
      t('workflows.wait', 'Queue wait p95'),
      ({ queueWaitSeconds }) => queueWaitSeconds?.p95,
      formatDuration,
    ),
    figure('first-pass', t('workflows.first-pass', 'First pass'), ({ firstPassRate }) => firstPassRate, formatShare),
    figure('quality', t('workflows.quality', 'Quality'), ({ averageQuality }) => averageQuality, formatScore),
    figure('per-run', t('workflows.cost-per-run', 'Cost per run'), ({ costPerRunUsd }) => costPerRunUsd, formatUsd),
    figure(
      'lost',
      t('workflows.cost-of-failures', 'Lost on failures'),
      ({ costOfFailuresUsd }) => costOfFailuresUsd,
      formatUsd,
    ),
    figure(
      'merge',
      t('workflows.time-to-merge', 'Time to merge p50'),
      ({ secondsToMerge }) => secondsToMerge?.p50,
      formatDuration,
    ),
  ];
  return (
    <QueryState
      query={query}
      isEmpty={({ data }) => data.length === 0}
      empty={t('workflows.empty', 'No run ended in this window')}
    >
      {({ data }) => (
        <FigureTable
          caption={t('workflows.figures', 'Runs that ended')}
          rows={data}
          columns={columns}
          keyOf={(group) => name(group) ?? ''}
        />
      )}
    </QueryState>
  );
}

function figure<T>(
  id: string,
  header: string,
  value: (row: T) => number | undefined,
  format: (value: number | undefined) => string,
): FigureColumn<T> {
  return { id, header, isFigure: true, sortBy: value, cell: (row) => format(value(row)) };
}

function OverTime({ scope }: { scope: Scope }) {
  const query = useAnalytics('timeseries', scope, []);
  return (
    <QueryState
      query={query}
      isEmpty={({ data }) => data.length === 0}
      empty={t('workflows.empty', 'No run ended in this window')}
    >
      {({ data: [all] }) => {
        const points = all?.points ?? [];
        const course = (
          label: string,
          color: string,
          value: (point: (typeof points)[number]) => number | undefined,
        ) => ({
          label,
          color,
          points: points.map((point) => ({ at: point.from, value: value(point) })),
        });
        return (
          <>
            <TrendChart
              title={t('workflows.chart.ended', 'Runs that ended')}
              isTitled
              kind="bar"
              format={formatCount}
              series={[
                course(t('status.succeeded', 'Succeeded'), 'green', ({ succeeded }) => succeeded),
                course(t('status.failed', 'Failed'), 'red', ({ failed }) => failed),
                course(t('status.timed-out', 'Timed out'), 'dark-red', ({ timedOut }) => timedOut),
                course(t('status.cancelled', 'Cancelled'), 'orange', ({ cancelled }) => cancelled),
              ]}
            />
            <TrendChart
              title={t('workflows.chart.duration', 'Average duration')}
              isTitled
              format={formatDuration}
              stepOf={durationStep}
              series={[
                course(
                  t('workflows.duration', 'Duration'),
                  'blue',
                  ({ averageDurationSeconds }) => averageDurationSeconds,
                ),
              ]}
            />
          </>
        );
      }}
    </QueryState>
  );
}

/** What a platform itself counts per day. */
function DailyStatistics({ scope: { time, filters } }: { scope: Scope }) {
  const { api, uid } = useFleetApi();
  const query = useQuery({
    queryKey: [uid, 'daily-stats', time, filters.source, filters.project],
    queryFn: ({ signal }) => {
      const { from: since, to: until } = windowOf(time);
      const { source, project } = filters;
      return api.list<'dailyStat'>(
        'daily-stats',
        { source, project, since, until, limit: MOST_DAYS, order: 'oldest' },
        { signal },
      );
    },
    placeholderData: keepPreviousData,
  });
  return (
    <QueryState
      query={query}
      isEmpty={({ data }) => data.length === 0}
      empty={t('workflows.daily.empty', 'No platform has told statistics of a day in this window')}
    >
      {({ data }) => {
        const days = [...new Set(data.map(({ date }) => date))];
        const sum = (
          date: string,
          field: 'runsCreated' | 'runsCompleted' | 'runsFailed' | 'sandboxesCreated' | 'iterations',
        ) => {
          const known = data.filter((day) => day.date === date).flatMap((day) => day[field] ?? []);
          return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
        };
        const course = (label: string, field: Parameters<typeof sum>[1]) => ({
          label,
          points: days.map((date) => ({ at: date, value: sum(date, field) })),
        });
        return (
          <TrendChart
            title={t('workflows.daily.title', 'Daily statistics of the platforms')}
            format={formatCount}
            formatTime={(ms) => new Date(ms).toISOString().slice(0, 10)}
            series={[
              course(t('workflows.daily.created', 'Runs created'), 'runsCreated'),
              course(t('workflows.daily.completed', 'Runs completed'), 'runsCompleted'),
              course(t('workflows.daily.failed', 'Runs failed'), 'runsFailed'),
              course(t('workflows.daily.sandboxes', 'Sandboxes created'), 'sandboxesCreated'),
              course(t('workflows.daily.iterations', 'Iterations'), 'iterations'),
            ]}
          />
        );
      }}
    </QueryState>
  );
}
