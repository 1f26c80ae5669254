import { type DataFrame, DataFrameType, type QueryResultMeta } from '@grafana/data';
import type { Listed } from '../../api/FleetApi';
import { instant, other, tableFrame, text } from './tableFrame';

type Line = Listed<'output'>;

/** How bad a line is, in the words of Grafana's log levels. */
const SEVERITY: Readonly<Record<string, string>> = { error: 'error', stderr: 'warning', system: 'debug' };
const META: QueryResultMeta = {
  type: DataFrameType.LogLines,
  typeVersion: [0, 0],
  preferredVisualisationType: 'logs',
};

/** What a run printed, for Explore and the Logs panel: a line is one by (sandboxId, stepId, seq). */
export function outputFrame(refId: string, lines: readonly Line[]): DataFrame {
  const columns = [
    instant<Line>('timestamp', ({ at }) => at),
    text<Line>('body', (line) => line.text ?? ''),
    text<Line>('severity', ({ role = '' }) => SEVERITY[role] ?? 'info'),
    text<Line>('id', ({ sandboxId, stepId, seq }) => [sandboxId, stepId, seq].join('/')),
    other<Line>('labels', ({ source, role, stepId, sandboxId }) =>
      Object.fromEntries(
        Object.entries({ source, role, step: stepId, sandbox: sandboxId }).filter(([, value]) => value !== undefined),
      ),
    ),
  ];
  return tableFrame(refId, 'Output', lines, columns, META);
}
