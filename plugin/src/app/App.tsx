import type { AppRootProps } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { EmptyState, LinkButton, LoadingPlaceholder } from '@grafana/ui';
import { QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Navigate, Route, Routes, useSearchParams } from 'react-router-dom';
import { FleetApiProvider, findFleetSource } from '../api/FleetApiContext';
import { createQueryClient } from '../api/queryClient';
import { APP_ID } from '../constants';
import { PAGES } from './pages';

const RunbookPage = lazy(() => import(/* webpackChunkName: "runbook" */ '../pages/runbook/RunbookPage'));

/** The app's pages, each loaded when it is opened. Every page reads its state from its URL. */
export default function App(_props: AppRootProps) {
  return (
    <Suspense fallback={<LoadingPlaceholder text={t('state.loading', 'Loading…')} />}>
      <Routes>
        {/* Whoever is paged has it, whatever is amiss with the data source. */}
        <Route path="runbook" element={<RunbookPage />} />
        <Route path="*" element={<FleetPages />} />
      </Routes>
    </Suspense>
  );
}

function FleetPages() {
  const [client] = useState(createQueryClient);
  const [parameters] = useSearchParams();
  const settings = findFleetSource(parameters.get('ds') ?? undefined);
  if (settings === undefined) return <NoDataSource />;
  return (
    <QueryClientProvider client={client}>
      <FleetApiProvider settings={settings}>
        <Routes>
          {PAGES.map(({ path, Page }) => (
            <Route key={path} path={path} element={<Page />} />
          ))}
          <Route path="/" element={<Navigate to="fleet" replace />} />
          <Route path="*" element={<NoSuchPage />} />
        </Routes>
      </FleetApiProvider>
    </QueryClientProvider>
  );
}

function NoDataSource() {
  return (
    <PluginPage>
      <EmptyState variant="call-to-action" message={t('app.no-data-source', 'No Fleetlens data source yet')}>
        <LinkButton href={`plugins/${APP_ID}?page=configuration`}>
          <Trans i18nKey="app.connect">Connect an exporter</Trans>
        </LinkButton>
      </EmptyState>
    </PluginPage>
  );
}

function NoSuchPage() {
  return (
    <PluginPage>
      <EmptyState variant="not-found" message={t('app.no-such-page', 'There is no such page')} />
    </PluginPage>
  );
}
