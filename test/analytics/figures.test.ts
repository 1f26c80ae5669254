import fc from 'fast-check';
import { expect, it } from 'vitest';
import type {
  FailuresAnswer,
  FiguresAnswer,
  SpendAnswer,
  TimeBucket,
  TimeseriesAnswer,
} from '../../exporter/src/contract/analytics.ts';
import {
  ANALYTICS_DIMENSIONS,
  type AnalyticsDimension,
  FIGURES,
  type FigureName,
} from '../../exporter/src/contract/dimensions.ts';
import { catchUpFacts, followPage, inFactsTransaction } from '../../exporter/src/ledger/analytics/catchUpFacts.ts';
import { refreshFigures } from '../../exporter/src/ledger/analytics/refreshFigures.ts';
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../ledger/histories.ts';
import { DAY_MS, event } from '../ledger/ledgerBed.ts';
import { FLEET_FROM, fleet, HOUR_MS } from './fleets.ts';
import { type ServedAnalytics, serveAnalytics } from './servedAnalytics.ts';
import { namedGroups, readSlowly, type SlowLedger, sameNumber, slowGroups } from './slowFigures.ts';

expect.addEqualityTesters([sameNumber]);

const iso = (ms: number) => new Date(ms).toISOString();
/** Every subset of the dimensions. */
const GROUPINGS: AnalyticsDimension[][] = Array.from({ length: 2 ** ANALYTICS_DIMENSIONS.length }, (_, bits) =>
  ANALYTICS_DIMENSIONS.filter((_dimension, i) => (bits >> i) & 1),
);
/** Wide enough that nodes of every length lie in it. */
const WHOLE: [number, number] = [FLEET_FROM - 130 * DAY_MS, FLEET_FROM + 145 * DAY_MS];

async function refresh({ bed }: ServedAnalytics): Promise<void> {
  await catchUpFacts(bed.ledger.pool);
  while (await refreshFigures(bed.ledger.pool, { quiet: false })) {}
}

async function settle({ bed }: ServedAnalytics): Promise<void> {
  while (await bed.ledger.sweep()) {}
}

const query = ([from, to]: readonly [number, number], by: readonly string[], more = '') =>
  `from=${iso(from)}&to=${iso(to)}&limit=1000${by.length > 0 ? `&by=${by.join(',')}` : ''}${more}`;

async function expectSameGroups(served: ServedAnalytics, window: readonly [number, number], by: AnalyticsDimension[]) {
  const answer = await served.ask<FiguresAnswer>(`runs?${query(window, by)}`);
  const slow = slowGroups(await readSlowly(served.bed.ledger.pool), window, by);
  expect(namedGroups(answer.data, by), `by ${by.join(', ')}`).toEqual(slow);
  expect(answer.groups).toBe(slow.size);
}

const only = (all: Partial<Record<FigureName, unknown>>, chosen: readonly FigureName[]) =>
  Object.fromEntries(chosen.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])));

/** Every point of every group, and that there are no others. */
async function expectSameSeries(
  served: ServedAnalytics,
  ledger: SlowLedger,
  window: readonly [number, number],
  by: AnalyticsDimension[],
  [bucket, zone]: readonly [TimeBucket, string],
  filter: Partial<Record<AnalyticsDimension, string>> = {},
) {
  const what = `an ${bucket} each of ${zone} by ${by.join(', ')} of ${JSON.stringify(filter)}`;
  const keep = (group: Record<string, string>) => Object.entries(filter).every(([d, value]) => group[d] === value);
  const more = `&bucket=${bucket}&time_zone=${zone}&${new URLSearchParams(filter)}`;
  const answer = await served.ask<TimeseriesAnswer>(
    `timeseries?${query(window, by, more)}`.replace('limit=1000', 'limit=80'),
  );
  expect(answer.data, what).toHaveLength(slowGroups(ledger, window, by, keep).size);
  const nothing = slowGroups({ runs: [], spends: [] }, window, []).get('');
  const spans = answer.data[0]?.points.map(({ from, to }) => [Date.parse(from), Date.parse(to)] as const) ?? [];
  spans.forEach((span, i) => {
    expect(span[0]).toBe(i === 0 ? window[0] : spans[i - 1]?.[1]);
    if (i === spans.length - 1) expect(span[1]).toBe(window[1]);
    const slow = slowGroups(ledger, span, by, keep);
    for (const { points, ...group } of answer.data) {
      const { from, to, ...figures } = points[i] as (typeof points)[number];
      const name = by.map((dimension) => group[dimension] ?? '').join('|');
      expect(figures, `${what}, ${name}: ${from} to ${to}`).toEqual(slow.get(name) ?? nothing);
    }
  });
}

