import '../publicPath';
import { DataSourcePlugin } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { lazily } from '../components/lazily';
import { APP_ID } from '../constants';
import { loadResources } from '../loadResources';
import { FleetDataSource } from './FleetDataSource';
import type { FleetQuery, FleetSourceOptions, FleetSourceSecrets } from './types';

await initPluginTranslations(APP_ID, [loadResources]);

export const plugin = new DataSourcePlugin<FleetDataSource, FleetQuery, FleetSourceOptions, FleetSourceSecrets>(
  FleetDataSource,
)
  .setConfigEditor(lazily(() => import(/* webpackChunkName: "config-editor" */ './ConfigEditor')))
  .setQueryEditor(lazily(() => import(/* webpackChunkName: "query-editor" */ './QueryEditor')));
