import { createDataFrame, type DataFrame, DataFrameType, FieldType } from '@grafana/data';
import type { Listed } from '../../api/FleetApi';

/** How bad a line is, in the words of Grafana's log levels. */
const SEVERITY: Readonly<Record<string, string>> = { error: 'error', stderr: 'warning', system: 'debug' };

/** What a run printed, for Explore and the Logs panel: a line is one by (sandboxId, stepId, seq). */
export function outputFrame(refId: string, lines: readonly Listed<'output'>[]): DataFrame {
  const column = (name: string, type: FieldType, values: unknown[]) => ({ name, type, config: {}, values });
  return createDataFrame({
    refId,
    name: 'Output',
    meta: { type: DataFrameType.LogLines, typeVersion: [0, 0], preferredVisualisationType: 'logs' },
    fields: [
      column(
        'timestamp',
        FieldType.time,
        lines.map(({ at = '' }) => Date.parse(at)),
      ),
      column(
        'body',
        FieldType.string,
        lines.map(({ text = '' }) => text),
      ),
      column(
        'severity',
        FieldType.string,
        lines.map(({ role = '' }) => SEVERITY[role] ?? 'info'),
      ),
      column(
        'id',
        FieldType.string,
        lines.map(({ sandboxId, stepId, seq }) => [sandboxId, stepId, seq].join('/')),
      ),
      column(
        'labels',
        FieldType.other,
        lines.map(({ source, role, stepId, sandboxId }) =>
          Object.fromEntries(
            Object.entries({ source, role, step: stepId, sandbox: sandboxId }).filter(
              ([, value]) => value !== undefined,
            ),
          ),
        ),
      ),
    ],
  });
}
