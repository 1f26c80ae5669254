import { restartScene } from './restartScene.ts';
import type { Case, Scene } from './scene.ts';

const depth = (steps: string, state = 'due', queue = 'agents') =>
  `fleet_queue_depth{source="$",queue="${queue}",state="${state}"} ${steps}`;
const enqueued = (steps: string, queue = 'agents') =>
  `fleet_queue_jobs_enqueued_total{source="$",queue="${queue}"} ${steps}`;
const finished = (result: string, steps: string, queue = 'agents') =>
  `fleet_queue_jobs_finished_total{source="$",queue="${queue}",result="${result}"} ${steps}`;
const catching = (steps: string) => `fleetlens_source_catching_up{source="$"} ${steps}`;
/** The same series of two replicas that differ. */
const differing = (series: (steps: string) => string, first: string, second: string) =>
  [first, second].map((steps, i) => series(steps).replace('{', `{job="fleetlens",instance="exporter-${i + 1}:9960",`));

/** The first sample that is higher is that of 30, and 5 minutes later it fires. */
const growing = depth('3 29:+1');
const yes = { 35: {}, 44: {} };
const backlog: Scene = {
  alert: 'FleetQueueBacklogNotConsumed',
  labels: { job: 'fleetlens', queue: 'agents', state: 'due' },
  at: [34, 35, 44, 52],
  secondFrom: 20,
  cases: [
    {
      what: 'grows, and none finishes',
      series: [growing, enqueued('5 30:+1'), finished('complete', '7')],
      fires: { ...yes, 52: {} },
    },
    { what: 'none ever finished: no such series', series: [growing, enqueued('5 30:+1')], fires: { ...yes, 52: {} } },
    { what: 'one finishes now and then', series: [growing, finished('complete', '7 22:8 28:9 36:10 45:11')] },
    { what: 'one fails now and then', series: [growing, finished('failed', '7 22:8 28:9 36:10 45:11')] },
    { what: 'each is only tried again', series: [growing, finished('retried', '7 28:+1')], fires: { ...yes, 52: {} } },
    {
      what: 'another queue finishes jobs',
      series: [growing, finished('complete', '7 22:+1', 'mail')],
      fires: { ...yes, 52: {} },
    },
    {
      what: 'grows, and one replica is behind',
      series: differing(depth, '3 29:+1', '3'),
      fires: { ...yes, 52: {} },
    },
    {
      what: 'one finished more than 10 minutes before',
      series: [growing, finished('complete', '7 18:8')],
      fires: { ...yes, 52: {} },
    },
    {
      what: 'the first ones ever finish: a new series',
      series: [growing, finished('complete', '_ 27:0 28:1 36:2 45:3')],
    },
    {
      what: 'stays the same, with the first jobs ever: a new series',
      series: [depth('3'), enqueued('_ 27:0 29:+0.2')],
      fires: { ...yes, 52: {} },
    },
    {
      what: 'one finished nine minutes before, while scrapes were missed',
      series: [growing, finished('complete', '7 19:_ 21:8')],
      fires: { 44: {}, 52: {} },
    },
    { what: 'one finished soon after it began', series: [growing, finished('complete', '7 32:8')], fires: { 52: {} } },
    {
      what: 'jobs finish, and one replica is behind',
      series: [growing, ...differing((steps) => finished('complete', steps), '7 22:+1', '7')],
    },
    { what: 'grew once', series: [depth('3 28:9')], fires: { 34: {}, 35: {} } },
    { what: 'grew once, 9 minutes before', series: [depth('3 35:9')], fires: { 44: {} } },
    { what: 'stays the same, with new jobs', series: [depth('3'), enqueued('5 29:+0.2')], fires: { ...yes, 52: {} } },
    {
      what: 'stays the same, with a new job long ago',
      series: [depth('3'), enqueued('5 28:6')],
      fires: { 34: {}, 35: {} },
    },
    { what: 'stays the same, without new jobs', series: [depth('3'), enqueued('5')] },
    { what: 'one job stays, with new jobs', series: [depth('1'), enqueued('5 29:+0.2')], fires: { ...yes, 52: {} } },
    {
      what: 'stays the same, without new jobs, and another queue has some',
      series: [depth('3'), enqueued('5'), depth('0', 'due', 'mail'), enqueued('5 29:+0.2', 'mail')],
    },
    {
      what: 'stays the same, with new jobs, and one replica knows of none due',
      series: [...differing(depth, '3', '0'), enqueued('5 29:+0.2')],
      fires: { ...yes, 52: {} },
    },
    {
      what: 'stays the same, with new jobs, and one replica learns late of fewer',
      series: [...differing(depth, '3', '5 33:3'), enqueued('5 29:+0.2')],
      fires: { 52: {} },
    },
    {
      what: 'stays the same, with new jobs, which one replica has not seen',
      series: [depth('3'), ...differing(enqueued, '5 29:+0.2', '5')],
      fires: { ...yes, 52: {} },
    },
    // 10 minutes after it shrank it counts as the same.
    { what: 'shrank once, with new jobs', series: [depth('9 25:6'), enqueued('5 10:+1')], fires: { 44: {}, 52: {} } },
    {
      what: 'stays the same, with new jobs that finish',
      series: [depth('3'), enqueued('5 10:+0.5'), finished('complete', '5 10:+0.5')],
    },
    { what: 'empty, with new jobs', series: [depth('0'), enqueued('5 30:+1')] },
    {
      what: 'empty, with new jobs and deferred ones',
      series: [depth('0'), depth('3', 'deferred'), enqueued('5 30:+1')],
    },
    { what: 'shrinks', series: [depth('90 10:-1'), enqueued('5 30:+1')] },
    {
      what: 'shrinks, and the deferred stay the same',
      series: [depth('90 10:-1'), depth('3', 'deferred'), enqueued('5 30:+1')],
    },
    {
      what: 'shrinks, and another queue stays the same',
      series: [depth('90 10:-1'), depth('0', 'due', 'mail'), enqueued('5 30:+1')],
    },
    { what: 'the deferred grow', series: [depth('0'), depth('3 30:+1', 'deferred'), depth('3 30:+1', 'in_progress')] },
    // Of ten minutes before nothing is known until 40.
    { what: 'a queue that is there since 30', series: [depth('_ 30:3 31:+1')], fires: { 52: {} } },
    {
      what: 'grows while one replica takes over from another',
      series: differing(depth, '3 29:+1 33:_', '_ 33:7 34:+1'),
      fires: { ...yes, 52: {} },
    },
    {
      what: 'grows, and nobody knows what was due for ten minutes',
      series: [depth('3 16:_ 27:4 30:+1'), finished('complete', '7 16:_ 27:9')],
      fires: { 44: {}, 52: {} },
    },
    {
      what: 'grows, and the scrape of ten minutes before was missed',
      series: [depth('3 22:_ 23:3 29:+1')],
      fires: { ...yes, 52: {} },
    },
    { what: 'gone', series: [depth('3 30:+1 33:_')] },
    { what: 'nothing', series: [] },
    { what: 'catches up', series: [growing, catching('1')] },
    { what: 'has caught up within the window', series: [growing, catching('1 32:0')], fires: { 52: {} } },
    { what: 'caught up before the window', series: [growing, catching('1 18:0')], fires: { ...yes, 52: {} } },
  ],
};

