import { css } from '@emotion/css';
import { t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { keepPreviousData, useQueries, useQuery } from '@tanstack/react-query';
import { type Listed, runPath } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { windowOf } from '../../app/usePageTime';
import { useScope } from '../../app/useScope';
import { type FigureColumn, FigureTable } from '../../components/FigureTable';
import { ListPaging } from '../../components/ListPaging';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { ScopeFilters } from '../../components/ScopeFilters';
import { StatusBadge } from '../../components/StatusBadge';
import { TimeAgo } from '../../components/TimeAgo';
import { formatCount, formatDuration, formatUsd, secondsBetween, UNKNOWN } from '../../format/formatValues';

type Run = Listed<'run'>;
type Step = Listed<'step'>;
const DIMENSIONS = ['source', 'project'] as const;
const PAGE_SIZE = 25;

/** `history`: the runs of a project with their phases, counts and usage, as Int Crucible's own run history shows them. */
export default function HistoryPage() {
  const scope = useScope(DIMENSIONS, { from: 'now-90d', to: 'now' });
  const { api, uid } = useFleetApi();
  const { time, filters, parameters } = scope;
  const cursor = parameters.get('cursor') ?? undefined;
  const query = useQuery({
    queryKey: [uid, 'runs', 'history', time, filters, cursor],
    queryFn: ({ signal }) => {
      const { from: since, to: until } = windowOf(time);
      return api.runs({ ...filters, since, until, limit: PAGE_SIZE, cursor }, { signal });
    },
    placeholderData: keepPreviousData,
  });
  return (
    <PluginPage pageNav={menuPage(t('history.title', 'Run history'), links.history())}>
      <ScopeFilters scope={scope} />
      <QueryState
        query={query}
        isEmpty={({ data }) => data.length === 0}
        empty={t('history.empty', 'No run of this project in this time')}
      >
        {({ data, nextCursor }) => (
          <>
            <History runs={data} />
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

function History({ runs }: { runs: readonly Run[] }) {
  const { api, uid } = useFleetApi();
  const phases = useQueries({
    queries: runs.map(({ source, runId }) => ({
      queryKey: [uid, 'run', source, runId, 'phases'],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.get<{ data: Step[] }>(`${runPath(source, runId)}/steps`, { limit: 100 }, { signal }),
      staleTime: 60_000,
    })),
  });
  const phasesOf = (run: Run) => phases[runs.indexOf(run)]?.data?.data;
  const count = (id: string, header: string, field: 'candidates' | 'scenarios' | 'evaluations'): FigureColumn<Run> => ({
    id,
    header,
    isFigure: true,
    sortBy: ({ counts }) => counts?.[field],
    cell: ({ counts }) => formatCount(counts?.[field]),
  });
  const columns: readonly FigureColumn<Run>[] = [
    {
      id: 'run',
      header: t('history.column.run', 'Run'),
      cell: ({ source, runId, name, error }) => (
        <>
          <PageLink to={links.run(source, runId)}>{name ?? runId}</PageLink>
          {error?.message !== undefined && <div>{error.message.slice(0, 200)}</div>}
        </>
      ),
    },
    {
      id: 'status',
      header: t('history.column.status', 'Status'),
      sortBy: ({ status }) => status,
      cell: ({ status, rawStatus }) => <StatusBadge status={status} rawStatus={rawStatus} />,
    },
    {
      id: 'created',
      header: t('history.column.created', 'Created'),
      sortBy: ({ createdAt }) => createdAt,
      cell: ({ createdAt }) => (
        <span className={whole}>
          <TimeAgo at={createdAt} />
        </span>
      ),
    },
    {
      id: 'duration',
      header: t('history.column.duration', 'Duration'),
      isFigure: true,
      sortBy: secondsOf,
      cell: (run) => formatDuration(secondsOf(run)),
    },
    count('candidates', t('history.column.candidates', 'Candidates'), 'candidates'),
    count('scenarios', t('history.column.scenarios', 'Scenarios'), 'scenarios'),
    count('evaluations', t('history.column.evaluations', 'Evaluations'), 'evaluations'),
    {
      id: 'phases',
      header: t('history.column.phases', 'Phases'),
      cell: (run) => <Phases steps={phasesOf(run)} />,
    },
    {
      id: 'usage',
      header: t('history.column.usage', 'Usage'),
      sortBy: ({ costUsd }) => costUsd,
      cell: usageOf,
    },
  ];
  return (
    <FigureTable
      caption={t('history.title', 'Run history')}
      rows={runs}
      columns={columns}
      keyOf={({ source, runId }) => `${source}/${runId}`}
    />
  );
}

const secondsOf = ({ startedAt, finishedAt, status }: Pick<Run, 'startedAt' | 'finishedAt' | 'status'>) =>
  finishedAt === undefined && status !== 'running' ? undefined : secondsBetween(startedAt, finishedAt);

/** A figure stands beside its unit. */
const whole = css({ whiteSpace: 'nowrap' });

function Phases({ steps }: { steps: readonly Step[] | undefined }) {
  if (steps === undefined || steps.length === 0) return UNKNOWN;
  return steps.map((step) => (
    <div key={step.stepId}>
      {step.name ?? step.role ?? step.stepId}: <span className={whole}>{formatDuration(secondsOf(step))}</span>
    </div>
  ));
}

/** A platform without telemetry reports nothing: that is no usage of zero. */
function usageOf({ usageMissing, costUsd, inputTokens, outputTokens }: Run): string {
  const hasTokens = inputTokens !== undefined || outputTokens !== undefined;
  if (usageMissing === true || (costUsd === undefined && !hasTokens)) return t('history.not-reported', 'not reported');
  if (!hasTokens) return formatUsd(costUsd);
  const tokens = t('history.tokens', '{{input}} in, {{output}} out', {
    input: formatCount(inputTokens),
    output: formatCount(outputTokens),
  });
  return `${formatUsd(costUsd)} · ${tokens}`;
}
