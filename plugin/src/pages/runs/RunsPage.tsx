import { PluginPage } from '@grafana/runtime';
import { type Column, InteractiveTable } from '@grafana/ui';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Listed } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { StatusBadge } from '../../components/StatusBadge';

export default function RunsPage() {
  const { api, uid } = useFleetApi();
  const query = useQuery({ queryKey: [uid, 'runs'], queryFn: ({ signal }) => api.runs({ limit: 50 }, { signal }) });
  const columns = useMemo<Column<Listed<'run'>>[]>(
    () => [
      {
        id: 'status',
        header: 'Status',
        cell: ({ row: { original } }) => <StatusBadge status={original.status} rawStatus={original.rawStatus} />,
      },
      {
        id: 'name',
        header: 'Name',
        cell: ({ row: { original } }) => (
          <PageLink to={links.run(original.source, original.runId)}>{original.name ?? original.runId}</PageLink>
        ),
      },
    ],
    [],
  );
  return (
    <PluginPage>
      <QueryState query={query} isEmpty={({ data }) => data.length === 0}>
        {({ data }) => (
          <InteractiveTable columns={columns} data={[...data]} getRowId={({ source, runId }) => `${source}/${runId}`} />
        )}
      </QueryState>
    </PluginPage>
  );
}
