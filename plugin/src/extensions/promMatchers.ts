const MATCHER = /\b([a-zA-Z_]\w*)\s*(=~|=)\s*"((?:[^"\\]|\\.)*)"/g;
/** What is special in a regular expression. */
const SPECIAL = /[\\^$.*+?()[\]{}|]/;

/** A text whose variables were replaced. */
export interface Filled {
  /** What was chosen for variables that say not how they are to be written. */
  readonly chosen: readonly string[];
  /** The text without these. */
  readonly rest: string;
}

/**
 * @param expression - PromQL
 * @param fill - replaces the variables of a matcher
 * @returns by label the values that its matchers let through; a label whose matchers are no list of values is left out
 */
export function promMatchers(
  expression: string,
  fill: (text: string) => Filled = (rest) => ({ chosen: [], rest }),
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [, label = '', operator, quoted = ''] of expression.matchAll(MATCHER)) {
    const { chosen, rest } = fill(quoted);
    // As it stands it is a string of PromQL; what a variable put there is a pattern already.
    const text = rest === quoted ? rest.replace(/\\(.)/g, '$1') : rest;
    const values = chosen.length > 0 ? onlyChosen(chosen, rest) : operator === '=' ? [text] : alternatives(text);
    if (values !== undefined) found.set(label, [...new Set([...(found.get(label) ?? []), ...values])]);
  }
  return found;
}

function onlyChosen(chosen: readonly string[], rest: string): readonly string[] | undefined {
  return /^[()|^$]*$/.test(rest) ? chosen : undefined;
}

/** @returns the values of `a|b` or `(a|b)`; undefined for a regular expression that says more. */
function alternatives(pattern: string): readonly string[] | undefined {
  const inner = /^\((.*)\)$/.exec(pattern)?.[1] ?? pattern;
  const parts = inner.match(/(?:\\.|[^|\\])+/g) ?? [];
  if (parts.some((part) => SPECIAL.test(part.replace(/\\\W/g, '')))) return undefined;
  return parts.map((part) => part.replace(/\\(\W)/g, '$1'));
}
