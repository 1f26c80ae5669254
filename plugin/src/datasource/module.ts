import '../publicPath';
import { DataSourcePlugin } from '@grafana/data';
import { FleetDataSource } from './FleetDataSource';
import type { FleetQuery, FleetSourceOptions, FleetSourceSecrets } from './types';

export const plugin = new DataSourcePlugin<FleetDataSource, FleetQuery, FleetSourceOptions, FleetSourceSecrets>(
  FleetDataSource,
);
