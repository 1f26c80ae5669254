import fc from 'fast-check';
import { covers, furthest, isFurther, unitePlaces } from './livePlaces';

const place = fc.oneof(
  fc.constant(null),
  fc.nat(20).map(String),
  fc.tuple(fc.nat(20), fc.nat(5)).map(([seq, index]) => `${seq}.${index}`),
);
const places = fc.dictionary(fc.constantFrom('runs', 'chains', 'output:s/1'), place, { maxKeys: 3 });

it('orders places: entries of a commit stand before its end', () => {
  expect(isFurther('7', '7.3')).toBe(true);
  expect(isFurther('7.10', '7.9')).toBe(true);
  expect(isFurther('7.10', '8.0')).toBe(false);
  expect(isFurther('7', null)).toBe(true);
  expect(isFurther(null, null)).toBe(false);
});

it('begins where the furthest behind is, so that nobody misses anything', () => {
  fc.assert(
    fc.property(fc.array(places, { maxLength: 5 }), (all) => {
      const united = unitePlaces(all);
      for (const one of all) {
        for (const [topic, from] of Object.entries(one)) {
          expect(united.has(topic)).toBe(true);
          if (from !== null) expect(isFurther(united.get(topic) ?? null, from)).toBe(false);
        }
      }
      expect([...united.keys()].every((topic) => all.some((one) => topic in one))).toBe(true);
      // It begins at a place that somebody is at, not further back.
      for (const [topic, from] of united) expect(all.some((one) => one[topic] === from)).toBe(true);
    }),
  );
});

it('covers who is where the stream is or further, in topics that it has', () => {
  expect(covers(new Set(['runs']), '5', { runs: '5' })).toBe(true);
  expect(covers(new Set(['runs']), '5', { runs: '4.9' })).toBe(false);
  expect(covers(new Set(['runs']), '5', { runs: null })).toBe(true);
  expect(covers(new Set(['runs']), '5', { chains: null })).toBe(false);
  expect(furthest('5', '5.1')).toBe('5');
});
