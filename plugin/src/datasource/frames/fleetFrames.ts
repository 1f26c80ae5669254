import type { FiguresAnswer, FiguresOfGroup, TimeseriesAnswer } from '@contract/analytics.ts';
import type { AnalyticsDimension, FigureName } from '@contract/dimensions.ts';
import type { QualityTrendAnswer } from '@contract/quality.ts';
import type { DataFrame } from '@grafana/data';
import type { Listed } from '../../api/FleetApi';
import { secondsBetween } from '../../format/formatValues';
import { CHAIN_LINK, CHAIN_STATUS, RUN_LINK, SANDBOX_LINK, SANDBOX_STATUS, SCORE } from './columns';
import { type Column, instant, number, other, tableFrame, text } from './tableFrame';

type Chain = Listed<'chain'>;
type Sandbox = Listed<'sandbox'>;
type Queue = Listed<'queue'>;
type Usage = Listed<'usage'>;

const succeededSprints = ({ sprints }: Chain) => sprints?.filter(({ status }) => status === 'succeeded').length;

const CHAIN_COLUMNS: readonly Column<Chain>[] = [
  instant('created', ({ createdAt }) => createdAt),
  text('status', ({ status }) => status, CHAIN_STATUS),
  text('name', ({ name, chainId }) => name ?? chainId, CHAIN_LINK),
  text('project', ({ project }) => project),
  text('workflow', ({ workflow }) => workflow),
  number('sprints done', 'none', succeededSprints),
  number('sprints', 'none', ({ sprintCount, sprints }) => sprintCount ?? sprints?.length),
  number('failed sprint', 'none', ({ failedSprintIndex }) => failedSprintIndex),
  number('duration', 's', ({ createdAt, finishedAt, status }) =>
    finishedAt === undefined && status !== 'running' ? undefined : secondsBetween(createdAt, finishedAt),
  ),
  number('cost', 'currencyUSD', ({ costUsd }) => costUsd),
  text('source', ({ source }) => source),
  text('chain', ({ chainId }) => chainId, CHAIN_LINK),
  text('source status', ({ rawStatus }) => rawStatus),
];

export function chainsFrame(refId: string, chains: readonly Chain[]): DataFrame {
  return tableFrame(refId, 'Chains', chains, CHAIN_COLUMNS);
}

/** One chain and its runs; panels of the app take the records from `meta.custom`. */
export function chainFrame(refId: string, chain: Chain, runs: readonly Listed<'run'>[]): DataFrame {
  return tableFrame(refId, chain.name ?? chain.chainId, [chain], CHAIN_COLUMNS, { custom: { chain, runs } });
}

export function sandboxesFrame(refId: string, sandboxes: readonly Sandbox[]): DataFrame {
  return tableFrame<Sandbox>(refId, 'Sandboxes', sandboxes, [
    instant('created', ({ createdAt }) => createdAt),
    text('status', ({ status }) => status, SANDBOX_STATUS),
    text('sandbox', ({ sandboxId }) => sandboxId, SANDBOX_LINK),
    text('project', ({ project }) => project),
    text('origin', ({ origin }) => origin),
    text('template', ({ template }) => template),
    number('CPUs', 'none', ({ cpuCount }) => cpuCount),
    number('CPU used', 'percentunit', ({ cpuUsedRatio }) => cpuUsedRatio),
    number('memory', 'bytes', ({ memoryBytes }) => memoryBytes),
    number('memory used', 'bytes', ({ memoryUsedBytes }) => memoryUsedBytes),
    text('error', ({ error }) => error?.message),
    text('source', ({ source }) => source),
    text('run', ({ runId }) => runId, RUN_LINK),
    text('source status', ({ rawStatus }) => rawStatus),
  ]);
}

const QUEUE_FIGURES: readonly Column<Queue>[] = [
  number('due', 'short', ({ due }) => due),
  number('deferred', 'short', ({ deferred }) => deferred),
  number('in progress', 'short', ({ inProgress }) => inProgress),
  number('workers', 'short', ({ workers }) => workers),
];

export function queuesFrame(refId: string, queues: readonly Queue[]): DataFrame {
  return tableFrame<Queue>(refId, 'Queues', queues, [
    instant('at', ({ at }) => at),
    text('queue', ({ queue }) => queue),
    ...QUEUE_FIGURES,
    number('concurrency limit', 'short', ({ concurrencyLimit }) => concurrencyLimit),
    number('oldest waits', 's', ({ oldestDueAt, at }) => secondsBetween(oldestDueAt, at)),
    text('source', ({ source }) => source),
  ]);
}

/** The history of one queue. */
export function queueSeriesFrame(refId: string, { source, queue }: Queue, samples: readonly Queue[]): DataFrame {
  const frame = tableFrame(refId, queue, samples, [instant('time', ({ at }) => at), ...QUEUE_FIGURES]);
  const fields = frame.fields.map((field, index) => (index === 0 ? field : { ...field, labels: { source, queue } }));
  return { ...frame, fields };
}

export function usageFrame(refId: string, usage: readonly Usage[]): DataFrame {
  return tableFrame<Usage>(refId, 'Usage', usage, [
    instant('date', ({ date }) => date),
    text('service', ({ service }) => service),
    text('model', ({ model }) => model),
    text('project', ({ project }) => project),
    text('persona', ({ persona }) => persona),
    text('step type', ({ stepType }) => stepType),
    number('cost', 'currencyUSD', ({ costUsd }) => costUsd),
    number('quantity', 'short', ({ quantity }) => quantity),
    text('unit', ({ unit }) => unit),
    number('input tokens', 'short', ({ inputTokens }) => inputTokens),
    number('output tokens', 'short', ({ outputTokens }) => outputTokens),
    number('duration', 's', ({ durationSeconds }) => durationSeconds),
    text('source', ({ source }) => source),
    text('run', ({ runId }) => runId, RUN_LINK),
  ]);
}

