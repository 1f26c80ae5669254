import type { Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { DATA_SOURCE_ID } from '../../../plugin/src/constants.ts';
import type { FleetQuery } from '../../../plugin/src/datasource/types.ts';

/** The data sources are variables of the dashboard: no dashboard knows a uid. */
// biome-ignore-start lint/suspicious/noTemplateCurlyInString: Grafana fills them in
export const PROMETHEUS = { type: 'prometheus', uid: '${datasource}' } as const;
export const FLEET = { type: DATA_SOURCE_ID, uid: '${fleet}' } as const;
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: see above

export type Target = (refId: string) => Dataquery;

/** An expression over time. */
export function series(expr: string, legend = ''): Target {
  return (refId) => query(refId, expr).range().legendFormat(legend).build();
}

/** An expression over time with the runs that Prometheus kept as examples of its buckets. */
export function withExemplars(expr: string, legend = ''): Target {
  return (refId) => query(refId, expr).range().legendFormat(legend).exemplar(true).build();
}

/** The counts of a histogram's buckets over time, with exemplars. */
export function heat(expr: string): Target {
  return (refId) =>
    query(refId, expr).range().legendFormat('{{le}}').format(PromQueryFormat.Heatmap).exemplar(true).build();
}

/** How many of the time range fell into each bucket of a histogram. */
export function spread(expr: string): Target {
  return (refId) => query(refId, expr).instant().legendFormat('{{le}}').format(PromQueryFormat.Heatmap).build();
}

/** An expression at the end of the time range. */
export function instant(expr: string, legend = ''): Target {
  return (refId) => query(refId, expr).instant().legendFormat(legend).build();
}

/** Rows: each series of the expression at the end of the time range. */
export function rows(expr: string): Target {
  return (refId) => query(refId, expr).instant().format(PromQueryFormat.Table).build();
}

function query(refId: string, expr: string): DataqueryBuilder {
  return new DataqueryBuilder().refId(refId).datasource(PROMETHEUS).expr(expr);
}

/** Records of the exporter through our own data source. */
export function records(asked: Omit<FleetQuery, 'refId' | 'datasource'>): Target {
  return (refId) => ({ refId, datasource: FLEET, ...asked, _implementsDataqueryVariant() {} }) as Dataquery;
}

/** The filters of the dashboard's variables. */
export const CHOSEN: NonNullable<FleetQuery['filters']> = {
  source: ['$source'],
  project: ['$project'],
  workflow: ['$workflow'],
  persona: ['$persona'],
};
