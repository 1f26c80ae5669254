import { useCallback } from 'react';
import { type ParameterChanges, usePageParameters } from '../../app/usePageParameters';

/** What the page shows, as its address says: which run, step, part of its time, section, line of output. */
export function useRunPlace() {
  const [parameters, changeParameters] = usePageParameters();
  const read = (name: string) => parameters.get(name) || undefined;
  // The browser's way back leads to the page before, not through every step that was looked at.
  const change = useCallback(
    (changes: ParameterChanges) => changeParameters(changes, { replace: true }),
    [changeParameters],
  );
  return {
    source: read('source'),
    id: read('id'),
    step: read('step'),
    zoom: read('zoom'),
    section: read('section'),
    follow: read('follow') === 'true',
    line: read('line'),
    search: read('q'),
    change,
  };
}
