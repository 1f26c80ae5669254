import { useMemo } from 'react';
import { VerbatimText } from './VerbatimText';

/** A value as JSON, to be read and copied. */
export function JsonText({ value, label }: { value: unknown; label: string }) {
  const text = useMemo(() => JSON.stringify(value, null, 2) ?? '', [value]);
  return <VerbatimText text={text} label={label} />;
}
