/** A series that an expression names, the labels of its matchers, and the calls around it from the inside out. */
export interface NamedSeries {
  readonly name: string;
  readonly labels: readonly string[];
  /** `max without (instance, pod, replica)`, `rate`… */
  readonly calls: readonly string[];
}

const GROUPING = String.raw`(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)`;
const TOKEN = new RegExp(
  [
    GROUPING,
    String.raw`"(?:[^"\\]|\\.)*"`,
    String.raw`\[[^\]]*\]`,
    String.raw`\{[^}]*\}`,
    String.raw`\d[\w.]*`,
    String.raw`[a-zA-Z_:][\w:]*`,
    '[()]',
  ].join('|'),
  'g',
);
/** What follows the name of a function or aggregation. */
const CALLED = new RegExp(String.raw`^\s*(${GROUPING})?\s*\(`);
const WORDS = new Set(['and', 'or', 'unless', 'offset', 'bool', 'inf', 'nan']);

/**
 * The series of an expression whose variables are replaced: as much of PromQL as a check of names needs. That it is valid,
 * promtool says.
 */
export function readSeries(expr: string): NamedSeries[] {
  const series: NamedSeries[] = [];
  const calls: string[] = [];
  let call = '';
  for (const match of expr.matchAll(TOKEN)) {
    const [token] = match;
    if (token === '(') {
      calls.unshift(call);
      call = '';
    } else if (token === ')') {
      calls.shift();
    } else if (token.startsWith('{')) {
      const last = series.at(-1);
      const labels = [...token.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label);
      if (last !== undefined) series[series.length - 1] = { ...last, labels };
    } else if (/^[a-zA-Z_:]/.test(token) && !token.includes('(') && !WORDS.has(token.toLowerCase())) {
      const called = CALLED.exec(expr.slice(match.index + token.length));
      if (called === null) series.push({ name: token, labels: [], calls: [...calls] });
      else call = [token, ...(called[1] === undefined ? [] : [called[1].replace(/\s+/g, ' ')])].join(' ');
    }
  }
  return series;
}

/** The labels that an expression groups by or matches on, less those that it makes itself. */
export function readGroupedLabels(expr: string): string[] {
  const made = [...expr.matchAll(/label_replace\((?:[^"]|"(?!\w+",))*"(\w+)"/g)].map(([, label]) => label);
  const grouped = [...expr.matchAll(/\b(?:by|on|group_left|group_right)\s*\(([^)]*)\)/g)].flatMap(([, labels = '']) =>
    labels.split(',').map((label) => label.trim()),
  );
  return grouped.filter((label) => label !== '' && !made.includes(label));
}
