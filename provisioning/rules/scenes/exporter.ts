import { restartScene } from './restartScene.ts';
import type { Scene } from './scene.ts';
import { windowScene } from './windowScene.ts';

const lastEvent = (value: string, instance = '') =>
  `fleetlens_source_last_event_timestamp_seconds{source="$"${instance}} ${value}`;
const usualGap = (value: string, instance = '') => `fleetlens_source_usual_gap_seconds{source="$"${instance}} ${value}`;
const lastSuccess = (value: string, instance = '') =>
  `fleetlens_source_last_success_timestamp_seconds{source="$"${instance}} ${value}`;
const of = (instance: string) => `,job="fleetlens",instance="${instance}"`;
const up = (instance: string, value: string, job = 'fleetlens') => `up{job="${job}",instance="${instance}"} ${value}`;
const catching = 'fleetlens_source_catching_up{source="$"} 1';

/** One case of an alert that has no label of its own. */
function alone(alert: Scene['alert'], at: readonly number[], scene: Scene['cases'][number], labels = {}): Scene {
  return { alert, at, labels, key: null, cases: [scene] };
}

export const EXPORTER_SCENES: readonly Scene[] = [
  {
    // Last read at 30 s: older than 5 minutes from minute 6 on.
    alert: 'FleetSourceStale',
    labels: { job: 'fleetlens' },
    at: [6, 7, 20],
    cases: [
      { what: 'not read any more', series: [lastSuccess('30')], fires: { 7: {}, 20: {} } },
      {
        what: 'never read: since the start of the exporter',
        series: [lastSuccess('0'), catching],
        fires: { 7: {}, 20: {} },
      },
      { what: 'read every minute', series: [lastSuccess('30 0:+60')] },
      { what: 'read 4 minutes ago', series: [lastSuccess('150 9:1100')] },
      { what: 'read again in time', series: [lastSuccess('30 7:350 8:+60')] },
      {
        what: 'one replica polls, the others wait',
        series: [lastSuccess('30 0:+60', of('exporter-1:9960')), lastSuccess('10', of('exporter-2:9960'))],
      },
      {
        what: 'no replica polls',
        series: [lastSuccess('30', of('exporter-1:9960')), lastSuccess('10', of('exporter-2:9960'))],
        fires: { 7: {}, 20: {} },
      },
      { what: 'pushes its events', series: [lastEvent('30')] },
      { what: 'unknown', series: [] },
    ],
  },
  {
    // Of events every 40 minutes: 2 hours of silence are up at 120.5, and 10 minutes later it fires.
    alert: 'FleetIngestSilent',
    labels: {},
    at: [70, 71, 130, 131, 200],
    cases: [
      { what: 'usually every 40 minutes', series: [lastEvent('30'), usualGap('2400')], fires: { 131: {}, 200: {} } },
      {
        what: 'usually every second',
        series: [lastEvent('30'), usualGap('1')],
        fires: { 71: {}, 130: {}, 131: {}, 200: {} },
      },
      {
        what: 'for exactly an hour, then longer',
        series: [lastEvent('0'), usualGap('1')],
        fires: { 71: {}, 130: {}, 131: {}, 200: {} },
      },
      { what: 'usually every 2 hours', series: [lastEvent('30'), usualGap('7200')] },
      { what: 'sends', series: [lastEvent('30 0:+60'), usualGap('1')] },
      {
        what: 'sends, and one replica is behind',
        series: [lastEvent('30 0:+60', of('exporter-1:9960')), lastEvent('30', of('exporter-2:9960')), usualGap('1')],
      },
      {
        what: 'usually every 40 minutes, which one replica has not learnt',
        series: [lastEvent('30'), usualGap('2400', of('exporter-1:9960')), usualGap('1', of('exporter-2:9960'))],
        fires: { 131: {}, 200: {} },
      },
      { what: 'nobody knows its usual gap', series: [lastEvent('30')] },
      { what: 'is polled', series: [lastSuccess('30')] },
      { what: 'sends again', series: [lastEvent('30 125:7500'), usualGap('2400')] },
      { what: 'sent an hour later', series: [lastEvent('3660'), usualGap('2400')], fires: { 200: {} } },
    ],
  },
  restartScene({
    alert: 'FleetIngestSilent',
    labels: {},
    series: [lastEvent('=-5000'), usualGap('1')],
    firesAt: 15,
  }),
  windowScene({
    alert: 'FleetIngestRefused',
    family: 'fleetlens_ingest_events_total',
    labels: { result: 'refused' },
    by: [],
    others: [
      { result: 'accepted' },
      { result: 'duplicate' },
      { result: 'conflict' },
      { result: 'rejected' },
      { result: 'too_old' },
    ],
    enough: '0 41:1',
    at: 43,
    also: { quiet: [42] },
    past: [48],
    catchUp: undefined,
  }),
  {
    alert: 'FleetDeadLetters',
    labels: { job: 'fleetlens' },
    at: [19, 20, 30],
    cases: [
      { what: 'one', series: ['fleetlens_dead_letters{source="$"} 0 10:1'], fires: { 20: {}, 30: {} } },
      {
        what: 'one, and one replica is behind',
        series: [
          `fleetlens_dead_letters{source="$"${of('exporter-1:9960')}} 0 10:1`,
          `fleetlens_dead_letters{source="$"${of('exporter-2:9960')}} 0`,
        ],
        fires: { 20: {}, 30: {} },
      },
      { what: 'none', series: ['fleetlens_dead_letters{source="$"} 0'] },
      { what: 'read after all', series: ['fleetlens_dead_letters{source="$"} 0 10:1 19:0'] },
      { what: 'unknown', series: [] },
    ],
  },
  restartScene({
    alert: 'FleetDeadLetters',
    labels: { job: 'fleetlens' },
    series: ['fleetlens_dead_letters{source="$"} 1'],
    firesAt: 15,
  }),
  {
    alert: 'FleetSeriesFolded',
    key: 'family',
    at: [29, 70, 95],
    secondFrom: 35,
    cases: [
      {
        what: 'fleet_run_errors_total',
        series: ['fleetlens_series_folded_total{family="$"} 0 30:1'],
        fires: { 70: {} },
      },
      { what: 'fleet_runs', series: ['fleetlens_series_folded_total{family="$"} 12'] },
      {
        what: 'fleet_chains',
        series: ['fleetlens_series_folded_total{family="$"} _ 40:0 41:2'],
        fires: { 70: {}, 95: {} },
      },
      { what: 'fleet_sandboxes', series: [] },
    ],
  },
  alone(
    'FleetLedgerDown',
    [10, 11],
    { what: 'gone', series: ['fleetlens_ledger_up{} 1 10:0'], fires: { 11: {} } },
    { job: 'fleetlens' },
  ),
  alone('FleetLedgerDown', [10, 11, 12], { what: 'gone for 30 s', series: ['fleetlens_ledger_up{} 1 10:0 11:1'] }),
  alone(
    'FleetLedgerDown',
    [10, 11],
    {
      what: 'one of two replicas has lost it',
      series: [
        'fleetlens_ledger_up{job="fleetlens",instance="a"} 1',
        'fleetlens_ledger_up{job="fleetlens",instance="b"} 1 10:0',
      ],
      fires: { 11: {} },
    },
    { job: 'fleetlens' },
  ),
  alone('FleetLedgerDown', [11], { what: 'never there', series: [] }),
  alone(
    'FleetLedgerMismatch',
    [9, 10],
    { what: 'a difference', series: ['fleetlens_ledger_mismatches{} 0 10:1'], fires: { 10: {} } },
    { job: 'fleetlens' },
  ),
  alone(
    'FleetLedgerMismatch',
    [9, 10],
    {
      what: 'one of two replicas found a difference',
      series: [
        'fleetlens_ledger_mismatches{job="fleetlens",instance="a"} 0',
        'fleetlens_ledger_mismatches{job="fleetlens",instance="b"} 0 10:1',
      ],
      fires: { 10: {} },
    },
    { job: 'fleetlens' },
  ),
  restartScene({
    alert: 'FleetLedgerMismatch',
    labels: { job: 'fleetlens' },
    key: null,
    series: ['fleetlens_ledger_mismatches{} 1'],
    firesAt: 10,
  }),
  alone(
    'FleetLedgerMismatch',
    [12, 13, 17, 18],
    {
      what: 'none any more',
      series: ['fleetlens_ledger_mismatches{} 1 13:0'],
      fires: { 12: {}, 13: {}, 17: {} },
    },
    { job: 'fleetlens' },
  ),
  alone('FleetLedgerMismatch', [10], { what: 'none', series: ['fleetlens_ledger_mismatches{} 0'] }),
  alone('FleetLedgerMismatch', [10], { what: 'never verified', series: ['fleetlens_ledger_up{} 1'] }),
  {
    // The replicas are the cases: their names are their addresses.
    alert: 'FleetReplicaDown',
    key: 'instance',
    labels: { job: 'fleetlens' },
    at: [14, 15, 30],
    cases: [
      { what: 'a:9960', series: [up('$', '1')] },
      { what: 'b:9960', series: [up('$', '1 10:0')], fires: { 15: {}, 30: {} } },
      { what: 'c:9960', series: [up('$', '1 10:0 14:1')] },
      { what: 'other:9100', series: [up('$', '0', 'node')] },
    ],
  },
  {
    alert: 'FleetReplicaDown',
    key: 'instance',
    at: [15, 30],
    cases: [
      { what: 'a:9960', series: [up('$', '1 10:0')] },
      { what: 'b:9960', series: [up('$', '1 10:0')] },
      { what: 'other:9100', series: [up('$', '1', 'node')] },
    ],
  },
  alone(
    'FleetExporterDown',
    [11, 12, 30],
    { what: 'the only one', series: [up('a', '1 10:0')], fires: { 12: {}, 30: {} } },
    { job: 'fleetlens' },
  ),
  alone(
    'FleetExporterDown',
    [11, 12],
    { what: 'all of two', series: [up('a', '1 10:0'), up('b', '1 5:0')], fires: { 12: {} } },
    { job: 'fleetlens' },
  ),
  alone('FleetExporterDown', [12, 30], {
    what: 'another job is down',
    series: [up('a', '1'), up('b', '0', 'node')],
  }),
  alone('FleetExporterDown', [12, 30], { what: 'one of two', series: [up('a', '1 10:0'), up('b', '1')] }),
  alone(
    'FleetExporterDown',
    [1, 2, 12],
    { what: 'no target at all', series: [up('node', '1', 'node')], fires: { 2: {}, 12: {} } },
    { job: 'fleetlens' },
  ),
  alone(
    'FleetExporterDown',
    [11, 12, 13],
    { what: 'down, then no target', series: [up('a', '1 10:0 12:_')], fires: { 12: {}, 13: {} } },
    { job: 'fleetlens' },
  ),
  alone('FleetWatchdog', [0, 1, 60], { what: 'always', series: [], fires: { 0: {}, 1: {}, 60: {} } }),
];
