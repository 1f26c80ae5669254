import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type FamilyName, familyOf } from '../contract/metricCatalogue.ts';
import { SeriesIndex } from './seriesIndex.ts';
import type { Series } from './seriesRegistry.ts';

it('finds each series by its own labels and no other', () => {
  // With four labels, with one and with none; values of few letters, so that many share a beginning.
  const families: FamilyName[] = ['fleet_runs_created_total', 'fleetlens_dead_letters', 'fleetlens_ledger_up'];
  const labelSet = fc.constantFrom(...families).chain((family) => {
    const { length } = familyOf(family).labels;
    return fc.record({
      family: fc.constant(family),
      labels: fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\u001f'), maxLength: 2 }), {
        minLength: length,
        maxLength: length,
      }),
    });
  });
  const keyOf = ({ family, labels }: Pick<Series, 'family' | 'labels'>) => JSON.stringify([family, labels]);
  fc.assert(
    fc.property(fc.uniqueArray(labelSet, { selector: keyOf }), fc.array(labelSet), (added, asked) => {
      const index = new SeriesIndex();
      const series = new Map(added.map((set, id) => [keyOf(set), { ...set, id }]));
      for (const one of series.values()) index.add(one);
      for (const set of [...added, ...asked]) expect(index.get(set.family, set.labels)).toBe(series.get(keyOf(set)));
      index.clear();
      for (const set of added) expect(index.get(set.family, set.labels)).toBeUndefined();
    }),
  );
});
