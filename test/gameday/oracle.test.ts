import { describe, expect, it } from 'vitest';
import { judgeByRecords } from './oracle/judgeByRecords.ts';
import type { Happening, Outage } from './timeline.ts';
import {
  COURIER,
  CRUCIBLE,
  DAY_MS,
  DEMITON,
  ERROR_SERIES_CAP,
  HOUR_MS,
  MINUTE_MS,
  QUEUE,
  REPLICAS,
  TINKER,
} from './world.ts';

const START = Date.UTC(2026, 0, 5);
const [FIRST, SECOND] = REPLICAS;
const at = (minute: number) => START + minute * MINUTE_MS;
const iso = (minute: number) => new Date(at(minute)).toISOString();

/** From and to, in minutes, when a condition held, by the labels that `of` picks. */
function held(
  alert: string,
  { happenings = [], outages = [] }: { happenings?: Happening[]; outages?: Outage[] },
): [labels: string, ...spans: string[]][] {
  const timeline = { seed: 's', startMs: START, endMs: START + 2 * DAY_MS, incidents: [], oddities: [] };
  const sorted = happenings.toSorted((a, b) => a.at - b.at);
  return judgeByRecords({ ...timeline, happenings: sorted, outages })
    .filter((condition) => condition.alert === alert)
    .map(({ labels, spans }) => [
      Object.values(labels).join(' '),
      ...spans.map(({ from, to }) => `${(from - START) / MINUTE_MS}-${(to - START) / MINUTE_MS}`),
    ]);
}

describe('replicas', () => {
  const gone = (replica: string, from: number, to: number): Outage => ({
    of: 'replica',
    replica,
    from: at(from),
    to: at(to),
  });

  it('one of two is down, and the exporter only while the other one is, too', () => {
    const outages = [gone(SECOND, 10, 30), gone(FIRST, 15, 16)];
    expect(held('FleetReplicaDown', { outages })).toEqual([[SECOND, '10-15', '16-30']]);
    expect(held('FleetExporterDown', { outages })).toEqual([['', '15-16']]);
  });

  it('the only one that is a target is the exporter', () => {
    const outages: Outage[] = [
      { of: 'target', replica: SECOND, from: at(0), to: START + 3 * DAY_MS },
      gone(FIRST, 15, 16),
    ];
    expect(held('FleetReplicaDown', { outages })).toEqual([]);
    expect(held('FleetExporterDown', { outages })).toEqual([['', '15-16']]);
  });
});

it('a source that does not answer is stale from its last success on, or from the start of an exporter that knows of none', () => {
  const outages: Outage[] = [
    { of: 'source', source: CRUCIBLE, from: at(10), to: at(40) },
    { of: 'replica', replica: FIRST, from: at(20), to: at(21) },
  ];
  expect(held('FleetSourceStale', { outages })).toEqual([[CRUCIBLE, '14.75-20', '26-40']]);
});

it('a source is silent from the newest that it told, be it late, and after an hour at least', () => {
  const told = (minute: number, saidMinute = minute): Happening => ({
    what: 'event',
    source: DEMITON,
    kind: 'run',
    at: at(minute),
    saidAt: at(saidMinute),
    data: { runId: `r${minute}` },
  });
  const everyMinute = (events: number) => Array.from({ length: events }, (_, i) => told(i));
  const silent = (happenings: Happening[]) => held('FleetIngestSilent', { happenings });
  expect(silent(everyMinute(20))).toEqual([]);
  expect(silent(everyMinute(21))).toEqual([[DEMITON, '80-2880']]);
  // Told of minute 230 at 300, of what is known already at 320, and of what is to come at 330.
  expect(silent([...everyMinute(201), told(300, 230), told(320, 10), told(330, 500)])).toEqual([
    [DEMITON, '260-330', '390-2880'],
  ]);
  expect(silent([...everyMinute(201), told(250, 230)])).toEqual([[DEMITON, '290-2880']]);
  // Every 40 minutes: 3 times 4,096 seconds.
  expect(silent(Array.from({ length: 22 }, (_, i) => told(i * 40)))).toEqual([[DEMITON, '1044.8-2880']]);
});

it('a job counts when it is heard of, whatever its sender says', () => {
  const job = (minute: number, saidMinute: number, waited: number): Happening => ({
    what: 'event',
    source: DEMITON,
    kind: 'job',
    at: at(minute),
    saidAt: at(saidMinute),
    data: {
      queue: QUEUE,
      jobId: `j${minute}`,
      enqueuedAt: iso(minute - waited),
      startedAt: iso(minute),
      finishedAt: iso(minute),
      result: 'complete',
    },
  });
  const reading: Happening = {
    what: 'event',
    source: DEMITON,
    kind: 'queue',
    at: at(1),
    saidAt: at(1),
    data: { queue: QUEUE, due: 0 },
  };
  const late = DAY_MS / MINUTE_MS + 120;
  const usual = Array.from({ length: 100 }, (_, i) => job(30 + i * 14, 30 + i * 14, 0));
  const [condition] = held('FleetQueueWaitHigh', { happenings: [reading, ...usual, job(late, late - 2, 3)] });
  expect(condition?.[1]).toBe(`${late}-${late + 15}`);
});

it('a backlog grows once there is a figure of ten minutes ago to hold it against', () => {
  const reading = (minute: number, due: number): Happening => ({
    what: 'event',
    source: DEMITON,
    kind: 'queue',
    at: at(minute),
    saidAt: at(minute),
    data: { queue: QUEUE, due },
  });
  const happenings = [reading(1, 2), reading(8, 5), reading(30, 4)];
  expect(held('FleetQueueBacklogNotConsumed', { happenings })).toEqual([[`${DEMITON} ${QUEUE}`, '11-18']]);
});

it('what was told late is no growth of now', () => {
  const run = (id: string, heard: number, ended: number): Happening => ({
    what: 'event',
    source: COURIER,
    kind: 'run',
    at: at(heard),
    saidAt: at(ended),
    data: { runId: id, project: 'p', workflow: 'w', status: 'failed', finishedAt: iso(ended) },
  });
  const ended = Array.from({ length: 6 }, (_, i) => run(`r${i}`, 300, 30 * i));
  expect(held('FleetRunFailureRateHigh', { happenings: ended })).toEqual([]);
  const now = Array.from({ length: 6 }, (_, i) => run(`r${i}`, 300, 299));
  expect(held('FleetRunFailureRateHigh', { happenings: now })).toEqual([[`${COURIER} source`, '299-314']]);
});

it('a handler that an alert names is never folded and takes no room', () => {
  const error = (component: string, minute: number): Happening => ({
    what: 'event',
    source: TINKER,
    kind: 'platformError',
    at: at(minute),
    saidAt: at(minute),
    data: { errorId: component, component },
  });
  const known = Array.from({ length: ERROR_SERIES_CAP }, (_, i) => error(`c${i}`, i));
  const named = [error('handleIssueComment', 0.5), error('handlePullRequest', 20)];
  expect(held('FleetSeriesFolded', { happenings: [...known, ...named] })).toEqual([]);
  expect(held('FleetSeriesFolded', { happenings: [...known, ...named, error('one more', 30)] })).toEqual([
    ['fleet_errors_total', `30-${30 + HOUR_MS / MINUTE_MS}`],
  ]);
});
