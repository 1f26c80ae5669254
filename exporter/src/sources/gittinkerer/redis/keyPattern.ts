/** A key of the limiter: whom it is about, and in which layer. */
export interface KeyPattern {
  /** As it was configured. */
  readonly text: string;
  readonly layer: 'ip' | 'repo';
  /** @returns who is limited; undefined where the key is another one. */
  subjectOf(key: string): string | undefined;
}

/** @returns undefined where the pattern has not exactly one `{repo}` or `{ip}`. */
export function compileKeyPattern(text: string): KeyPattern | undefined {
  const parts = text.split(/\{(repo|ip)\}/);
  const [before, layer, after] = parts;
  if (parts.length !== 3 || before === undefined || after === undefined || (layer !== 'repo' && layer !== 'ip'))
    return undefined;
  if (before === '' && after === '') return undefined;
  return {
    text,
    layer,
    subjectOf(key) {
      if (!key.startsWith(before) || !key.endsWith(after) || key.length <= before.length + after.length)
        return undefined;
      return key.slice(before.length, key.length - after.length);
    },
  };
}

/** @param patterns each was checked when the configuration was read. */
export function compileKeyPatterns(patterns: readonly string[]): readonly KeyPattern[] {
  return patterns.flatMap((pattern) => compileKeyPattern(pattern) ?? []);
}