it(
  'answers every figure as the records add up, in any grouping and window, whatever came late, again or was corrected',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fleet,
        fc.array(fc.tuple(fc.nat(12 * 24 * 60), fc.nat(12 * 24 * 60)), { minLength: 3, maxLength: 3 }),
        async ({ first, second }, cuts) => {
          await using served = await serveAnalytics();
          const windows = [
            WHOLE,
            ...cuts.map(
              ([a, b]) =>
                [FLEET_FROM + Math.min(a, b) * 60_000, FLEET_FROM + Math.max(a, b) * 60_000] as [number, number],
            ),
          ];
          await served.bed.ledger.recordPushed([...first]);
          await settle(served);
          await expectSameGroups(served, WHOLE, ['project']);
          // What was added up before is changed by what comes now.
          await refresh(served);
          await expectSameGroups(served, WHOLE, ['project']);
          await served.bed.ledger.recordPushed([...second]);
          await settle(served);
          for (const window of windows) await expectSameGroups(served, window, ['workflow', 'persona']);
          for (const by of GROUPINGS) await expectSameGroups(served, WHOLE, by);
          await refresh(served);
          for (const window of windows) await expectSameGroups(served, window, ['source', 'model']);
        },
      ),
      propertyRuns(3),
    );
  },
  PROPERTY_TIMEOUT_MS,
);

