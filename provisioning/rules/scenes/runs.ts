import { ageScenes } from './ageScene.ts';
import { restartScene } from './restartScene.ts';
import type { Scene } from './scene.ts';
import { windowScene } from './windowScene.ts';

const finished = (status: string, steps: string, project = 'web') =>
  `fleet_runs_finished_total{source="$",project="${project}",workflow="fix",persona="dev",status="${status}"} ${steps}`;
const catching = (steps: string) => `fleetlens_source_catching_up{source="$"} ${steps}`;
const both = (project: string) => [{ scope: 'source' }, { scope: 'project', project }];

const failureRate: Scene = {
  alert: 'FleetRunFailureRateHigh',
  // 42 is within the window of what happened from 30 on; from 46 on it is older; 10 minutes later nothing fires any more.
  at: [29, 42, 53, 67],
  secondFrom: 31,
  cases: [
    {
      what: '2 of 12 fail',
      series: [finished('succeeded', '0 30:5 40:10'), finished('failed', '0 31:2')],
      fires: { 42: both('web'), 53: both('web') },
    },
    {
      what: '1 fails and 1 times out, of 12',
      series: [finished('succeeded', '0 30:5 40:10'), finished('failed', '0 31:1'), finished('timed_out', '0 31:1')],
      fires: { 42: both('web'), 53: both('web') },
    },
    {
      what: '2 of 10 fail, most of them ended while scrapes were missed',
      series: [finished('succeeded', '0 26:_ 29:8'), finished('failed', '0 40:2')],
      fires: { 42: both('web'), 53: both('web') },
    },
    { what: '1 of 12 fails', series: [finished('succeeded', '0 30:11'), finished('failed', '0 31:1')] },
    { what: '1 of 12 fails, later', series: [finished('succeeded', '0 30:11'), finished('failed', '0 36:1')] },
    {
      what: '1 of 10, which is not above 10%',
      series: [finished('succeeded', '0 30:9'), finished('failed', '0 31:1')],
    },
    { what: '1 of 3 fails at night', series: [finished('succeeded', '0 30:2'), finished('failed', '0 31:1')] },
    {
      what: '1 of 5: enough of a source, too few of a project',
      series: [finished('succeeded', '0 31:4'), finished('failed', '0 40:1')],
      fires: { 42: { scope: 'source' }, 53: { scope: 'source' } },
    },
    { what: '1 of 4: too few', series: [finished('succeeded', '0 31:3'), finished('failed', '0 40:1')] },
    {
      what: '2 of 9: too few of a project',
      series: [finished('succeeded', '0 31:7'), finished('failed', '0 40:2')],
      fires: { 42: { scope: 'source' }, 53: { scope: 'source' } },
    },
    {
      what: 'one project fails, the source as a whole hardly',
      series: [finished('succeeded', '0 31:8'), finished('failed', '0 40:2'), finished('succeeded', '0 31:30', 'app')],
      fires: { 42: { scope: 'project', project: 'web' }, 53: { scope: 'project', project: 'web' } },
    },
    {
      what: 'one project fails with too few runs, another has enough',
      series: [finished('succeeded', '0 31:4'), finished('failed', '0 40:1'), finished('succeeded', '0 31:40', 'app')],
    },
    {
      what: 'two projects make one source',
      series: [
        finished('succeeded', '0 31:3'),
        finished('succeeded', '0 31:3', 'app'),
        finished('failed', '0 40:1'),
        finished('failed', '0 40:1', 'app'),
      ],
      fires: { 42: { scope: 'source' }, 53: { scope: 'source' } },
    },
    {
      what: 'many succeeded before the window',
      series: [finished('succeeded', '0 20:40 31:48'), finished('failed', '0 35:2')],
      fires: { 42: both('web'), 53: both('web') },
    },
    {
      what: 'some failed before the window',
      series: [finished('succeeded', '0 20:60 37:100'), finished('failed', '0 20:5')],
    },
    {
      what: 'all time out',
      series: [finished('timed_out', '0 31:12')],
      fires: { 42: both('web'), 53: both('web') },
    },
    { what: '12 of 200 fail', series: [finished('succeeded', '0 31:188'), finished('failed', '0 31:12')] },
    { what: 'cancelled is no failure', series: [finished('succeeded', '0 31:10'), finished('cancelled', '0 31:10')] },
    {
      what: 'cancelled does not hide failures',
      series: [finished('succeeded', '0 31:8'), finished('failed', '0 40:2'), finished('cancelled', '0 31:50')],
      fires: { 42: both('web'), 53: both('web') },
    },
    { what: 'idle: 0 of 0', series: [finished('succeeded', '40'), finished('failed', '7')] },
    { what: 'no failure yet: no such series', series: [finished('succeeded', '0 31:30')] },
    {
      what: 'the first failures are a new series',
      series: [finished('succeeded', '0 31:10'), finished('failed', '_ 38:0 39:2')],
      fires: { 42: both('web'), 53: both('web') },
    },
    {
      // After 46 it is further back than the window; 10 minutes more.
      what: 'the first failures are a new series, a while ago',
      series: [finished('succeeded', '0 31:10'), finished('failed', '_ 31:0 32:2')],
      fires: { 42: both('web'), 53: both('web') },
    },
    {
      what: 'everything fails',
      series: [finished('failed', '0 30:5 39:12')],
      fires: { 42: both('web'), 53: both('web') },
    },
    { what: 'no runs at all', series: [] },
    { what: 'stopped long ago', series: [finished('succeeded', '0 10:_'), finished('failed', '0 3:9 10:_')] },
    { what: 'catches up', series: [finished('failed', '0 39:12'), catching('1')] },
    {
      what: 'caught up just now',
      series: [finished('failed', '0 39:12'), catching('1 30:0')],
      fires: { 53: both('web') },
    },
    {
      what: 'caught up before',
      series: [finished('succeeded', '0 30:5 40:10'), finished('failed', '0 31:2'), catching('1 22:0')],
      fires: { 42: both('web'), 53: both('web') },
    },
  ],
};

