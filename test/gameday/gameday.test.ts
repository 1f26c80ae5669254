import { describe, expect, it } from 'vitest';
import { readRouting } from './readRouting.ts';
import { parseRules, type Rule, readRules } from './readRules.ts';
import { isMet, scoreDetails } from './scoreTable.ts';
import { simulateMonth } from './simulateMonth.ts';

const ONLY = [
  'a deployment with a wrong key',
  'a run that does not end',
  'a storm of errors',
  'the workers are gone',
  'a source does not answer',
];

/** Two days with a few incidents in them. */
async function gameday(rules: readonly Rule[], only: readonly string[] = ONLY) {
  return await simulateMonth({ seed: 'test', days: 2, intervalMs: 60_000, rules, routing: await readRouting(), only });
}

describe('a short game day', () => {
  it('finds all that is labelled, in time, and pages for nothing else', async () => {
    const score = await gameday(await readRules());
    expect(scoreDetails([score])).toEqual([]);
    expect(score.expected.length).toBeGreaterThanOrEqual(ONLY.length);
    expect(isMet([score])).toBe(true);
  });

  it('loses nothing where rules are evaluated only when they can tell something', async () => {
    const month = {
      seed: 'test',
      days: 2,
      intervalMs: 60_000,
      rules: await readRules(),
      routing: await readRouting(),
      only: ['a deployment with a wrong key', 'a storm of errors', 'half of the runs fail for hours'],
    };
    const [all, needed] = [await simulateMonth({ ...month, throughout: true }), await simulateMonth(month)];
    expect(needed).toEqual(all);
    expect(all.pages).toBeGreaterThan(3);
  });

  it('says so where a rule is missing', async () => {
    const rules = (await readRules()).filter(({ alert }) => alert !== 'FleetRunStuck');
    const score = await gameday(rules, ['a run that does not end']);
    expect(isMet([score])).toBe(false);
    expect(score.incidents).toEqual([{ name: 'a run that does not end', missing: ['FleetRunStuck'] }]);
    expect(score.expected.filter(({ result }) => result === 'missed').map(({ alert }) => alert)).toEqual([
      'FleetRunStuck',
    ]);
  });

  it('says so where a threshold is wrong: too late one way, for nothing the other', async () => {
    const stuck = (seconds: number) =>
      parseRules(`groups:
  - rules:
      - alert: FleetRunStuck
        expr: time() - fleet_run_oldest_timestamp_seconds{status="running"} > ${seconds}
        for: 1m`);
    const [late, early] = [
      await gameday(stuck(7_500), ['a run that does not end']),
      await gameday(stuck(3_600), ['a run that does not end']),
    ];
    const stuckOnes = late.expected.filter(({ alert }) => alert === 'FleetRunStuck');
    expect(stuckOnes.map(({ result }) => result)).toEqual(['late']);
    expect(early.falsePages.length).toBeGreaterThan(0);
    expect(isMet([late])).toBe(false);
    expect(isMet([early])).toBe(false);
  });
});
