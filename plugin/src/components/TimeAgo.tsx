import { dateTimeFormat, dateTimeFormatTimeAgo } from '@grafana/data';
import { UNKNOWN } from '../format/formatValues';

/** `3 minutes ago`; the time itself on hover. */
export function TimeAgo({ at }: { at: string | number | undefined }) {
  if (at === undefined) return <>{UNKNOWN}</>;
  const ms = typeof at === 'number' ? at : Date.parse(at);
  return (
    <time dateTime={new Date(ms).toISOString()} title={dateTimeFormat(ms)}>
      {dateTimeFormatTimeAgo(ms)}
    </time>
  );
}
