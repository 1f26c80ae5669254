import type { FiguresAnswer, FiguresOfGroup } from '@contract/analytics.ts';
import type { RecordListName } from '@contract/api.ts';
import type { AnalyticsDimension } from '@contract/dimensions.ts';
import type { SourcesAnswer } from '@contract/overview.ts';
import type { Kind } from '@contract/records.ts';
import { STATUSES } from '@contract/status.ts';
import type { FleetApi } from './FleetApi';

const DAYS = 90;
const MOST_VALUES = 1_000;
const MOST_LISTED = 500;
/** Lists that name what has not run lately. */
const LISTS: Readonly<Partial<Record<AnalyticsDimension, readonly [RecordListName, Kind]>>> = {
  project: ['projects', 'project'],
  workflow: ['workflows', 'workflow'],
  persona: ['personas', 'persona'],
};

type Name = AnalyticsDimension | 'status';
type Filters = Readonly<Partial<Record<Name, readonly string[]>>>;

/**
 * @param filters of the others, which narrow the values down to those of matching runs
 * @returns the values that a filter can have, sorted: of the runs of the last {@link DAYS} days and, where nothing narrows them down, what
 * the platforms list besides
 * @throws ApiFailure where nothing could be read
 */
export async function valuesOf(api: FleetApi, name: Name, filters: Filters = {}): Promise<readonly string[]> {
  if (name === 'status') return STATUSES;
  const { status: _status, [name]: _own, ...others } = filters;
  const isNarrow = Object.values<readonly string[] | undefined>(others).some((values = []) => values.length > 0);
  const answers = await Promise.allSettled([ran(api, name, others), isNarrow ? [] : listed(api, name)]);
  const [failed] = answers.filter((answer) => answer.status === 'rejected');
  const values = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (failed !== undefined && values.length === 0) throw failed.reason;
  return [...new Set(values.filter((value) => typeof value === 'string'))].sort((a, b) => a.localeCompare(b));
}

async function ran(api: FleetApi, name: AnalyticsDimension, filters: Filters): Promise<(string | undefined)[]> {
  const from = new Date(Date.now() - DAYS * 86_400_000).toISOString();
  const asked = { ...filters, by: name, figures: 'runs', from, limit: MOST_VALUES };
  const { data } = await api.get<FiguresAnswer>('/api/v1/analytics/runs', asked);
  return data.map((group: FiguresOfGroup) => group[name]);
}

async function listed(api: FleetApi, name: AnalyticsDimension): Promise<unknown[]> {
  if (name === 'source') {
    const { data } = await api.get<SourcesAnswer>('/api/v1/sources');
    return data.map(({ source }) => source);
  }
  const [list, kind] = LISTS[name] ?? [];
  if (list === undefined || kind === undefined) return [];
  const { data } = await api.list(list, { limit: MOST_LISTED });
  return data.map((record) => (record as Record<string, unknown>)[kind]);
}