it(
  'answers failures by category, what was spent, and series of a time zone, as the records add up',
  async () => {
    await fc.assert(
      fc.asyncProperty(fleet, fc.boolean(), async ({ first, second }, isRefreshed) => {
        await using served = await serveAnalytics();
        await served.bed.ledger.recordPushed([...first, ...second]);
        await settle(served);
        if (isRefreshed) await refresh(served);
        const ledger = await readSlowly(served.bed.ledger.pool);

        const failures = await served.ask<FailuresAnswer>(`failures?${query(WHOLE, ['project'])}`);
        const slowFailures = slowGroups(ledger, WHOLE, ['project', 'category'], (group) => group.category !== '');
        expect(
          new Map(
            failures.data.map((f) => [`${f.project ?? ''}|${f.category}`, [f.runs, f.failed, f.timedOut, f.costUsd]]),
          ),
        ).toEqual(
          new Map([...slowFailures].map(([name, f]) => [name, [f.runs, f.failed, f.timedOut, f.costOfFailuresUsd]])),
        );

        const spend = await served.ask<SpendAnswer>(`spend?${query(WHOLE, ['persona', 'model'])}`);
        const slowSpend = [...slowGroups(ledger, WHOLE, ['persona', 'model'])].filter(
          ([, f]) => Number(f.spentUsd) > 0,
        );
        expect(new Map(spend.data.map((s) => [`${s.persona ?? ''}|${s.model ?? ''}`, s.spentUsd]))).toEqual(
          new Map(slowSpend.map(([name, f]) => [name, f.spentUsd])),
        );

        const filters = { project: 'acme/web', workflow: 'feature', persona: 'engineer', model: 'large' } as const;
        for (const [filtered, value] of Object.entries(filters)) {
          const isOf = (g: Record<string, string>) => g[filtered] === value;
          for (const by of [[], ['source'], [filtered]] as AnalyticsDimension[][]) {
            const answer = await served.ask<FiguresAnswer>(`runs?${query(WHOLE, by, `&${filtered}=${value}`)}`);
            expect(namedGroups(answer.data, by), `${filtered} by ${by}`).toEqual(slowGroups(ledger, WHOLE, by, isOf));
          }
        }

        // Of few of all dimensions, which are looked up each by itself: filtered in several, and the group with the most runs alone.
        const isOfTwo = (g: Record<string, string>) => g.project === 'acme/web' && g.persona === 'engineer';
        const ofTwo = 'project=acme/web&persona=engineer';
        const answer = await served.ask<FiguresAnswer>(`runs?${query(WHOLE, ['model'], `&${ofTwo}`)}`);
        expect(namedGroups(answer.data, ['model'])).toEqual(slowGroups(ledger, WHOLE, ['model'], isOfTwo));
        const most = await served.ask<TimeseriesAnswer>(
          `timeseries?${query(WHOLE, ANALYTICS_DIMENSIONS, '&bucket=day')}`.replace('limit=1000', 'limit=1'),
        );
        for (const { points, ...group } of most.data) {
          const isOf = (g: Record<string, string>) => ANALYTICS_DIMENSIONS.every((d) => g[d] === (group[d] ?? ''));
          for (const { from, to, ...figures } of points) {
            expect(figures).toEqual(slowGroups(ledger, [Date.parse(from), Date.parse(to)], [], isOf).get(''));
          }
        }

        // By nothing and by one dimension, whose sums are kept by themselves: an hour each, the groups with the most runs alone.
        for (const dimension of ANALYTICS_DIMENSIONS) {
          const window = [FLEET_FROM + 2 * DAY_MS, FLEET_FROM + 4 * DAY_MS - 1] as const;
          for (const by of [[], [dimension]]) {
            const series = await served.ask<TimeseriesAnswer>(
              `timeseries?${query(window, by)}&bucket=hour`.replace('limit=1000', 'limit=2'),
            );
            const groups = [...slowGroups(ledger, window, by)];
            const mostRuns = groups.map(([, f]) => Number(f.runs)).toSorted((a, b) => b - a);
            expect(series.groups).toBe(groups.length);
            expect(
              series.data.map(({ points }) => points.reduce((sum, { runs }) => sum + runs, 0)),
              `by ${by.join()}`,
            ).toEqual(mostRuns.slice(0, 2));
            for (const { points, ...group } of series.data) {
              const isOf = (g: Record<string, string>) => by.every((d) => g[d] === (group[d] ?? ''));
              for (const { from, to, ...figures } of points) {
                expect(figures).toEqual(slowGroups(ledger, [Date.parse(from), Date.parse(to)], [], isOf).get(''));
              }
            }
          }
        }

        // Chosen figures alone, each by itself and some together: what is added up for them is no more than they need.
        const slow = slowGroups(ledger, WHOLE, ['project']);
        for (const chosen of [...FIGURES.map((name) => [name]), ['spentUsd', 'qualityPerUsd', 'failed'] as const]) {
          const figures = `&figures=${chosen.join(',')}`;
          const told = await served.ask<FiguresAnswer>(`runs?${query(WHOLE, ['project'], figures)}`);
          const expected = new Map([...slow].map(([name, all]) => [name, only(all, chosen)]));
          expect(namedGroups(told.data, ['project']), figures).toEqual(expected);
          const day = [FLEET_FROM, FLEET_FROM + DAY_MS] as const;
          const series = await served.ask<TimeseriesAnswer>(
            `timeseries?${query(day, ['workflow'], figures)}&bucket=hour`.replace('limit=1000', 'limit=50'),
          );
          const whole = await served.ask<TimeseriesAnswer>(
            `timeseries?${query(day, ['workflow'])}&bucket=hour`.replace('limit=1000', 'limit=50'),
          );
          expect(series.data, figures).toEqual(
            whole.data.map(({ points, ...group }) => ({
              ...group,
              points: points.map(({ from, to, ...all }) => ({ from, to, ...only(all, chosen) })),
            })),
          );
        }

        // Half an hour off, and with a change of its clocks: edges that no hour of UTC has, and one that every quarter has.
        for (const zone of ['Asia/Kolkata', 'America/New_York']) {
          const window = [FLEET_FROM + 77 * 60_000, FLEET_FROM + 9 * DAY_MS] as const;
          const series = await served.ask<TimeseriesAnswer>(
            `timeseries?${query(window, ['workflow'])}&bucket=day&time_zone=${zone}`.replace('limit=1000', 'limit=50'),
          );
          for (const { points, ...group } of series.data) {
            for (const { from, to, ...figures } of points) {
              const slow = slowGroups(
                ledger,
                [Date.parse(from), Date.parse(to)],
                [],
                (g) => g.workflow === (group.workflow ?? ''),
              );
              expect(figures).toEqual(slow.get(''));
            }
            expect(points[0]?.from).toBe(iso(window[0]));
            expect(points.at(-1)?.to).toBe(iso(window[1]));
            for (const { from } of points.slice(1)) {
              const shown = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeStyle: 'medium' }).format(
                Date.parse(from),
              );
              expect(shown).toBe('00:00:00');
            }
          }
        }
      }),
      propertyRuns(4),
    );
  },
  PROPERTY_TIMEOUT_MS,
);

