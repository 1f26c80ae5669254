import type { DataSourceJsonData } from '@grafana/data';
import type { DataQuery } from '@grafana/schema';
// By its path, since the dashboards' generator reads this file too, with Node.js.
import {
  ANALYTICS_DIMENSIONS,
  type AnalyticsDimension,
  type FigureName,
} from '../../../exporter/src/contract/dimensions.ts';

/** What a query asks for. */
export const QUERY_TYPES = [
  'runs',
  'run',
  'steps',
  'trace',
  'output',
  'chains',
  'chain',
  'sandboxes',
  'queues',
  'usage',
  'quality',
  'analytics',
  'events',
] as const;
export type FleetQueryType = (typeof QUERY_TYPES)[number];

/** What narrows a query down; each takes variables, and several values of one are alternatives. */
export const FILTERS = [...ANALYTICS_DIMENSIONS, 'status'] as const;
export type FilterName = (typeof FILTERS)[number];

export const EVENT_TYPES = ['failed_runs', 'failed_chains', 'budget_pauses'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface FleetQuery extends DataQuery {
  queryType: FleetQueryType;
  filters?: Partial<Record<FilterName, string[]>>;
  /** Of `run`, `steps`, `trace`, `output` and `chain`: whose. `id` is a run's or a chain's. */
  source?: string;
  id?: string;
  /** Of `output`: only this step. */
  stepId?: string;
  /** Records at most; default 100. */
  limit?: number;
  /** Of `analytics`. */
  groupBy?: AnalyticsDimension[];
  /** Of `analytics`: only these; none: all that are shown. */
  figures?: FigureName[];
  /** Of `analytics` and `queues`: figures over time instead of a table. */
  asTimeSeries?: boolean;
  /** Of `events`. */
  events?: EventType[];
  /** Follows what changes while the panel is shown. */
  live?: boolean;
}

/** What a variable lists the values of. */
export interface FleetVariableQuery extends DataQuery {
  values?: FilterName;
  filters?: Partial<Record<FilterName, string[]>>;
}

export const DEFAULT_QUERY: Partial<FleetQuery> = { queryType: 'runs' };
export const DEFAULT_LIMIT = 100;

export interface FleetSourceOptions extends DataSourceJsonData {
  /** Address of the exporter, as Grafana's server reaches it. */
  url?: string;
}

export interface FleetSourceSecrets {
  /** A token of the exporter, of role viewer. */
  token?: string;
}
