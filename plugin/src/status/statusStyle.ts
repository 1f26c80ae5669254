import { type GrafanaTheme2, MappingType, type ValueMapping } from '@grafana/data';
import { type AnyStatus, STATUS_STYLES } from './statusStyles';

/** @returns a colour of the theme that graphics of 3:1 contrast can use. */
export function statusColor(theme: GrafanaTheme2, status: AnyStatus): string {
  return theme.visualization.getColorByName(STATUS_STYLES[status].color);
}

/** For the fields of data frames: label and colour of every status. */
export function statusMappings(statuses: readonly AnyStatus[]): ValueMapping[] {
  const options = statuses.map(
    (status, index) =>
      [status, { text: STATUS_STYLES[status].label, color: STATUS_STYLES[status].color, index }] as const,
  );
  return [{ type: MappingType.ValueToText, options: Object.fromEntries(options) }];
}