const BOTH = [{ long: '1h' }, { long: '6h' }];
const SLOW = { long: '6h' };
const fast = { 370: BOTH, 375: BOTH };
const slow = { 370: SLOW, 375: SLOW };

/** 72% and 30% are what burns 14.4 and 6 times as fast as 95% allow. */
const errorBudgetBurn: Scene = {
  alert: 'FleetRunErrorBudgetBurn',
  at: [370, 375],
  sampleSeconds: 150,
  secondFrom: 340,
  cases: [
    {
      what: 'four of five, and it goes on',
      series: [finished('failed', '0 300:+0.8'), finished('succeeded', '0 300:+0.2')],
      fires: fast,
    },
    {
      what: 'two of three, and it goes on',
      series: [finished('failed', '0 300:+0.66'), finished('succeeded', '0 300:+0.34')],
      fires: slow,
    },
    { what: 'all time out', series: [finished('timed_out', '0 300:+1')], fires: fast },
    { what: 'one of four', series: [finished('failed', '0 300:+0.25'), finished('succeeded', '0 300:+0.75')] },
    {
      what: 'two of three, for 100 minutes of six good hours',
      series: [finished('succeeded', '0 10:+1 270:+0.34'), finished('failed', '0 270:+0.66')],
    },
    {
      what: 'many failed more than six hours ago',
      series: [finished('failed', '0 0:+12.5 8:+0.28'), finished('succeeded', '0 8:+0.72')],
    },
    {
      what: 'all failed more than an hour ago, then three of five',
      series: [finished('failed', '0 250:+1 310:+0.6'), finished('succeeded', '0 310:+0.4')],
      fires: slow,
    },
    {
      what: 'all fail, for less than half an hour of good ones',
      series: [finished('succeeded', '0 10:+1 345:+0'), finished('failed', '0 345:+1')],
    },
    {
      what: 'works again since 55 minutes',
      series: [finished('failed', '0 100:+1 315:+0'), finished('succeeded', '0 315:+1')],
    },
    {
      what: 'works again since 12 minutes, after many failures',
      series: [finished('failed', '0 100:+10 358:+0'), finished('succeeded', '0 358:+1')],
      fires: slow,
    },
    {
      what: 'works again since 12 minutes',
      series: [finished('failed', '0 100:+1 362:+0'), finished('succeeded', '0 362:+1')],
      fires: slow,
    },
    {
      what: 'nothing runs any more',
      series: [finished('failed', '0 100:+1 305:+0'), finished('succeeded', '0')],
    },
    {
      what: 'all fail, after a good half hour after a bad hour',
      series: [finished('failed', '0 250:+1 310:+0 345:+1'), finished('succeeded', '0 310:+1 345:+0')],
      fires: slow,
    },
    {
      what: 'all fail for half an hour, and some hours ago',
      series: [finished('failed', '0 30:+1 180:+0 340:+1'), finished('succeeded', '0 180:+1 340:+0')],
      fires: slow,
    },
    {
      what: 'two of five, and it goes on',
      series: [finished('failed', '0 300:+0.4'), finished('succeeded', '0 300:+0.6')],
      fires: slow,
    },
    {
      what: 'it was worse until 70 minutes ago',
      series: [finished('failed', '0 100:+0.6 300:+0.2'), finished('succeeded', '0 100:+0.4 300:+0.8')],
    },
    {
      what: 'half of them work since 11 minutes',
      series: [finished('failed', '0 300:+10 359:+5'), finished('succeeded', '0 359:+5')],
      fires: slow,
    },
    {
      what: 'twelve fail at once, of a series that began then',
      series: [finished('failed', '_ 347.5:0 350:12')],
      fires: slow,
    },
    {
      what: 'all fail since a quarter of an hour; many worked before, of a series that began then',
      series: [finished('succeeded', '_ 325:0 327.5:100'), finished('failed', '0 355:+1')],
    },
    { what: 'nine in all', series: [finished('failed', '0 340:3 350:5 369:9')] },
    // Three in each of the last two times 5 minutes. Those of 310 are within the hour at 365, and no more at 370: it goes on firing for 5.
    {
      what: 'ten in an hour',
      series: [finished('failed', '0 310:3 340:7 365:10 370:13')],
      fires: { 370: { long: '1h' }, 375: { long: '1h' } },
    },
    { what: 'nine in an hour', series: [finished('failed', '0 310:2 340:5 365:8 370:11')] },
    {
      what: 'ten in six hours, three of them in half an hour',
      series: [finished('failed', '0 200:7 345:10')],
      fires: slow,
    },
    {
      what: 'two in five minutes',
      series: [finished('failed', '0 320:2 330:5 340:8 349:11 362.5:13 367.5:15')],
      fires: slow,
    },
    { what: 'two in half an hour', series: [finished('failed', '0 200:10 345:12')] },
    { what: 'cancelled', series: [finished('cancelled', '0 300:+1'), finished('succeeded', '0 300:+1')] },
    {
      what: 'cancelled beside failures',
      series: [finished('cancelled', '0 300:+9'), finished('failed', '0 300:+1')],
      fires: fast,
    },
    { what: 'no failures yet: no such series', series: [finished('succeeded', '0 300:+1')] },
    { what: 'nothing', series: [] },
    { what: 'catches up', series: [finished('failed', '0 300:+1'), catching('1')] },
    { what: 'caught up 50 minutes ago', series: [finished('failed', '0 300:+1'), catching('1 320:0')] },
    {
      what: 'caught up 95 minutes ago',
      series: [finished('failed', '0 300:+1'), catching('1 275:0')],
      fires: fast,
    },
    {
      what: 'of two projects together',
      series: [
        finished('failed', '0 300:+0.5'),
        finished('succeeded', '0 300:+0.1'),
        finished('failed', '0 300:+0.3', 'app'),
        finished('succeeded', '0 300:+0.1', 'app'),
      ],
      fires: fast,
    },
  ],
};

