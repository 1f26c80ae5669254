import { useCallback } from 'react';
import { useSearchParams } from 'react-router-dom';

/** What becomes of each parameter; undefined, empty text and empty lists remove it. */
export type ParameterChanges = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The page's state is in its URL.
 * @returns the parameters, and what changes some of them: as a step of the browser's history, or in place of the present one (`replace`)
 */
export function usePageParameters(): readonly [
  URLSearchParams,
  (changes: ParameterChanges, options?: { readonly replace?: boolean; readonly state?: unknown }) => void,
] {
  const [parameters, setParameters] = useSearchParams();
  const change = useCallback(
    (changes: ParameterChanges, { replace = false, state }: { replace?: boolean; state?: unknown } = {}) =>
      setParameters((current) => withChanges(current, changes), { replace, state }),
    [setParameters],
  );
  return [parameters, change];
}

export function withChanges(parameters: URLSearchParams, changes: ParameterChanges): URLSearchParams {
  const next = new URLSearchParams(parameters);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    for (const item of typeof value === 'string' ? [value] : (value ?? [])) if (item !== '') next.append(name, item);
  }
  return next;
}
