const MATCHER = /\b([a-zA-Z_]\w*)\s*(=~|=)\s*"((?:[^"\\]|\\.)*)"/g;
/** What is special in a regular expression. */
const SPECIAL = /[\\^$.*+?()[\]{}|]/;

/**
 * @param expression - PromQL, its variables replaced
 * @returns by label the values that its matchers let through; a label whose matchers are no list of values is left out
 */
export function promMatchers(expression: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [, label = '', operator, quoted = ''] of expression.matchAll(MATCHER)) {
    const text = quoted.replace(/\\(.)/g, '$1');
    const values = operator === '=' ? [text] : alternatives(text);
    if (values !== undefined) found.set(label, [...new Set([...(found.get(label) ?? []), ...values])]);
  }
  return found;
}

/** @returns the values of `a|b` or `(a|b)`; undefined for a regular expression that says more. */
function alternatives(pattern: string): readonly string[] | undefined {
  const inner = /^\((.*)\)$/.exec(pattern)?.[1] ?? pattern;
  const parts = inner.match(/(?:\\.|[^|\\])+/g) ?? [];
  const values = parts.map((part) => {
    const literal = part.replace(/\\(\W)/g, '');
    return SPECIAL.test(literal) ? undefined : part.replace(/\\(\W)/g, '$1');
  });
  return values.includes(undefined) ? undefined : (values as string[]);
}
