import { expect, it } from 'vitest';
import { RefusedUse, type RefusedUseReport } from './refusedUse.ts';

const DAY_MINUTES = 1_440;

function bed() {
  let nowMs = 0;
  const reports: RefusedUseReport[] = [];
  const refused = new RefusedUse(
    (report) => reports.push(report),
    () => nowMs,
  );
  return {
    reports,
    wait: (ms: number) => {
      nowMs += ms;
    },
    refuse: (principalName?: string) =>
      refused.report({ principalName, route: 'GET /api/v1/runs', reason: 'no such token', address: '10.0.0.7' }),
  };
}

it('a scanner that never stops writes a bounded number of entries a day, and what was left out is counted', () => {
  const { reports, wait, refuse } = bed();
  let refusals = 0;
  for (let minute = 0; minute < DAY_MINUTES; minute++) {
    for (let at = 0; at < 100; at++) {
      refuse();
      refusals++;
    }
    wait(60_000);
  }
  expect(reports.length).toBeLessThanOrEqual(DAY_MINUTES + 20);
  expect(reports.length).toBeGreaterThanOrEqual(DAY_MINUTES);
  const told = reports.reduce((sum, { unreported }) => sum + 1 + unreported, 0);
  expect(refusals - told).toBeLessThan(100);
});

it('hides nobody else: each who is known has an allowance of their own', () => {
  const { reports, refuse } = bed();
  for (let at = 0; at < 500; at++) refuse();
  refuse('ci');
  expect(reports.at(-1)).toEqual({
    principalName: 'ci',
    route: 'GET /api/v1/runs',
    reason: 'no such token',
    address: '10.0.0.7',
    unreported: 0,
  });
});
