import { LoadingState, type PanelProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Alert, LoadingPlaceholder } from '@grafana/ui';
import { QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { FleetApiProvider, findFleetSource } from '../api/FleetApiContext';
import { createQueryClient } from '../api/queryClient';

interface Props<T> {
  readonly panel: Pick<PanelProps, 'data' | 'width' | 'height'>;
  /** What the query has to answer, for who configures the panel: "One run". */
  readonly queryName: string;
  /** @returns the record of the answer; undefined where it is of another query */
  readonly recordOf: (custom: Readonly<Record<string, unknown>>) => T | undefined;
  readonly children: (record: T) => ReactNode;
}

/** What every panel of the app needs around its components: the record of its query, the data source to ask for more, its size. */
export function FleetPanelFrame<T>({ panel, queryName, recordOf, children }: Props<T>) {
  const { data, width, height } = panel;
  const [client] = useState(createQueryClient);
  const settings = findFleetSource(data.request?.targets[0]?.datasource?.uid);
  const record = data.series.map(({ meta }) => recordOf(meta?.custom ?? {})).find((found) => found !== undefined);
  if (record === undefined || settings === undefined) {
    if (data.state === LoadingState.Loading) return <LoadingPlaceholder text={t('state.loading', 'Loading…')} />;
    const reason = data.errors?.[0]?.message ?? data.error?.message;
    return (
      <Alert severity="info" title={reason ?? t('panel.no-record', 'Nothing to show')}>
        {t('panel.choose', 'This panel shows the answer of the Fleetlens query “{{queryName}}”.', { queryName })}
      </Alert>
    );
  }
  return (
    <QueryClientProvider client={client}>
      <FleetApiProvider settings={settings}>
        <div style={{ width, height, overflow: 'auto' }}>{children(record)}</div>
      </FleetApiProvider>
    </QueryClientProvider>
  );
}
