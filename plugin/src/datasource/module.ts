import '../publicPath';
import { DataSourcePlugin } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { APP_ID } from '../constants';
import { loadResources } from '../loadResources';
import { ConfigEditor } from './ConfigEditor';
import { FleetDataSource } from './FleetDataSource';
import { QueryEditor } from './QueryEditor';
import type { FleetQuery, FleetSourceOptions, FleetSourceSecrets } from './types';

await initPluginTranslations(APP_ID, [loadResources]);

export const plugin = new DataSourcePlugin<FleetDataSource, FleetQuery, FleetSourceOptions, FleetSourceSecrets>(
  FleetDataSource,
)
  .setConfigEditor(ConfigEditor)
  .setQueryEditor(QueryEditor);
