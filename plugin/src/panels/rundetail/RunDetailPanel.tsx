import { isOpen } from '@contract/status.ts';
import type { PanelProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useMemo, useState } from 'react';
import type { AnsweredRun } from '../../api/FleetApi';
import { useNow } from '../../app/useNow';
import { OutputViewer } from '../../components/output/OutputViewer';
import { causeOf, failingStepOf } from '../../components/run/causeOf';
import { orderSteps } from '../../components/run/orderSteps';
import { RunHeader } from '../../components/run/RunHeader';
import { Timeline } from '../../components/run/Timeline';
import { FleetPanelFrame } from '../FleetPanelFrame';
import type { RunDetailOptions } from './module';

export default function RunDetailPanel(panel: PanelProps<RunDetailOptions>) {
  return (
    <FleetPanelFrame
      panel={panel}
      queryName={t('datasource.type.run', 'One run')}
      recordOf={({ run }) => run as AnsweredRun | undefined}
    >
      {(run) => <Run key={`${run.source}/${run.runId}`} run={run} options={panel.options} />}
    </FleetPanelFrame>
  );
}

function Run({ run, options }: { run: AnsweredRun; options: RunDetailOptions }) {
  const steps = useMemo(() => orderSteps(run.steps ?? []), [run.steps]);
  const failing = failingStepOf(run, steps)?.stepId;
  const [chosen, setChosen] = useState<string>();
  const [zoom, setZoom] = useState<string>();
  const [line, setLine] = useState<string>();
  const [search, setSearch] = useState<string>();
  const isRunOpen = isOpen(run.status);
  const nowMs = useNow(isRunOpen);
  const selected = chosen ?? failing;
  return (
    <>
      {options.showHeader && <RunHeader run={run} cause={causeOf(run, steps)} nowMs={nowMs} onShowStep={setChosen} />}
      {options.showTimeline && (
        <Timeline
          run={run}
          steps={steps}
          nowMs={nowMs}
          isLoading={false}
          baselineOf={NO_BASELINE}
          selected={selected}
          failing={failing}
          onSelect={setChosen}
          zoom={zoom}
          onZoom={setZoom}
          following={false}
          onShowOutput={setChosen}
        />
      )}
      {options.showOutput && (
        <OutputViewer
          source={run.source}
          runId={run.runId}
          steps={steps}
          live={isRunOpen}
          selectedLine={line}
          onSelectLine={setLine}
          atStep={selected}
          search={search}
          onSearch={setSearch}
        />
      )}
    </>
  );
}

const NO_BASELINE = () => undefined;
