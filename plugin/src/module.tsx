import './publicPath';
import { AppPlugin, type AppRootProps } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { LoadingPlaceholder } from '@grafana/ui';
import { lazy, Suspense } from 'react';
import type { AppConfigProps } from './app/AppConfig';
import { APP_ID } from './constants';
import { runsLink } from './extensions/runsLink';
import { loadResources } from './loadResources';

await initPluginTranslations(APP_ID, [loadResources]);

const LazyApp = lazy(() => import(/* webpackChunkName: "app" */ './app/App'));
const LazyAppConfig = lazy(() => import(/* webpackChunkName: "config" */ './app/AppConfig'));

function Root(props: AppRootProps) {
  return (
    <Suspense fallback={<LoadingPlaceholder text="" />}>
      <LazyApp {...props} />
    </Suspense>
  );
}

function Configuration(props: AppConfigProps) {
  return (
    <Suspense fallback={<LoadingPlaceholder text="" />}>
      <LazyAppConfig {...props} />
    </Suspense>
  );
}

export const plugin = new AppPlugin()
  .setRootPage(Root)
  .addConfigPage({ title: 'Configuration', icon: 'cog', body: Configuration, id: 'configuration' })
  .addLink(runsLink);
