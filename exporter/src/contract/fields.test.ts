import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { eventDataShape, eventEnvelope } from './events.ts';
import { canonicalInstant, MAX_NAME_LENGTH, quickCheckOf } from './fields.ts';
import { KINDS } from './records.ts';
import { STATUSES } from './status.ts';

/** The rule, told with the platform's own dates: the canonical text of a moment from 1970 on reads as itself. */
function isCanonical(text: string): boolean {
  const ms = Date.parse(text);
  return ms >= 0 && new Date(ms).toISOString() === text;
}

describe('canonicalInstant', () => {
  it('keeps a canonical time as it is', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
        (date) => {
          expect(canonicalInstant(date.toISOString())).toBe(date.toISOString());
        },
      ),
    );
  });

  it('takes a time of canonical length as it is exactly where it is canonical', () => {
    const part = (max: number, width: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(width, '0'));
    const parts = fc.tuple(
      fc.integer({ min: 1960, max: 2110 }),
      part(14, 2),
      part(33, 2),
      part(26, 2),
      part(62, 2),
      part(62, 2),
      part(999, 3),
    );
    fc.assert(
      fc.property(parts, ([year, month, day, hour, minute, second, ms]) => {
        const text = `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`;
        if (isCanonical(text)) expect(canonicalInstant(text)).toBe(text);
        else expect(canonicalInstant(text)).not.toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['2026-11-20T13:18:00Z', '2026-11-20T13:18:00.000Z'],
    ['2026-11-20 13:18:00.123456+02:00', '2026-11-20T11:18:00.123Z'],
    ['2024-02-29T00:00:00.000Z', '2024-02-29T00:00:00.000Z'],
  ])('reads %s', (text, expected) => {
    expect(canonicalInstant(text)).toBe(expected);
  });

  it.each([
    '2026-02-29T00:00:00.000Z',
    '1900-02-29T00:00:00.000Z',
    '2026-11-20T24:00:00.001Z',
    '1969-12-31T23:59:59.999Z',
    '2026-11-2xT00:00:00.000Z',
    '2026/11/20T00:00:00.000Z',
    '20 November 2026',
  ])('refuses %s', (text) => {
    expect(canonicalInstant(text)).toBeUndefined();
  });
});

describe('quickCheckOf', () => {
  const { id, source, at } = eventEnvelope.shape;
  const types = [id, source, at, ...KINDS.flatMap((kind) => Object.values(eventDataShape(kind)))];
  const atEdges = fc.constantFrom<unknown>(
    ...['', 'x', 'x'.repeat(MAX_NAME_LENGTH), 'x'.repeat(MAX_NAME_LENGTH + 1), 'x'.repeat(64), 'x'.repeat(65), 'a b'],
    ...[...STATUSES, 'complete', 'constructor', '2026-11-20', '2026-11-20T13:18:00.000Z', '2026-11-20T13:18:00Z'],
    ...[0, -0, -1, 0.5, 100, 100.5, 2 ** 53 - 1, 2 ** 53, 1e308, Number.POSITIVE_INFINITY, Number.NaN],
    ...[true, null, undefined],
  );

  it('says yes only where the schema takes the value and leaves it as it is', () => {
    const values = fc.sample(fc.oneof(atEdges, fc.anything()), 1_000);
    for (const type of types) {
      for (const value of values.filter(quickCheckOf(type))) expect(type.parse(value)).toBe(value);
    }
  });

  it('says yes to what most events hold', () => {
    const { runId, status, createdAt } = eventDataShape('run');
    const usual: [z.ZodType | undefined, unknown][] = [
      [id, 'run:1'],
      [source, 'ci'],
      [at, '2026-11-20T13:18:00.000Z'],
      [runId, 'r'],
      [status, 'queued'],
      [createdAt, null],
    ];
    for (const [type, value] of usual) expect(type !== undefined && quickCheckOf(type)(value)).toBe(true);
  });
});
