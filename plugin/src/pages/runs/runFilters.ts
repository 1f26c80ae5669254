import type { Parameters } from '../../api/FleetApi';
import { isWindow, type PageTime, windowOf } from '../../app/usePageTime';

/** Filters of which several values can be chosen; each is named as the API names it. */
const CHOICES = [
  'status',
  'source',
  'project',
  'workflow',
  'persona',
  'model',
  'origin',
  'pr_status',
  'ci_status',
  'error_category',
] as const;
export type Choice = (typeof CHOICES)[number];

/** Filters that are on (`true`) or absent. */
export const FLAGS = ['unattended', 'below_baseline'] as const;
export type Flag = (typeof FLAGS)[number];

/** Bounds of a figure. */
const BOUNDS = ['score_min', 'score_max', 'cost_min', 'cost_max'] as const;
export type Bound = (typeof BOUNDS)[number];

/** Filters of one value, which links of other pages set. */
const SINGLE = ['q', 'chain_id'] as const;

const SORTS = ['created_at', 'started_at', 'finished_at', 'duration', 'cost', 'score'] as const;
export type Sort = (typeof SORTS)[number];
export type Order = 'asc' | 'desc';

export interface RunFilters {
  readonly choices: Readonly<Record<Choice, readonly string[]>>;
  readonly flags: Readonly<Record<Flag, boolean>>;
  readonly bounds: Readonly<Partial<Record<Bound, string>>>;
  readonly q: string | undefined;
  readonly chain_id: string | undefined;
  /** When the run was created, as URLs of Grafana spell times; absent: whenever. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly sort: Sort;
  readonly order: Order;
}

/** Everything of a URL that says which runs are listed and how: what a saved view holds. */
const FILTER_NAMES = [...CHOICES, ...FLAGS, ...BOUNDS, ...SINGLE, 'from', 'to', 'sort', 'order'] as const;

function each<K extends string, V>(names: readonly K[], of: (name: K) => V): Record<K, V> {
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<K, V>;
}

export function readRunFilters(parameters: URLSearchParams): RunFilters {
  const one = (name: string) => parameters.get(name) || undefined;
  return {
    choices: each(CHOICES, (name) => parameters.getAll(name)),
    flags: each(FLAGS, (name) => one(name) === 'true'),
    bounds: Object.fromEntries(BOUNDS.flatMap((name) => (one(name)?.trim() ? [[name, one(name)]] : []))),
    q: one('q'),
    chain_id: one('chain_id'),
    ...readWindow(one('from'), one('to')),
    sort: SORTS.find((sort) => sort === one('sort')) ?? 'created_at',
    order: one('order') === 'asc' ? 'asc' : 'desc',
  };
}

/** A window that makes no sense does not filter. */
function readWindow(from: string | undefined, to: string | undefined): Pick<RunFilters, 'from' | 'to'> {
  return isWindow(createdWindow({ from, to })) ? { from, to } : { from: undefined, to: undefined };
}

/** @returns the window in which runs were created; where none is set, all time. */
export function createdWindow({ from, to }: Pick<RunFilters, 'from' | 'to'>): PageTime {
  return { from: from ?? '1970-01-01', to: to ?? 'now' };
}

/** @returns what the exporter is asked for; a window that moves is asked for as it is now. */
export function toApiParameters(filters: RunFilters): Parameters {
  const { choices, flags, bounds, q, chain_id, from, to, sort, order } = filters;
  const window = windowOf(createdWindow(filters));
  return {
    ...choices,
    ...each(FLAGS, (name) => flags[name] || undefined),
    ...bounds,
    q,
    chain_id,
    since: from === undefined ? undefined : window.from,
    // A window that ends now does not end: what comes is in it.
    until: to === undefined || to === 'now' ? undefined : window.to,
    sort,
    order,
  };
}

/** @returns the part of a URL that says which runs are listed: without the page and the data source. */
export function viewOf(parameters: URLSearchParams): string {
  const view = new URLSearchParams();
  for (const name of FILTER_NAMES)
    for (const value of parameters.getAll(name)) if (value !== '') view.append(name, value);
  return view.toString();
}

/** @returns how many filters are set. */
export function countFilters({ choices, flags, bounds, q, chain_id, from, to }: RunFilters): number {
  const set = [q, chain_id, from ?? to, ...Object.values(bounds)].filter((value) => value !== undefined).length;
  return (
    set +
    Object.values(choices).filter((values) => values.length > 0).length +
    Object.values(flags).filter((isOn) => isOn).length
  );
}

/** @returns changes that remove every filter and begin at the first page. */
export function withoutFilters(): Record<string, undefined> {
  return Object.fromEntries([...FILTER_NAMES, 'cursor'].map((name) => [name, undefined]));
}
