import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatNumber } from './exposition.ts';
import { ExpositionBuffer } from './expositionBuffer.ts';

describe('ExpositionBuffer', () => {
  it('writes numbers as formatNumber does', () => {
    const number = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.constantFrom(0, -0, 2 ** 31, 2 ** 31 - 1, 10, 9, 99),
    );
    fc.assert(
      fc.property(fc.array(number), (values) => {
        const buffer = new ExpositionBuffer();
        for (const value of values) {
          buffer.addNumber(value);
          buffer.addLineEnd();
        }
        expect(buffer.take().toString()).toBe(values.map((value) => `${formatNumber(value)}\n`).join(''));
      }),
    );
  });

  it('holds text and bytes of any length, and begins anew once they are taken', () => {
    const buffer = new ExpositionBuffer();
    const long = 'é語😀'.repeat(20_000);
    buffer.addText(long);
    buffer.addBytes(Buffer.from(long));
    const first = buffer.take();
    buffer.addText('next');
    expect(first.toString()).toBe(long + long);
    expect(buffer.take().toString()).toBe('next');
  });
});