/** More than a day of 5-minute samples: 12 jobs an hour, each waiting 2 s; from minute 1980 on as each case says. */
const DAY = 1980;
const bucket = (le: string, steps: string) =>
  `fleet_queue_wait_seconds_bucket{source="$",queue="agents",le="${le}"} ${steps}`;
const waits = (slow: number) => [
  bucket('5', `0 0:+0.2 ${DAY}:+${(0.2 * (1 - slow)).toFixed(3)}`),
  bucket('60', `0 0:+0.2 ${DAY}:+${(0.2 * (1 - slow)).toFixed(3)}`),
  bucket('120', '0 0:+0.2'),
  bucket('+Inf', '0 0:+0.2'),
];
const slowBetween = (from: number, to: number) => [
  bucket('60', `0 0:+0.2 ${DAY + from}:+0.1 ${DAY + to}:+0.2`),
  bucket('120', '0 0:+0.2'),
  bucket('+Inf', '0 0:+0.2'),
];
/** From the last day on, in the first 5 minutes of each quarter of an hour so many a minute, and in the other 10 so many. */
const byQuarters = (first: number, rest: number) =>
  Array.from({ length: 6 }, (_, i) => `${DAY + 15 * i}:+${first} ${DAY + 15 * i + 5}:+${rest}`).join(' ');
