import type { FiguresAnswer, TimeseriesAnswer } from '@contract/analytics.ts';
import type { Page } from '@contract/api.ts';
import type { BudgetsAnswer } from '@contract/budgets.ts';
import { ANALYTICS_DIMENSIONS } from '@contract/dimensions.ts';
import type { QualityTrendAnswer } from '@contract/quality.ts';
import type { DataFrame, TimeRange } from '@grafana/data';
import type { FleetApi, Listed, Parameters } from '../api/FleetApi';
import { formatUsd } from '../format/formatValues';
import {
  chainFrame,
  chainsFrame,
  eventsFrame,
  type FleetEventRow,
  figuresFrame,
  figuresSeriesFrames,
  qualityFrame,
  queueSeriesFrame,
  queuesFrame,
  sandboxesFrame,
  usageFrame,
} from './frames/fleetFrames';
import { outputFrame } from './frames/outputFrame';
import { runFrame, runsFrame, stepsFrame } from './frames/runFrames';
import { traceFrame } from './frames/traceFrame';
import { DEFAULT_LIMIT, type FilterName, type FleetQuery } from './types';

/** The exporter's largest page. */
const PAGE = 500;
/** A query that asks for more is cut, and says so: a panel is no export. */
export const MOST_RECORDS = 10_000;
const MOST_STEPS = 10_000;
const HOUR_MS = 3_600_000;

/** Why a query has no answer yet; it is shown as it stands. */
export class IncompleteQuery extends Error {
  override readonly name = 'IncompleteQuery';
}

/**
 * Asks the exporter what a query (its variables replaced) is about, within the time range.
 * @throws ApiFailure, IncompleteQuery
 */
export async function answerQuery(api: FleetApi, query: FleetQuery, range: TimeRange): Promise<DataFrame[]> {
  const { refId, queryType, filters = {} } = query;
  const window = { since: range.from.toISOString(), until: range.to.toISOString() };
  switch (queryType) {
    case 'runs': {
      const { records, isCut } = await allOf<Listed<'run'>>(
        api,
        '/api/v1/runs',
        { ...filters, ...window },
        limitOf(query),
      );
      return [cut(runsFrame(refId, records), isCut)];
    }
    case 'run':
      return [runFrame(refId, await api.run(...recordOf(query), ['steps', 'usage', 'job']))];
    case 'steps':
      return [stepsFrame(refId, await stepsOf(api, ...recordOf(query)))];
    case 'trace': {
      const [run, steps] = await Promise.all([api.run(...recordOf(query)), stepsOf(api, ...recordOf(query))]);
      return [traceFrame(refId, run, steps)];
    }
    case 'output': {
      const tail = Math.min(limitOf(query, 1_000), PAGE);
      const page = await api.output(...recordOf(query), { tail, step: query.stepId || undefined });
      return [outputFrame(refId, page.data)];
    }
    case 'chains': {
      const only = pick(filters, ['source', 'project', 'workflow', 'status']);
      const { records, isCut } = await allOf<Listed<'chain'>>(
        api,
        '/api/v1/chains',
        { ...only, ...window },
        limitOf(query),
      );
      return [cut(chainsFrame(refId, records), isCut)];
    }
    case 'chain': {
      const of = recordOf(query);
      const [chain, runs] = await Promise.all([api.chain(...of), api.runsOfChain(...of)]);
      return [chainFrame(refId, chain, runs.data)];
    }
    case 'sandboxes': {
      const only = pick(filters, ['source', 'project', 'status']);
      const path = '/api/v1/sandboxes';
      const { records, isCut } = await allOf<Listed<'sandbox'>>(api, path, { ...only, ...window }, limitOf(query));
      return [cut(sandboxesFrame(refId, records), isCut)];
    }
    case 'queues':
      return queues(api, query, window);
    case 'usage': {
      const only = pick(filters, ['source', 'project', 'model', 'persona']);
      const { records, isCut } = await allOf<Listed<'usage'>>(
        api,
        '/api/v1/usage',
        { ...only, ...window },
        limitOf(query),
      );
      return [cut(usageFrame(refId, records), isCut)];
    }
    case 'quality': {
      const only = pick(filters, ['source', 'project', 'workflow', 'persona']);
      const times = { from: window.since, to: window.until };
      return [qualityFrame(refId, await api.get<QualityTrendAnswer>('/api/v1/quality/trend', { ...only, ...times }))];
    }
    case 'analytics':
      return analytics(api, query, range);
    case 'events':
      return [eventsFrame(refId, await eventsOf(api, query, range))];
  }
}

/** Frames of the run's output so far do not say what comes later: those queries can be followed. */
export function topicsOf({ queryType, source = '', id = '' }: FleetQuery): readonly string[] {
  const record = `${source}/${encodeURIComponent(id)}`;
  switch (queryType) {
    case 'run':
    case 'steps':
    case 'trace':
      return [`run:${record}`];
    case 'output':
      return [`output:${record}`];
    case 'chain':
      return [`chain:${record}`];
    case 'runs':
    case 'chains':
    case 'sandboxes':
    case 'queues':
    case 'usage':
      return [queryType];
    default:
      return [];
  }
}

function limitOf({ limit = DEFAULT_LIMIT }: FleetQuery, fallback?: number): number {
  const asked = fallback !== undefined && limit === DEFAULT_LIMIT ? fallback : limit;
  return Math.max(1, Math.min(MOST_RECORDS, Math.floor(asked) || DEFAULT_LIMIT));
}

function recordOf({ source = '', id = '', queryType }: FleetQuery): [source: string, id: string] {
  if (source !== '' && id !== '') return [source, id];
  const what = queryType === 'chain' ? 'chain' : 'run';
  throw new IncompleteQuery(`Choose a source and the id of a ${what}, or variables that hold them.`);
}

