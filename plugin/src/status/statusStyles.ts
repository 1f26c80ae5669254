import type { IconName } from '@grafana/data';
import type { SANDBOX_STATUSES, Status } from '../../../exporter/src/contract/status.ts';

export type SandboxStatus = (typeof SANDBOX_STATUSES)[number];
export type AnyStatus = Status | SandboxStatus;

interface StatusStyle {
  readonly label: string;
  /** A name of Grafana's palette: value mappings take it as it is, `statusColor` for the theme. */
  readonly color: string;
  /** State is never told by colour alone. */
  readonly icon: IconName;
}

/**
 * How a status looks, everywhere: the colours of the platforms' documents (pending gray, running blue, completed green, failed
 * red, cancelled amber), and our own for what they do not name. The dashboards take it from here too, so nothing is imported but types.
 */
export const STATUS_STYLES: Readonly<Record<AnyStatus, StatusStyle>> = {
  queued: { label: 'Queued', color: 'gray', icon: 'clock-nine' },
  running: { label: 'Running', color: 'blue', icon: 'sync' },
  waiting: { label: 'Waiting', color: 'purple', icon: 'pause' },
  succeeded: { label: 'Succeeded', color: 'green', icon: 'check-circle' },
  failed: { label: 'Failed', color: 'red', icon: 'times-circle' },
  timed_out: { label: 'Timed out', color: 'dark-red', icon: 'history' },
  cancelled: { label: 'Cancelled', color: 'orange', icon: 'ban' },
  skipped: { label: 'Skipped', color: 'gray', icon: 'arrow-right' },
  unknown: { label: 'Unknown', color: '#c7c7c7', icon: 'question-circle' },
  creating: { label: 'Creating', color: 'gray', icon: 'clock-nine' },
  paused: { label: 'Paused', color: 'purple', icon: 'pause' },
  killed: { label: 'Killed', color: 'orange', icon: 'ban' },
  error: { label: 'Error', color: 'red', icon: 'times-circle' },
};
