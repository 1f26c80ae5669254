import type { BaselineAnswer, BaselinesAnswer, QualityTrendAnswer } from '@contract/quality.ts';
import { t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { EmptyState } from '@grafana/ui';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { windowOf } from '../../app/usePageTime';
import { type Scope, useScope } from '../../app/useScope';
import { type FigureColumn, FigureTable } from '../../components/FigureTable';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { RunTable } from '../../components/RunTable';
import { ScopeFilters } from '../../components/ScopeFilters';
import { Section } from '../../components/Section';
import { TimeAgo } from '../../components/TimeAgo';
import { TrendChart } from '../../components/TrendChart';
import { formatCount, formatScore, UNKNOWN } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';

const DIMENSIONS = ['source', 'project', 'workflow', 'persona'] as const;
const MOST_RUNS = 50;

/** `quality`: what falls below its baseline, how each dimension goes, and what the baselines are. */
export default function QualityPage() {
  const scope = useScope(DIMENSIONS);
  return (
    <PluginPage pageNav={menuPage(t('quality.title', 'Quality'), links.quality())}>
      <ScopeFilters scope={scope} />
      <Section title={t('quality.below', 'Runs below their baseline')}>
        <BelowBaseline scope={scope} />
      </Section>
      <Section title={t('quality.trend', 'Scores over time')}>
        <Trend scope={scope} />
      </Section>
      <Section title={t('quality.baselines', 'Baselines')}>
        <Baselines scope={scope} />
      </Section>
    </PluginPage>
  );
}

function BelowBaseline({ scope: { time, filters } }: { scope: Scope }) {
  const { api, uid } = useFleetApi();
  const query = useQuery({
    queryKey: [uid, 'runs', 'below-baseline', time, filters],
    queryFn: ({ signal }) => {
      const { from: since, to: until } = windowOf(time);
      return api.runs({ ...filters, since, until, below_baseline: true, limit: MOST_RUNS }, { signal });
    },
    placeholderData: keepPreviousData,
  });
  return (
    <QueryState
      query={query}
      isEmpty={({ data }) => data.length === 0}
      empty={<EmptyState variant="completed" message={t('quality.none-below', 'No run is below its baseline')} />}
    >
      {({ data }) => <RunTable runs={data} caption={t('quality.below', 'Runs below their baseline')} />}
    </QueryState>
  );
}

function Trend({ scope: { time, filters } }: { scope: Scope }) {
  const { api, uid } = useFleetApi();
  const query = useQuery({
    queryKey: [uid, 'quality-trend', time, filters],
    queryFn: ({ signal }) => {
      const asked = { ...filters, ...windowOf(time) };
      return api.get<QualityTrendAnswer>('/api/v1/quality/trend', asked, { signal });
    },
    placeholderData: keepPreviousData,
  });
  return (
    <QueryState query={query} isEmpty={({ data }) => data.length === 0}>
      {({ data }) => {
        const names = [
          ...new Set(data.flatMap(({ dimensions }) => Object.keys(dimensions))),
        ] as (keyof (typeof data)[number]['dimensions'])[];
        return (
          <>
            <TrendChart
              title={t('quality.trend-medians', 'Median score')}
              isTitled
              height={240}
              format={formatScore}
              series={names.map((name) => ({
                label: name,
                points: data.map(({ start, dimensions }) => ({ at: start, value: dimensions[name]?.median })),
              }))}
            />
            <TrendChart
              title={t('quality.evaluations', 'Evaluations')}
              isTitled
              kind="bar"
              height={120}
              format={formatCount}
              series={[
                {
                  label: t('quality.evaluated', 'Evaluated, not below'),
                  color: 'blue',
                  points: data.map(({ start, evaluated, belowBaseline }) => ({
                    at: start,
                    value: evaluated - belowBaseline,
                  })),
                },
                {
                  label: t('quality.flagged', 'Below baseline'),
                  color: 'orange',
                  points: data.map(({ start, belowBaseline }) => ({ at: start, value: belowBaseline })),
                },
              ]}
            />
          </>
        );
      }}
    </QueryState>
  );
}

function Baselines({ scope: { filters } }: { scope: Scope }) {
  const { api, uid } = useFleetApi();
  const { source, project, workflow } = filters;
  const query = useQuery({
    queryKey: [uid, 'baselines', source, project, workflow],
    queryFn: ({ signal }) =>
      api.get<BaselinesAnswer>('/api/v1/quality/baselines', { source, project, workflow }, { signal }),
  });
  const columns: readonly FigureColumn<BaselineAnswer>[] = [
    {
      id: 'workflow',
      header: t('quality.column.workflow', 'Workflow'),
      sortBy: (baseline) => baseline.workflow,
      cell: (baseline) => (
        <PageLink to={links.runs({ workflow: baseline.workflow, project: baseline.project })}>
          {baseline.workflow ?? UNKNOWN}
        </PageLink>
      ),
    },
    {
      id: 'project',
      header: t('quality.column.project', 'Project'),
      sortBy: (baseline) => baseline.project,
      cell: (baseline) => baseline.project ?? UNKNOWN,
    },
    {
      id: 'source',
      header: t('quality.column.source', 'Source'),
      sortBy: (baseline) => baseline.source,
      cell: (baseline) => baseline.source,
    },
    {
      id: 'score',
      header: t('quality.column.score', 'Baseline'),
      isFigure: true,
      sortBy: ({ score }) => score,
      cell: ({ score }) => formatScore(score),
    },
    { id: 'how', header: t('quality.column.how', 'How it was made'), cell: howMade },
    {
      id: 'since',
      header: t('quality.column.since', 'Since'),
      sortBy: ({ since }) => since,
      cell: ({ since }) => <TimeAgo at={since} />,
    },
  ];
  return (
    <QueryState query={query} isEmpty={({ data }) => data.length === 0}>
      {({ data, margin }) => (
        <>
          <p>{t('quality.margin', 'A run more than {{margin}} points below its baseline is flagged.', { margin })}</p>
          <FigureTable
            caption={t('quality.baselines', 'Baselines')}
            rows={data}
            columns={columns}
            keyOf={(baseline) => [baseline.source, baseline.project, baseline.workflow].join('/')}
          />
        </>
      )}
    </QueryState>
  );
}

function howMade({ how, runs, wanted, setBy, reason }: BaselineAnswer): string {
  if (wanted !== undefined) {
    return t('quality.being-made', '{{known}} of {{wanted}} evaluated runs so far', { known: runs.length, wanted });
  }
  const by = [setBy, reason].filter((part) => part !== undefined).join(': ');
  if (how === 'pinned') return t('quality.pinned', 'Pinned by {{by}}', { by, ...VERBATIM });
  if (how === 'rebased')
    return t('quality.rebased', 'Median of {{count}} runs, re-based by {{by}}', {
      count: runs.length,
      by,
      ...VERBATIM,
    });
  return t('quality.computed', 'Median of the first {{count}} runs', { count: runs.length });
}