const errorBudgetOfSixHours: Scene = {
  alert: 'FleetRunErrorBudgetBurn',
  at: [390],
  sampleSeconds: 150,
  cases: [
    {
      what: 'many succeeded more than six hours ago',
      series: [finished('succeeded', '0 0:+50 5:+0 300:+0.2'), finished('failed', '0 300:+0.8')],
      fires: { 390: BOTH },
    },
    {
      what: 'many failed more than six hours ago, and all since half an hour',
      series: [finished('failed', '0 0:+30 12.5:+0 360:+1'), finished('succeeded', '0 30:+1 360:+0')],
    },
    {
      what: 'one of four; many of long ago failed, which it read hours ago',
      series: [finished('succeeded', '0 0:+0.5'), finished('failed', '0 200:400 355:+0.5'), catching('0 200:1 205:0')],
    },
    {
      // The second half of them with the scrape that says that it has caught up.
      what: 'one of four; many of long ago failed, which it read five hours ago',
      series: [
        finished('succeeded', '0 0:+0.5'),
        finished('failed', '0 60:200 65:400 355:+0.5'),
        catching('0 60:1 65:0'),
      ],
    },
    {
      what: 'more than half fail since 45 minutes; many of long ago succeeded, which it read more than six hours ago',
      series: [
        finished('succeeded', '0 5:100 10:+0.4 345:+0.1'),
        finished('failed', '0 10:+0.05 345:+0.3'),
        catching('0 5:1 10:0'),
      ],
    },
    {
      what: 'four of five; many of long ago succeeded, which it read hours ago',
      series: [
        finished('succeeded', '0 0:+0.2 200:1000 205:+0.2'),
        finished('failed', '0 250:+0.8'),
        catching('0 200:1 205:0'),
      ],
      fires: { 390: BOTH },
    },
    {
      what: 'one of four; its first failures ever are of long ago',
      series: [
        finished('succeeded', '0 0:+0.5'),
        finished('failed', '_ 197.5:0 200:400 355:+0.5'),
        catching('0 200:1 205:0'),
      ],
    },
    {
      what: 'four of five; its first successes ever are of long ago',
      series: [
        finished('succeeded', '_ 197.5:0 200:1000 205:+0.2'),
        finished('failed', '0 250:+0.8'),
        catching('0 200:1 205:0'),
      ],
      fires: { 390: BOTH },
    },
    {
      what: 'four of five, and it catches up',
      series: [finished('succeeded', '0 0:+0.2'), finished('failed', '0 0:+0.8'), catching('0 335:1 340:0')],
    },
    {
      what: 'one of five, and two of five for an hour',
      series: [finished('failed', '0 0:+0.2 330:+0.4'), finished('succeeded', '0 0:+0.8 330:+0.6')],
    },
  ],
};

