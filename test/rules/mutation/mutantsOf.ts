/** One change to an expression, such as a slip of the pen would make. */
export interface Mutant {
  readonly operator: string;
  /** What became of what. */
  readonly change: string;
  readonly expr: string;
}

interface Substitution {
  readonly operator: string;
  readonly pattern: RegExp;
  /** What to put in place of a match, each a mutant. */
  readonly to: (match: RegExpExecArray) => readonly string[];
}

const SUBSTITUTIONS: readonly Substitution[] = [
  { operator: 'comparison', pattern: /(?<= )(>=|<=|==|!=|>|<)(?= )/g, to: ([op]) => COMPARISONS[op] ?? [] },
  {
    operator: 'number',
    // Not within names, windows or text.
    pattern: /(?<![\w.:"[])\d+(?:\.\d+)?(?![\w.:"\]])/g,
    to: ([n]) => (Number(n) === 0 ? ['1'] : [String(Number(n) * 2), String(Number(n) / 2)]),
  },
  {
    operator: 'window',
    pattern: /(?<=[[:])(\d+)([smhd])(?=[\]:])/g,
    to: ([, n, unit]) => [inSeconds(n, unit) * 2, Math.floor(inSeconds(n, unit) / 2)].map((seconds) => `${seconds}s`),
  },
  {
    operator: 'offset',
    pattern: / offset (\d+)([mhd])/g,
    to: ([, n, unit]) => ['', ` offset ${inSeconds(n, unit) / 2}s`],
  },
  {
    operator: 'matcher',
    pattern: /\{([^}]*)\}/g,
    to: ([, list = '']) => {
      const matchers = list.split(/,(?=\w+(?:=|!))/);
      return matchers.flatMap((one, i) => [
        ...[without(matchers, i)].map((rest) => (rest.length === 0 ? '' : `{${rest.join(',')}}`)),
        ...alternatives(one).map((fewer) => `{${matchers.with(i, fewer).join(',')}}`),
      ]);
    },
  },
  {
    operator: 'grouping',
    pattern: /\b(by|on) \(([^)]*)\)/g,
    to: ([, word, list = '']) => {
      const labels = list.split(', ');
      return labels.map((_, i) => `${word} (${without(labels, i).join(', ')})`);
    },
  },
  {
    operator: 'replicas',
    pattern: /\b(max|min)(?= without \()/g,
    to: ([word]) => ['sum', word === 'max' ? 'min' : 'max'],
  },
  {
    operator: 'function',
    pattern:
      /\b(increase|rate|delta|floor|sqrt|max_over_time|avg_over_time|sum_over_time|clamp_min|time|sum)(?=\(| by \()/g,
    to: ([name = '']) => FUNCTIONS[name] ?? [],
  },
  {
    operator: 'arithmetic',
    pattern: /(?<= |^)([-+*/])(?= |$)/gm,
    to: ([op = '']) => [{ '+': '-', '-': '+', '*': '/', '/': '*' }[op] ?? ''],
  },
  { operator: 'set operator', pattern: /\b(and|unless|or)\b/g, to: ([word = '']) => SETS[word] ?? [] },
];

const COMPARISONS: Readonly<Record<string, readonly string[]>> = {
  '>': ['>=', '<'],
  '>=': ['>', '<'],
  '<': ['<=', '>'],
  '==': ['!='],
};
const FUNCTIONS: Readonly<Record<string, readonly string[]>> = {
  increase: ['idelta'],
  rate: ['idelta'],
  delta: ['idelta'],
  floor: ['ceil'],
  sqrt: ['abs'],
  max_over_time: ['last_over_time'],
  avg_over_time: ['last_over_time'],
  sum_over_time: ['count_over_time'],
  clamp_min: ['clamp_max'],
  time: ['minute'],
  sum: ['count'],
};
const SETS: Readonly<Record<string, readonly string[]>> = { and: ['unless'], unless: ['and'], or: ['and'] };
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function inSeconds(amount: string | undefined, unit: string | undefined): number {
  return Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN);
}

function without<T>(list: readonly T[], i: number): T[] {
  return list.filter((_, j) => j !== i);
}

/** A matcher of one alternative fewer, each; `result!="ok"` the other way round. */
function alternatives(matcher: string): string[] {
  const [, label, operator, value = ''] = /^(\w+)(=~|!=|=)"(.*)"$/.exec(matcher) ?? [];
  if (operator === '!=') return [`${label}="${value}"`];
  const words = value.split('|');
  return words.length < 2 ? [] : words.map((_, i) => `${label}=~"${without(words, i).join('|')}"`);
}

/** An expression that gives fewer changes, `vector(1)` say, is changed as a whole too. */
const FEWEST = 4;

export function mutantsOf(expr: string): Mutant[] {
  const mutants: Mutant[] = SUBSTITUTIONS.flatMap(({ operator, pattern, to }) =>
    [...expr.matchAll(pattern)].flatMap((match) =>
      to(match).map((replacement) => ({
        operator,
        change: `${match[0].trim()} → ${replacement.trim() || 'nothing'}${nth(expr, match)}`,
        expr: expr.slice(0, match.index) + replacement + expr.slice(match.index + match[0].length),
      })),
    ),
  );
  mutants.push(...withoutOperands(expr));
  if (mutants.length < FEWEST)
    mutants.push(
      { operator: 'all', change: 'never', expr: `(${expr}) unless on () vector(1)` },
      { operator: 'all', change: 'its absence', expr: `absent(${expr})` },
      { operator: 'all', change: 'with a label', expr: `label_replace(${expr}, "more", "x", "", "")` },
    );
  const seen = new Set([expr]);
  return mutants.filter((mutant) => !seen.has(mutant.expr) && seen.add(mutant.expr));
}

/** Which of several like it. */
function nth(expr: string, match: RegExpExecArray): string {
  const before = expr.slice(0, match.index).split(match[0]).length;
  return expr.split(match[0]).length > 2 ? ` (${before})` : '';
}

/** Each operand of `and`, `unless` and `or` left out. */
function withoutOperands(expr: string): Mutant[] {
  const mutants: Mutant[] = [];
  for (const match of expr.matchAll(/\s+(and|unless|or)(?: on \([^)]*\))?\s/g)) {
    const word = match[1] ?? '';
    const start = match.index;
    const end = operandEnd(expr, start + match[0].length, word === 'or');
    const left = expr.slice(start, end).trim().replace(/\s+/g, ' ');
    mutants.push({ operator: 'operand', change: `without: ${left}`, expr: expr.slice(0, start) + expr.slice(end) });
  }
  return mutants;
}

/** Where the right operand of a set operator ends: at the next one of its level, or where its bracket closes. */
function operandEnd(expr: string, from: number, isOr: boolean): number {
  let depth = 0;
  for (let i = from; i < expr.length; i++) {
    const character = expr[i] ?? '';
    if ('([{'.includes(character)) depth++;
    if (')]}'.includes(character)) {
      if (depth === 0) return i;
      depth--;
    }
    const next = isOr ? /^\s+or\s/ : /^\s+(and|unless|or)\s/;
    if (depth === 0 && next.test(expr.slice(i, i + 12))) return i;
  }
  return expr.length;
}
