import type { RunRecord } from '../contract/records.ts';
import { isOpen } from '../contract/status.ts';
import { formatAgo, formatSeconds, formatUsd, secondsFromTo } from './formatFigures.ts';
import { printable } from './printable.ts';
import { type Column, renderTable } from './renderTable.ts';
import { paintStatus } from './statusColour.ts';

/** How long a run took, or takes so far. */
export function runSeconds(run: RunRecord, nowMs: number): number | undefined {
  const end = run.finishedAt ?? (isOpen(run.status) ? new Date(nowMs).toISOString() : undefined);
  return secondsFromTo(run.startedAt, end);
}

function columns(nowMs: number): Column<RunRecord>[] {
  const text = (value: string | undefined) => (value === undefined ? '' : printable(value));
  const composite = ({ quality }: RunRecord) => quality?.composite;
  return [
    { head: 'STATUS', value: (run) => paintStatus(run.status) },
    { head: 'RUN', value: (run) => text(`${run.source}/${run.runId}`) },
    { head: 'NAME', value: (run) => text(run.name ?? run.promptPreview), least: 16, optional: 3 },
    { head: 'PROJECT', value: (run) => text(run.project), least: 12, optional: 2 },
    { head: 'WORKFLOW', value: (run) => text(run.workflow), least: 10, optional: 5 },
    { head: 'CREATED', value: (run) => formatAgo(run.createdAt ?? run.startedAt, nowMs) },
    {
      head: 'TOOK',
      value: (run) => {
        const seconds = runSeconds(run, nowMs);
        return seconds === undefined ? '' : formatSeconds(seconds);
      },
      align: 'right',
      optional: 1,
    },
    { head: 'COST', value: (run) => formatUsd(run.costUsd), align: 'right', optional: 4 },
    { head: 'QUALITY', value: (run) => composite(run)?.toFixed(0) ?? '', align: 'right', optional: 6 },
    { head: 'PR', value: (run) => paintStatus(run.pullRequest?.status), optional: 7 },
    { head: 'CI', value: (run) => paintStatus(run.ci?.status), optional: 8 },
    { head: 'ERROR', value: (run) => text(run.error?.category), optional: 9 },
  ];
}

export function runsTable(runs: readonly RunRecord[], nowMs = Date.now()): string {
  return renderTable(runs, columns(nowMs));
}