const usual = enqueued('0 0:+0.2');
const high = { [DAY + 30]: {}, [DAY + 90]: {} };
const waitCases: readonly Case[] = [
  { what: 'slow, and no more jobs than usual', series: [...waits(0.5), usual], fires: high },
  { what: 'slow, and nothing is known of new jobs', series: waits(0.5), fires: high },
  {
    what: 'slow, of a queue that is new',
    series: [
      bucket('60', `_ ${DAY + 5}:+0.1`),
      bucket('120', `_ ${DAY + 5}:+0.2`),
      bucket('+Inf', `_ ${DAY + 5}:+0.2`),
    ],
    fires: high,
  },
  { what: '2% are slow', series: [...waits(0.02), usual] },
  { what: '7% are slow', series: [...waits(0.07), usual], fires: high },
  { what: 'as ever', series: [...waits(0), usual] },
  { what: 'slow, with twice the jobs', series: [...waits(0.5), enqueued(`0 0:+0.2 ${DAY - 15}:+0.4`)] },
  // 21% more. A mean up to now would have risen with it, and call it usual.
  { what: 'slow, with a fifth more jobs', series: [...waits(0.5), enqueued(`0 0:+0.2 ${DAY - 15}:+0.242`)] },
  {
    what: 'slow, with a tenth more jobs',
    series: [...waits(0.5), enqueued(`0 0:+0.2 ${DAY - 15}:+0.22`)],
    fires: high,
  },
  // The day's mean is of 1 day: what was before it does not count, what was at its beginning does.
  {
    what: 'slow, with half again the jobs, and many more before the day',
    series: [...waits(0.5), enqueued(`0 0:+2 240:+0.2 ${DAY - 15}:+0.3`)],
  },
  {
    what: 'slow, with half again the jobs, as at the beginning of the day',
    series: [...waits(0.5), enqueued(`0 0:+0.2 600:+1 840:+0.2 ${DAY - 15}:+0.3`)],
    fires: high,
  },
  { what: 'slow, with fewer jobs', series: [...waits(0.5), enqueued(`0 0:+0.2 ${DAY - 15}:+0.05`)], fires: high },
  {
    what: 'slow, and another queue has twice the jobs',
    series: [...waits(0.5), usual, enqueued(`0 0:+0.2 ${DAY - 15}:+0.4`, 'mail')],
    fires: high,
  },
  {
    what: 'slow for 5 minutes',
    series: [
      bucket('60', `0 0:+0.2 ${DAY}:+0 ${DAY + 5}:+0.2`),
      bucket('120', '0 0:+0.2'),
      bucket('+Inf', '0 0:+0.2'),
      usual,
    ],
  },
  // Where it hovers at its edge, it is one alert and not two.
  { what: 'slow until 25 minutes ago', series: [...slowBetween(30, 65), usual], fires: { [DAY + 90]: {} } },
  { what: 'slow until 40 minutes ago', series: [...slowBetween(20, 50), usual] },
  {
    what: 'slow for 5 minutes of each quarter',
    series: [
      bucket('60', `0 0:+0.2 ${byQuarters(0, 0.2)}`),
      bucket('120', '0 0:+0.2'),
      bucket('+Inf', '0 0:+0.2'),
      usual,
    ],
    fires: high,
  },
  {
    what: 'slow, with twice the jobs, all in the first 5 minutes of each quarter',
    series: [...waits(0.5), enqueued(`0 0:+0.2 ${byQuarters(1.2, 0)}`)],
  },
  {
    what: 'slow, with twice the jobs a quarter of an hour before',
    series: [...waits(0.5), enqueued(`0 0:+0.2 ${DAY - 15}:+0.4 ${DAY}:+0.2`)],
    fires: high,
  },
  { what: 'idle', series: [bucket('60', '40'), bucket('120', '90'), bucket('+Inf', '90'), enqueued('90')] },
  { what: 'nothing', series: [] },
  { what: 'catches up', series: [...waits(0.5), usual, catching('1')] },
  {
    what: 'caught up within the window',
    series: [...waits(0.5), usual, catching(`1 ${DAY + 10}:0`)],
    fires: { [DAY + 90]: {} },
  },
  { what: 'caught up before', series: [...waits(0.5), usual, catching(`1 ${DAY - 5}:0`)], fires: high },
];
const waitHigh: Scene = {
  alert: 'FleetQueueWaitHigh',
  labels: { queue: 'agents' },
  at: [DAY + 15, DAY + 30, DAY + 90],
  sampleSeconds: 300,
  cases: waitCases,
};

export const QUEUE_SCENES: readonly Scene[] = [
  backlog,
  restartScene({
    alert: 'FleetQueueBacklogNotConsumed',
    labels: { job: 'fleetlens', queue: 'agents', state: 'due' },
    series: [depth('3 0:+1'), enqueued('5 0:+1')],
    firesAt: 30,
  }),
];
export const QUEUE_DAY_SCENES: readonly Scene[] = [waitHigh];
