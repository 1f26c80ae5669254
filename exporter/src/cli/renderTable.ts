import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import { paint } from './statusColour.ts';

export interface Column<Row> {
  readonly head: string;
  value(row: Row): string;
  readonly align?: 'right';
  /** It may be cut to this width where the terminal is narrow; absent: never cut. */
  readonly least?: number;
  /** Left out first where the terminal is too narrow for all; absent: never left out. */
  readonly optional?: number;
}

const GAP = 2;
/** Where the output is no terminal, nothing is cut. */
const UNLIMITED = 10_000;

const NO_BORDERS = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ].map((part) => [part, '']),
);

function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** A table without borders, as wide as the terminal at most. A column without any value is left out. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  terminal: number = process.stdout.isTTY ? process.stdout.columns : UNLIMITED,
): string {
  const cells = columns.map((column) => rows.map((row) => column.value(row)));
  let shown = columns
    .map((column, i) => {
      const texts = cells[i] as string[];
      return { column, texts, width: Math.max(column.head.length, ...texts.map(widthOf)) };
    })
    .filter(({ column, texts }) => column.optional === undefined || texts.some((text) => text !== ''));
  const least = () =>
    shown.reduce((sum, { column, width }) => sum + Math.min(width, column.least ?? width) + GAP, -GAP);
  while (least() > terminal) {
    const victim = shown
      .filter(({ column }) => column.optional !== undefined)
      .reduce<(typeof shown)[number] | undefined>(
        (worst, one) =>
          worst === undefined || (one.column.optional ?? 0) > (worst.column.optional ?? 0) ? one : worst,
        undefined,
      );
    if (victim === undefined) break;
    shown = shown.filter((one) => one !== victim);
  }
  // What is too much is taken from the widest of those that may be cut.
  let excess = shown.reduce((sum, { width }) => sum + width + GAP, -GAP) - terminal;
  while (excess > 0) {
    const widest = shown
      .filter(({ column, width }) => column.least !== undefined && width > column.least)
      .reduce<(typeof shown)[number] | undefined>(
        (wide, one) => (wide === undefined || one.width > wide.width ? one : wide),
        undefined,
      );
    if (widest === undefined) break;
    widest.width -= 1;
    excess -= 1;
  }
  const aligned = ({ column }: (typeof shown)[number], text: string, i: number) =>
    // A column that ends at the right edge of its width would touch the next one.
    column.align === 'right' && i < shown.length - 1 ? `${text}${' '.repeat(GAP)}` : text;
  const table = new Table({
    head: shown.map((one, i) => aligned(one, paint('bold', one.column.head), i)),
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    colWidths: shown.map(({ width }, i) => width + (i === shown.length - 1 ? 0 : GAP)),
    colAligns: shown.map(({ column }) => column.align ?? 'left'),
  });
  rows.forEach((_row, r) => {
    table.push(shown.map((one, i) => aligned(one, one.texts[r] as string, i)));
  });
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
