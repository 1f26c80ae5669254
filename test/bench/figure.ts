/** One line of the results: two things measured side by side, and what their ratio should be. */
export interface Figure {
  readonly what: string;
  /** What was measured, with its unit: `2.1 ms`. */
  readonly value: string;
  /** What it was measured against, in the same run. */
  readonly against?: string;
  readonly ratio?: number;
  readonly goal?: Goal;
}

export interface Goal {
  readonly text: string;
  readonly met: boolean;
}

export const atLeast = (found: number, bound: number, unit = ''): Goal => ({
  text: `>= ${count(bound)}${unit}`,
  met: found >= bound,
});
export const atMost = (found: number, bound: number, unit = ''): Goal => ({
  text: `<= ${count(bound)}${unit}`,
  met: found <= bound,
});

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) throw new Error('bench: expected at least one measurement');
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

export const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ms`;
export const perSecond = (value: number, what = 'events'): string => `${count(Math.round(value))} ${what}/s`;
export const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;

export function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

const HEADER = ['what', 'value', 'against', 'ratio', 'goal', 'met'];

function cells({ what, value, against = '', ratio, goal }: Figure): string[] {
  const times = ratio === undefined ? '' : `${ratio.toFixed(ratio < 10 ? 2 : 0)}x`;
  return [what, value, against, times, goal?.text ?? '', goal === undefined ? '' : goal.met ? 'yes' : '**no**'];
}

/** A Markdown table, aligned, so that it reads on a terminal too. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = [HEADER, ...figures.map(cells)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] as number)).join(' | ')} |`;
  const [header, ...body] = rows as [string[], ...string[][]];
  return [line(header), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join('\n');
}