function pick(filters: NonNullable<FleetQuery['filters']>, names: readonly FilterName[]): Parameters {
  return Object.fromEntries(names.flatMap((name) => (filters[name] === undefined ? [] : [[name, filters[name]]])));
}

async function allOf<T>(api: FleetApi, path: string, parameters: Parameters, limit: number) {
  const records: T[] = [];
  let cursor: string | null = null;
  do {
    const ask = { ...parameters, limit: Math.min(PAGE, limit - records.length), cursor: cursor ?? undefined };
    const page: Page<T> = await api.get(path, ask);
    records.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor !== null && records.length < limit);
  return { records, isCut: cursor !== null };
}

function cut(frame: DataFrame, isCut: boolean): DataFrame {
  if (!isCut) return frame;
  const text = `The first ${frame.length}: there are more. Raise the limit of the query or narrow it down.`;
  return { ...frame, meta: { ...frame.meta, notices: [{ severity: 'info', text }] } };
}

async function stepsOf(api: FleetApi, source: string, id: string): Promise<readonly Listed<'step'>[]> {
  const path = `/api/v1/runs/${encodeURIComponent(source)}/${encodeURIComponent(id)}/steps`;
  return (await allOf<Listed<'step'>>(api, path, {}, MOST_STEPS)).records;
}

async function queues(
  api: FleetApi,
  query: FleetQuery,
  window: { since: string; until: string },
): Promise<DataFrame[]> {
  const only = pick(query.filters ?? {}, ['source']);
  const { records } = await allOf<Listed<'queue'>>(api, '/api/v1/queues', only, limitOf(query));
  if (query.asTimeSeries !== true) return [queuesFrame(query.refId, records)];
  return Promise.all(
    records.map(async (queue) => {
      const path = `/api/v1/queues/${encodeURIComponent(queue.source)}/${encodeURIComponent(queue.queue)}/samples`;
      const samples = await allOf<Listed<'queue'>>(api, path, window, MOST_RECORDS);
      return queueSeriesFrame(query.refId, queue, samples.records);
    }),
  );
}

async function analytics(api: FleetApi, query: FleetQuery, range: TimeRange): Promise<DataFrame[]> {
  const { refId, groupBy = ['workflow'], filters = {} } = query;
  const only = pick(filters, ANALYTICS_DIMENSIONS);
  const figures = query.figures?.length ? query.figures : undefined;
  const asked = {
    ...only,
    figures: figures?.join(','),
    by: groupBy.join(',') || undefined,
    from: range.from.toISOString(),
    to: range.to.toISOString(),
  };
  if (query.asTimeSeries !== true) {
    return [figuresFrame(refId, await api.get<FiguresAnswer>('/api/v1/analytics/runs', asked), groupBy, figures)];
  }
  const hours = (range.to.valueOf() - range.from.valueOf()) / HOUR_MS;
  const bucket = hours <= 72 ? 'hour' : hours <= 24 * 120 ? 'day' : 'week';
  const answer = await api.get<TimeseriesAnswer>('/api/v1/analytics/timeseries', { ...asked, bucket });
  return figuresSeriesFrames(refId, answer, groupBy, figures);
}

async function eventsOf(api: FleetApi, query: FleetQuery, range: TimeRange): Promise<FleetEventRow[]> {
  const { events = ['failed_runs'], filters = {} } = query;
  const window = { since: range.from.toISOString(), until: range.to.toISOString() };
  const limit = limitOf(query);
  const found = await Promise.all(
    events.map(async (type): Promise<FleetEventRow[]> => {
      if (type === 'budget_pauses') return pausesOf(await api.get<BudgetsAnswer>('/api/v1/budgets'), range);
      if (type === 'failed_runs') {
        const asked = { ...filters, status: ['failed', 'timed_out'], ...window };
        const { records } = await allOf<Listed<'run'>>(api, '/api/v1/runs', asked, limit);
        return records.flatMap(({ finishedAt, createdAt, name, runId, project, error, source }) => {
          const at = finishedAt ?? createdAt;
          if (at === undefined) return [];
          const tags = ['failed run', source, ...(project === undefined ? [] : [project])];
          return [{ at, title: name ?? runId, text: error?.message ?? 'The run failed', tags }];
        });
      }
      const asked = { ...pick(filters, ['source', 'project', 'workflow']), status: 'failed', ...window };
      const { records } = await allOf<Listed<'chain'>>(api, '/api/v1/chains', asked, limit);
      return records.flatMap(({ finishedAt, createdAt, name, chainId, failedSprintIndex, source }) => {
        const at = finishedAt ?? createdAt;
        if (at === undefined) return [];
        const which = failedSprintIndex === undefined ? 'The chain failed' : `Sprint ${failedSprintIndex} failed`;
        return [{ at, title: name ?? chainId, text: which, tags: ['failed chain', source] }];
      });
    }),
  );
  return found.flat().sort((a, b) => a.at.localeCompare(b.at));
}

function pausesOf({ data }: BudgetsAnswer, range: TimeRange): FleetEventRow[] {
  return data.flatMap(({ budget, subject, pausedSince, pausedUntil, acknowledgedAt, paused, spentUsd, limitUsd }) => {
    if (pausedSince === undefined || Date.parse(pausedSince) > range.to.valueOf()) return [];
    const until = paused ? undefined : (acknowledgedAt ?? pausedUntil);
    if (until !== undefined && Date.parse(until) < range.from.valueOf()) return [];
    const text = `${formatUsd(spentUsd)} of ${formatUsd(limitUsd)} spent`;
    return [{ at: pausedSince, until, title: `${budget}: ${subject} paused`, text, tags: ['budget pause', budget] }];
  });
}
