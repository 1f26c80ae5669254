import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from './parseJson.ts';

describe('parseJson', () => {
  it('keeps the digits of integers that a double cannot hold, wherever they are', () => {
    expect(parseJson('{"snapshot":1792137600123456789,"values":[{"_ts":-9007199254740993}]}')).toEqual({
      snapshot: '1792137600123456789',
      values: [{ _ts: '-9007199254740993' }],
    });
  });

  it('reads any other JSON as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }), (text, big) => {
        const plain = JSON.stringify(JSON.parse(text));
        fc.pre(!/\d{16}/.test(plain));
        expect(parseJson(plain)).toEqual(JSON.parse(plain));
        // Beside a long integer too, and in texts that look like one.
        expect(parseJson(`{"a":${plain},"b":${big},"c":"${big}"}`)).toEqual({
          a: JSON.parse(plain),
          b: String(big),
          c: String(big),
        });
      }),
    );
  });
});