export function qualityFrame(refId: string, { data }: QualityTrendAnswer): DataFrame {
  const dimensions = [
    ...new Set(data.flatMap((bucket) => Object.keys(bucket.dimensions))),
  ] as (keyof QualityTrendAnswer['data'][number]['dimensions'])[];
  type Bucket = QualityTrendAnswer['data'][number];
  return tableFrame<Bucket>(refId, 'Quality', data, [
    instant('time', ({ start }) => start),
    ...dimensions.map((name) => number<Bucket>(name, 'short', (bucket) => bucket.dimensions[name]?.median, SCORE)),
    number('evaluated', 'short', ({ evaluated }) => evaluated),
    number('below baseline', 'short', ({ belowBaseline }) => belowBaseline),
  ]);
}

type Figures = Omit<FiguresOfGroup, AnalyticsDimension>;

/** The figures that a frame shows, in the order of its columns. */
export const FIGURE_COLUMNS = {
  runs: number('runs', 'short', ({ runs }) => runs),
  succeeded: number('succeeded', 'short', ({ succeeded }) => succeeded),
  failed: number('failed', 'short', ({ failed }) => failed),
  timedOut: number('timed out', 'short', ({ timedOut }) => timedOut),
  successRate: number('success rate', 'percentunit', ({ successRate }) => successRate),
  averageIterations: number('iterations', 'short', ({ averageIterations }) => averageIterations),
  averageDurationSeconds: number('duration', 's', ({ averageDurationSeconds }) => averageDurationSeconds),
  queueWaitSeconds: number('queue wait p95', 's', ({ queueWaitSeconds }) => queueWaitSeconds?.p95),
  costUsd: number('cost', 'currencyUSD', ({ costUsd }) => costUsd),
  costPerRunUsd: number('cost per run', 'currencyUSD', ({ costPerRunUsd }) => costPerRunUsd),
  costPerSuccessfulRunUsd: number(
    'cost per success',
    'currencyUSD',
    ({ costPerSuccessfulRunUsd }) => costPerSuccessfulRunUsd,
  ),
  costPerMergedPullRequestUsd: number(
    'cost per merged PR',
    'currencyUSD',
    ({ costPerMergedPullRequestUsd }) => costPerMergedPullRequestUsd,
  ),
  costOfFailuresUsd: number('cost of failures', 'currencyUSD', ({ costOfFailuresUsd }) => costOfFailuresUsd),
  averageQuality: number('quality', 'short', ({ averageQuality }) => averageQuality, SCORE),
  qualityPerUsd: number('quality per dollar', 'short', ({ qualityPerUsd }) => qualityPerUsd),
  firstPassRate: number('first-pass rate', 'percentunit', ({ firstPassRate }) => firstPassRate),
  secondsToMerge: number('time to merge p50', 's', ({ secondsToMerge }) => secondsToMerge?.p50),
  spentUsd: number('spent', 'currencyUSD', ({ spentUsd }) => spentUsd),
} satisfies Partial<Record<FigureName, Column<Figures>>>;

const columnsOf = (figures: readonly FigureName[] | undefined): readonly Column<Figures>[] =>
  Object.entries(FIGURE_COLUMNS).flatMap(([name, column]) =>
    figures === undefined || figures.includes(name as FigureName) ? [column] : [],
  );

export function figuresFrame(
  refId: string,
  { data }: FiguresAnswer,
  groupBy: readonly AnalyticsDimension[],
  figures?: readonly FigureName[],
): DataFrame {
  return tableFrame<FiguresOfGroup>(refId, 'Workflow analytics', data, [
    ...groupBy.map((dimension) => text<FiguresOfGroup>(dimension, (group) => group[dimension])),
    ...columnsOf(figures),
  ]);
}

/** A frame a group, its labels the group's values: what the time series panel calls "multi". Legends name the group, and which figure it is. */
export function figuresSeriesFrames(
  refId: string,
  { data }: TimeseriesAnswer,
  groupBy: readonly AnalyticsDimension[],
  figures?: readonly FigureName[],
): DataFrame[] {
  const columns = columnsOf(figures);
  return data.map((group) => {
    const labels = Object.fromEntries(groupBy.map((dimension) => [dimension, group[dimension] ?? 'unknown']));
    const name = Object.values(labels).join(' ') || 'All runs';
    const legend = (column: string) => (columns.length > 1 ? `${name} ${column}` : name);
    const frame = tableFrame<(typeof group.points)[number]>(refId, name, group.points, [
      instant('time', ({ from }) => from),
      ...columns.map((column) => ({
        ...column,
        config: { ...column.config, displayNameFromDS: legend(column.name) },
      })),
    ]);
    return { ...frame, fields: frame.fields.map((field, at) => (at === 0 ? field : { ...field, labels })) };
  });
}

export interface FleetEventRow {
  readonly at: string;
  readonly until?: string | undefined;
  readonly title: string;
  readonly text: string;
  readonly tags: readonly string[];
}

/** For annotations: Grafana reads them by these names. */
export function eventsFrame(refId: string, events: readonly FleetEventRow[]): DataFrame {
  return tableFrame<FleetEventRow>(refId, 'Events', events, [
    instant('time', ({ at }) => at),
    instant('timeEnd', ({ until }) => until),
    text('title', ({ title }) => title),
    text('text', (event) => event.text),
    other('tags', ({ tags }) => tags),
  ]);
}
