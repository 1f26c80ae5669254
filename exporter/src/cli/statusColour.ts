import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

const COLOURS: Readonly<Record<string, Format>> = {
  queued: 'gray',
  running: 'blue',
  waiting: 'yellow',
  succeeded: 'green',
  failed: 'red',
  timed_out: 'red',
  cancelled: 'yellow',
  skipped: 'gray',
  unknown: 'magenta',
  creating: 'blue',
  paused: 'yellow',
  killed: 'gray',
  error: 'red',
  passing: 'green',
  failing: 'red',
  pending: 'blue',
  merged: 'green',
  created: 'blue',
  blocked_on_ci: 'red',
};

/** Coloured on a terminal, plain elsewhere and with NO_COLOR. */
export function paintStatus(status: string | undefined): string {
  if (status === undefined) return '';
  const colour = COLOURS[status];
  return colour === undefined ? status : styleText(colour, status);
}

export function paint(format: Format, text: string): string {
  return styleText(format, text);
}
