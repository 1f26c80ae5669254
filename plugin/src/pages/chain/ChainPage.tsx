import { topicOf } from '@contract/topics.ts';
import { t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { EmptyState } from '@grafana/ui';
import { useQuery } from '@tanstack/react-query';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { useNow } from '../../app/useNow';
import { usePageParameters } from '../../app/usePageParameters';
import { ChainDetail } from '../../components/chain/ChainDetail';
import { QueryState } from '../../components/QueryState';
import { RecordPage } from '../../components/RecordPage';
import { LiveIndicator } from '../../live/LiveIndicator';
import { useLiveRefetch } from '../../live/useLive';

/** `chain?source=&id=`: one sprint chain. */
export default function ChainPage() {
  const [parameters] = usePageParameters();
  const [source, id] = [parameters.get('source'), parameters.get('id')];
  if (source === null || id === null) {
    return (
      <PluginPage pageNav={{ text: t('chain.title', 'Chain') }}>
        <EmptyState
          variant="not-found"
          message={t('chain.no-id', 'The address names no chain: it needs its source and its id')}
        />
      </PluginPage>
    );
  }
  return <Chain key={`${source}/${id}`} source={source} id={id} />;
}

function Chain({ source, id }: { source: string; id: string }) {
  const { api, uid } = useFleetApi();
  const key = [uid, 'chain', source, id];
  const query = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const [chain, runs] = await Promise.all([
        api.chain(source, id, { signal }),
        api.runsOfChain(source, id, { signal }),
      ]);
      return { chain, runs: runs.data };
    },
  });
  useLiveRefetch([topicOf('chain', source, id)], key);
  const isOpenNow = query.data?.chain.finishedAt === undefined;
  const nowMs = useNow(isOpenNow);
  return (
    <RecordPage
      title={query.data?.chain.name ?? t('chain.title', 'Chain')}
      subTitle={id}
      list={menuPage(t('chains.title', 'Chains'), links.chains())}
      actions={<LiveIndicator />}
    >
      <QueryState query={query}>
        {({ chain, runs }) => <ChainDetail chain={chain} runs={runs} nowMs={nowMs} />}
      </QueryState>
    </RecordPage>
  );
}
