import { dateTimeFormat, dateTimeFormatTimeAgo } from '@grafana/data';
import { UNKNOWN } from '../../format/formatValues';

/** A time in the reader's time zone; how long ago that was on hover. */
export function Moment({ at }: { at: string | undefined }) {
  if (at === undefined) return <>{UNKNOWN}</>;
  return (
    <time dateTime={at} title={dateTimeFormatTimeAgo(at)}>
      {dateTimeFormat(at)}
    </time>
  );
}