const errorBudgetBegins: Scene = {
  alert: 'FleetRunErrorBudgetBurn',
  at: [31, 32, 44, 45],
  cases: [
    {
      what: 'twenty at once',
      series: [finished('failed', '0 30:20')],
      fires: { 32: { long: '1h' }, 45: { long: '6h' } },
    },
  ],
};

const runOf = { project: 'web', workflow: 'fix' };
const asked = (steps: string, workflow = 'fix') =>
  `fleet_approval_oldest_pending_timestamp_seconds{source="$",project="web",workflow="${workflow}"} ${steps}`;
const sla = (steps: string, workflow = 'fix') =>
  `fleet_approval_sla_seconds{source="$",project="web",workflow="${workflow}"} ${steps}`;

const ON_FIRST = 'job="fleetlens",instance="exporter-1:9960",';
const ON_SECOND = 'job="fleetlens",instance="exporter-2:9960",';

const approvals: Scene = {
  alert: 'FleetApprovalSlaBreached',
  at: [61, 62],
  labels: runOf,
  cases: [
    // Asked for at half a minute; with an SLA of one hour it is late from minute 60.5 on, and fires a minute after 61.
    { what: 'older than its SLA', series: [asked('30'), sla('3600')], fires: { 62: {} } },
    { what: 'younger than its SLA', series: [asked('150'), sla('3600')] },
    { what: 'no SLA', series: [asked('30')] },
    { what: 'none pending', series: [sla('3600')] },
    { what: 'decided in time', series: [asked('30 60:_'), sla('3600')] },
    { what: 'another workflow has the short SLA', series: [asked('30'), sla('7200'), sla('60', 'deploy')] },
    { what: 'the SLA was made shorter', series: [asked('30'), sla('7200 61:60')], fires: { 62: {} } },
    {
      what: 'decided, which one replica has not seen yet',
      series: [asked('150').replace('{', `{${ON_FIRST}`), asked('30').replace('{', `{${ON_SECOND}`), sla('3600')],
    },
    {
      what: 'the SLA was made longer, which one replica has not seen yet',
      series: [asked('30'), sla('7200').replace('{', `{${ON_FIRST}`), sla('60').replace('{', `{${ON_SECOND}`)],
    },
    { what: 'catches up: it is about now', series: [asked('30'), sla('3600'), catching('1')], fires: { 62: {} } },
  ],
};