it(
  'answers series in zones that are off by parts of an hour, by any of the dimensions, as the records add up',
  async () => {
    const zones = fc.constantFrom('UTC', 'Asia/Kolkata', 'Asia/Kathmandu', 'America/St_Johns');
    await fc.assert(
      fc.asyncProperty(
        fleet,
        fc.array(zones, { minLength: GROUPINGS.length, maxLength: GROUPINGS.length }),
        fc.nat(7 * 24 * 60),
        fc.boolean(),
        async ({ first, second }, zoneOf, minute, isRefreshed) => {
          await using served = await serveAnalytics();
          await served.bed.ledger.recordPushed([...first]);
          await settle(served);
          await refresh(served);
          await served.bed.ledger.recordPushed([...second]);
          await settle(served);
          if (isRefreshed) await refresh(served);
          const ledger = await readSlowly(served.bed.ledger.pool);
          const from = FLEET_FROM + minute * 60_000;
          for (const [i, by] of GROUPINGS.entries()) {
            const zone = zoneOf[i] as string;
            await expectSameSeries(served, ledger, [from, from + 2 * DAY_MS], by, ['hour', zone]);
            await expectSameSeries(served, ledger, [FLEET_FROM - DAY_MS, FLEET_FROM + 11 * DAY_MS], by, ['day', zone]);
          }
          // A filter counts as a dimension: by two of them, and by more than there are sums of.
          const filters = [{ project: 'acme/web' }, { workflow: 'feature', model: 'large' }] as const;
          for (const filter of filters) {
            for (const bucket of ['hour', 'day'] as const) {
              const window = [from, from + 2 * DAY_MS] as const;
              await expectSameSeries(served, ledger, window, ['persona'], [bucket, 'Asia/Kolkata'], filter);
            }
          }
        },
      ),
      propertyRuns(2),
    );
  },
  PROPERTY_TIMEOUT_MS,
);

/** The last time that a zone changed its clocks, to the half hour; before now. */
function lastChangeOf(timeZone: string): number {
  const offset = (ms: number) =>
    new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(ms).at(-1)?.value;
  const step = HOUR_MS / 2;
  let ms = Math.floor(Date.now() / step) * step - 5 * DAY_MS;
  while (offset(ms) === offset(ms - step)) ms -= step;
  return ms;
}

it('follows many changed runs in pages that end with a change, and names the moment up to which it came', async () => {
  await using served = await serveAnalytics();
  const { ledger, query: sql } = served.bed;
  await catchUpFacts(ledger.pool);
  const batch = (n: number) =>
    Array.from({ length: 700 }, (_, i) => {
      const at = FLEET_FROM + i * 1_000;
      const runId = `run-${n}-${i}`;
      return event(`${runId}-created`, 'run', at, {
        runId,
        status: 'succeeded',
        createdAt: iso(at),
        finishedAt: iso(at),
      });
    });
  for (let n = 0; n < 3; n++) await ledger.recordPushed(batch(n));
  const changes = await sql<{ seq: string; at: Date }>(
    "select seq, at from fleetlens.change where entries::text like '%run-%' order by seq",
  );
  expect(changes).toHaveLength(3);

  const first = await inFactsTransaction(ledger.pool, followPage);

  expect(first).toMatchObject({ isBehind: true, asOf: changes[1]?.at });
  const known = await sql<{ batch: string; runs: number }>(
    "select split_part(key, '-', 2) as batch, count(*)::int as runs from fleetlens.run_fact where part = 0 group by 1 order by 1",
  );
  expect(known).toEqual([
    { batch: '0', runs: 700 },
    { batch: '1', runs: 700 },
  ]);
  expect(await inFactsTransaction(ledger.pool, followPage)).toMatchObject({ isBehind: false });
  await expectSameGroups(served, WHOLE, []);
});

it('answers series across a change of the clocks, by an hour and by half of one', async () => {
  for (const zone of ['Australia/Lord_Howe', 'America/St_Johns']) {
    const changedMs = lastChangeOf(zone);
    await using served = await serveAnalytics();
    const { ledger } = served.bed;
    const window = [changedMs - 30 * HOUR_MS + 7 * 60_000, changedMs + 50 * HOUR_MS] as const;
    // Each third at a quarter of an hour, so that hours and half hours begin with a run.
    const runs = Array.from({ length: 330 }, (_, n) => {
      const at = changedMs - 31 * HOUR_MS + n * 15 * 60_000 + (n % 3) * 7 * 60_000;
      const data = { runId: `run-${n}`, project: `p${n % 2}`, workflow: `w${n % 3}`, status: 'succeeded' };
      return event(`run-${n}`, 'run', at, { ...data, finishedAt: iso(at), iterations: n % 4 });
    });
    await ledger.recordPushed(runs);
    await settle(served);
    await refresh(served);
    // Corrected, and not added up again: these hours are told by facts.
    const corrected = Array.from({ length: 20 }, (_, i) =>
      event(`again-${i}`, 'run', Date.now(), { runId: `run-${i * 14}`, project: 'p3', status: 'failed' }),
    );
    await ledger.recordPushed(corrected);
    await settle(served);
    for (const isRefreshed of [false, true]) {
      if (isRefreshed) await refresh(served);
      const slow = await readSlowly(ledger.pool);
      for (const by of [[], ['project'], ['project', 'workflow'], ['project', 'workflow', 'persona']] as const) {
        await expectSameSeries(served, slow, window, [...by], ['hour', zone]);
        await expectSameSeries(served, slow, window, [...by], ['day', zone]);
      }
    }
  }
});
