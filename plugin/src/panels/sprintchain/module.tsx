import '../../publicPath';
import { PanelPlugin } from '@grafana/data';
import { initPluginTranslations, t } from '@grafana/i18n';
import { lazily } from '../../components/lazily';
import { APP_ID } from '../../constants';
import { loadResources } from '../../loadResources';

await initPluginTranslations(APP_ID, [loadResources]);

export interface SprintChainOptions {
  /** Status, failure and figures above the sprints. */
  readonly showOverview: boolean;
}

export const plugin = new PanelPlugin<SprintChainOptions>(
  lazily(() => import(/* webpackChunkName: "sprintchain-panel" */ './SprintChainPanel')),
).setPanelOptions((builder) =>
  builder.addBooleanSwitch({
    path: 'showOverview',
    name: t('panel.chain.show-overview', 'Chain at a glance'),
    defaultValue: true,
  }),
);