const CATEGORIES = ['template_not_found', 'timeout', 'git_push', 'rate_limit'];
const failed = (category: string) =>
  `fleet_run_errors_total{source="$",project="web",surface="run",category="${category}"} 0 30:1 45:2 70:3`;

export const FAILURE_SCENES: readonly Scene[] = [failureRate, errorBudgetBegins];
export const FAILURE_LONG_SCENES: readonly Scene[] = [errorBudgetBurn, errorBudgetOfSixHours];

export const RUN_SCENES: readonly Scene[] = [
  ...ageScenes({
    alert: 'FleetRunStuck',
    family: 'fleet_run_oldest_timestamp_seconds',
    labels: { ...runOf, status: 'running' },
    others: [{ status: 'queued' }, { status: 'waiting' }],
    age: 7200,
    for: '1m',
  }),
  ...ageScenes({
    alert: 'FleetFailedRunUnattended',
    family: 'fleet_run_oldest_unresolved_failure_timestamp_seconds',
    labels: runOf,
    age: 300,
  }),
  {
    alert: 'FleetFailedRunUnattended',
    labels: { job: 'fleetlens', ...runOf },
    sampleSeconds: 70,
    at: [6, 7],
    cases: [
      {
        // 295 s old when it was seen last, 305 s at minute 6; the next scrape, at 7, shows that it is mended.
        what: 'mended just in time, after a scrape',
        series: [
          'fleet_run_oldest_unresolved_failure_timestamp_seconds{source="$",project="web",workflow="fix"} 55 7:_',
        ],
      },
      {
        what: 'not mended',
        series: ['fleet_run_oldest_unresolved_failure_timestamp_seconds{source="$",project="web",workflow="fix"} 55'],
        fires: { 7: {} },
      },
    ],
  },
  approvals,
  restartScene({
    alert: 'FleetApprovalSlaBreached',
    labels: runOf,
    series: [asked('30'), sla('60')],
    firesAt: 10,
  }),
  windowScene({
    alert: 'FleetFailurePattern',
    family: 'fleet_run_errors_total',
    labels: { project: 'web', surface: 'run', category: 'api_key' },
    by: ['project', 'category'],
    others: [
      { surface: 'step' },
      { surface: 'sandbox' },
      { surface: 'pr' },
      { surface: 'learning_extraction' },
      { category: 'network' },
      { category: 'validation' },
      { category: 'out_of_memory' },
      { category: 'other' },
    ],
    enough: '0 30:1 45:2 70:3',
    tooFew: '0 30:1 70:2',
    at: 70,
    past: [100],
    catchUp: 60,
    more: CATEGORIES.map((category) => ({
      what: `configuration: ${category}`,
      series: [failed(category)],
      fires: { 70: { project: 'web', category } },
    })),
  }),
  windowScene({
    alert: 'FleetArtifactsMissing',
    family: 'fleet_run_artifacts_missing_total',
    labels: { project: 'web' },
    by: ['project'],
    enough: '0 45:1 58:2 65:3',
    tooFew: '0 45:1 65:2',
    at: 65,
    past: [80],
    catchUp: 30,
  }),
];
