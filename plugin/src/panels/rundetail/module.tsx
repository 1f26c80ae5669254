import '../../publicPath';
import { PanelPlugin } from '@grafana/data';
import { initPluginTranslations, t } from '@grafana/i18n';
import { lazily } from '../../components/lazily';
import { APP_ID } from '../../constants';
import { loadResources } from '../../loadResources';

await initPluginTranslations(APP_ID, [loadResources]);

export interface RunDetailOptions {
  readonly showHeader: boolean;
  readonly showTimeline: boolean;
  readonly showOutput: boolean;
}

export const plugin = new PanelPlugin<RunDetailOptions>(
  lazily(() => import(/* webpackChunkName: "rundetail-panel" */ './RunDetailPanel')),
).setPanelOptions((builder) =>
  builder
    .addBooleanSwitch({ path: 'showHeader', name: t('panel.run.show-header', 'Run at a glance'), defaultValue: true })
    .addBooleanSwitch({ path: 'showTimeline', name: t('panel.run.show-timeline', 'Timeline'), defaultValue: true })
    .addBooleanSwitch({ path: 'showOutput', name: t('panel.run.show-output', 'Output'), defaultValue: true }),
);
