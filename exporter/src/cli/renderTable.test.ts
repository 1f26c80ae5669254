import { describe, expect, it } from 'vitest';
import { formatAgo, formatCount, formatSeconds, formatUsd } from './formatFigures.ts';
import { printable } from './printable.ts';
import { type Column, renderTable } from './renderTable.ts';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly cost: string;
}
const rows: Row[] = [
  { id: 'run-1', name: 'A long name of a run', cost: '$1.00' },
  { id: 'run-22', name: 'Short', cost: '$22.50' },
];
const columns: Column<Row>[] = [
  { head: 'ID', value: ({ id }) => id },
  { head: 'NAME', value: ({ name }) => name, least: 8 },
  { head: 'COST', value: ({ cost }) => cost, align: 'right', optional: 1 },
];

describe('renderTable', () => {
  it('takes the width that it needs', () => {
    expect(renderTable(rows, columns, 80)).toBe(
      [
        'ID      NAME                    COST',
        'run-1   A long name of a run   $1.00',
        'run-22  Short                 $22.50',
      ].join('\n'),
    );
  });

  it('cuts what may be cut before it leaves out a column', () => {
    const lines = renderTable(rows, columns, 30).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(30);
    expect(lines[1]).toMatch(/^run-1 {3}A long name of … +\$1\.00$/);
  });

  it('leaves out the optional column where even that is too wide', () => {
    expect(renderTable(rows, columns, 20).split('\n')[0]).toBe('ID      NAME');
  });

  it('leaves out an optional column without any value', () => {
    expect(renderTable([{ id: 'a', name: 'b', cost: '' }], columns, 80)).toBe('ID  NAME\na   b');
  });
});

describe('figures', () => {
  it.each([
    [0.44, '0.4s'],
    [59.6, '1m'],
    [252, '4m 12s'],
    [7_380, '2h 3m'],
    [90_061, '1d 1h'],
  ])('%d seconds are %s', (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

  it('tells how long ago, or the day', () => {
    const now = Date.parse('2026-11-20T12:00:00Z');
    expect(formatAgo('2026-11-20T11:55:00Z', now)).toBe('5m ago');
    expect(formatAgo('2026-09-01T11:55:00Z', now)).toBe('2026-09-01');
    expect(formatAgo(undefined, now)).toBe('');
  });

  it('keeps unknown apart from nothing', () => {
    expect([formatUsd(undefined), formatUsd(0), formatUsd(0.004), formatUsd(12)]).toEqual([
      '',
      '$0.00',
      '$0.0040',
      '$12.00',
    ]);
    expect([formatCount(undefined), formatCount(0), formatCount(1_234_567)]).toEqual(['', '0', '1.2M']);
  });
});

describe('printable', () => {
  it.each([
    ['\u001b[31mred\u001b[0m', 'red'],
    ['a\r\nb\u0007', 'a b '],
    ['a\u202egnp.exe', 'a gnp.exe'],
    ['Ünïcödé 漢字 🚀', 'Ünïcödé 漢字 🚀'],
  ])('%j', (text, expected) => expect(printable(text)).toBe(expected));
});
