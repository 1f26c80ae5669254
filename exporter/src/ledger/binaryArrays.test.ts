import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import {
  float8Array,
  int4Array,
  int8Array,
  jsonArray,
  jsonbArray,
  textArray,
  timestamptzArray,
  uuidArray,
} from './binaryArrays.ts';

/** Postgres reads what was written; what it says must be what went in. */
describe('binary arrays', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await freshDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const roundTrip = async (type: string, buffer: Buffer) => {
    const { rows } = await client.query<{ json: unknown }>(`select to_json($1::${type}[]) as json`, [buffer]);
    return rows[0]?.json;
  };
  const orNull = <T>(values: fc.Arbitrary<T>) => fc.array(fc.option(values), { maxLength: 40 });
  // What the ledger stores was cleaned: no NUL, no half of a surrogate pair.
  const text = fc.string({ unit: 'grapheme', maxLength: 400 }).filter((value) => !value.includes('\0'));
  const check = async <T>(type: string, values: fc.Arbitrary<T[]>, encode: (values: T[]) => Buffer) => {
    await fc.assert(
      fc.asyncProperty(values, async (list) => {
        expect(await roundTrip(type, encode(list))).toEqual(list);
      }),
      { numRuns: 60 },
    );
  };

  it('of text', () => check('text', orNull(text), textArray));
  it('of text that takes more bytes than it has characters', async () => {
    const values = ['é'.repeat(1_000), '語'.repeat(3_000), '😀'.repeat(2_000), 'a', null, ''];
    expect(await roundTrip('text', textArray(values))).toEqual(values);
    const many = Array.from({ length: 500 }, () => '語'.repeat(50));
    expect(await roundTrip('text', textArray(many))).toEqual(many);
  });
  it('of whole numbers', async () => {
    await check('int4', orNull(fc.integer()), int4Array);
    await check('int8', orNull(fc.maxSafeInteger()), int8Array);
    const edges = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, -1, 2 ** 32, -(2 ** 32), 2 ** 32 - 1, null];
    expect(await roundTrip('int8', int8Array(edges))).toEqual(edges);
  });
  it('of floats', () =>
    check(
      'float8',
      orNull(fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0))),
      float8Array,
    ));
  it('of times', async () => {
    const times = fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true });
    await client.query("set timezone = 'UTC'");
    await fc.assert(
      fc.asyncProperty(orNull(times), async (list) => {
        const iso = list.map((date) => date?.toISOString() ?? null);
        const { rows } = await client.query<{ ms: (string | null)[] }>(
          'select array(select extract(epoch from t) * 1000 from unnest($1::timestamptz[]) t)::float8[] as ms',
          [timestamptzArray(iso)],
        );
        expect(rows[0]?.ms.map((ms) => (ms === null ? null : Number(ms)))).toEqual(
          list.map((date) => date?.getTime() ?? null),
        );
      }),
      { numRuns: 60 },
    );
  });
  it('of JSON', async () => {
    const json = fc
      .jsonValue({ maxDepth: 3, stringUnit: 'grapheme' })
      .filter((value) => !JSON.stringify(value).includes('\\u0000'));
    const texts = (list: readonly unknown[]) => list.map((value) => JSON.stringify(value));
    await fc.assert(
      fc.asyncProperty(fc.array(json, { maxLength: 10 }), async (list) => {
        expect(await roundTrip('json', jsonArray(texts(list)))).toEqual(JSON.parse(JSON.stringify(list)));
        expect(await roundTrip('jsonb', jsonbArray(texts(list)))).toEqual(JSON.parse(JSON.stringify(list)));
      }),
      { numRuns: 60 },
    );
  });
  it('of uuids', async () => {
    const bytes = Buffer.from('00ff80c27f0a0d5c22fe01020304aabb', 'hex');
    expect(await roundTrip('uuid', uuidArray([bytes.toString('latin1')]))).toEqual([
      '00ff80c2-7f0a-0d5c-22fe-01020304aabb',
    ]);
  });
  it('of nothing', async () => {
    for (const [type, buffer] of [
      ['text', textArray([])],
      ['int4', int4Array([])],
      ['uuid', uuidArray([])],
    ] as const) {
      expect(await roundTrip(type, buffer)).toEqual([]);
    }
  });
});
