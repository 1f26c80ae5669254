import { isOpen } from '@contract/status.ts';
import type { PanelProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import type { Listed } from '../../api/FleetApi';
import { useNow } from '../../app/useNow';
import { ChainDetail } from '../../components/chain/ChainDetail';
import { FleetPanelFrame } from '../FleetPanelFrame';
import type { SprintChainOptions } from './module';

interface Answer {
  readonly chain: Listed<'chain'>;
  readonly runs: readonly Listed<'run'>[];
}

export default function SprintChainPanel(panel: PanelProps<SprintChainOptions>) {
  return (
    <FleetPanelFrame
      panel={panel}
      queryName={t('datasource.type.chain', 'One sprint chain')}
      recordOf={(custom) => (custom.chain === undefined ? undefined : (custom as unknown as Answer))}
    >
      {(answer) => <Chain {...answer} showOverview={panel.options.showOverview} />}
    </FleetPanelFrame>
  );
}

function Chain({ chain, runs, showOverview }: Answer & { showOverview: boolean }) {
  const nowMs = useNow(isOpen(chain.status));
  return <ChainDetail chain={chain} runs={runs} nowMs={nowMs} showOverview={showOverview} />;
}
