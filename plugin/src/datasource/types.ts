import type { DataSourceJsonData } from '@grafana/data';
import type { DataQuery } from '@grafana/schema';

export interface FleetQuery extends DataQuery {
  readonly queryType: 'runs';
}

export interface FleetSourceOptions extends DataSourceJsonData {
  /** Address of the exporter, as Grafana's server reaches it. */
  readonly url?: string;
}

export interface FleetSourceSecrets {
  /** A token of the exporter, of role viewer. */
  readonly token?: string;
}
