import { ageScenes } from './ageScene.ts';
import { restartScene } from './restartScene.ts';
import type { Scene } from './scene.ts';
import { windowScene } from './windowScene.ts';

const of = (family: string, steps: string, more = '', workflow = 'fix', project = 'web') =>
  `${family}{source="$",project="${project}",workflow="${workflow}"${more}} ${steps}`;
const baseline = (steps: string) => of('fleet_quality_baseline_score', steps);
/** Runs with these composite scores, one at each of the minutes 120, 140, 160 … */
const scores = (...values: readonly number[]) => scoresAt(values.map((value, i) => [120 + 20 * i, value]));
const scoresAt = (runs: readonly (readonly [minute: number, score: number])[]) => {
  const steps = (grow: (value: number) => number) => {
    let total = 0;
    const rises = runs.map(([minute, value]) => {
      total += grow(value);
      return `${minute}:${total}`;
    });
    return ['0', ...rises].join(' ');
  };
  return [
    of(
      'fleet_quality_score_sum',
      steps((v) => v),
    ),
    of(
      'fleet_quality_score_count',
      steps(() => 1),
    ),
  ];
};
const catching = (steps: string) => `fleetlens_source_catching_up{source="$"} ${steps}`;
const PLACE = { project: 'web', workflow: 'fix' };

/** Three runs until minute 160 hold from there on; it fires 30 minutes later. At 465 all are within 6 hours, at 510 one is left. */
const drop: Scene = {
  sampleSeconds: 300,
  alert: 'FleetQualityDrop',
  labels: PLACE,
  at: [185, 190, 465, 510],
  secondFrom: 130,
  cases: [
    { what: '12 points lower', series: [baseline('80'), ...scores(68, 67, 69)], fires: { 190: {}, 465: {} } },
    { what: 'no points at all', series: [baseline('80'), ...scores(0, 0, 0)], fires: { 190: {}, 465: {} } },
    { what: '10 points lower, no more', series: [baseline('80'), ...scores(70, 70, 70)] },
    { what: '8 points lower', series: [baseline('80'), ...scores(72, 72, 72)] },
    { what: 'better', series: [baseline('60'), ...scores(80, 80, 80)] },
    { what: 'two runs', series: [baseline('80'), ...scores(40, 40)] },
    {
      what: 'two runs, and many of another workflow',
      series: [baseline('80'), ...scores(40, 40), of('fleet_quality_score_count', '0 120:9', '', 'deploy')],
    },
    {
      what: 'two runs, and many of another project',
      series: [baseline('80'), ...scores(40, 40), of('fleet_quality_score_count', '0 120:9', '', 'fix', 'app')],
    },
    {
      what: '12 points lower, and one replica has an older baseline',
      series: [
        of('fleet_quality_baseline_score', '80', ',job="fleetlens",instance="exporter-1:9960"'),
        of('fleet_quality_baseline_score', '70', ',job="fleetlens",instance="exporter-2:9960"'),
        ...scores(68, 67, 69),
      ],
      fires: { 190: {}, 465: {} },
    },
    { what: 'no baseline yet', series: scores(10, 10, 10) },
    { what: 'no runs', series: [baseline('80')] },
    {
      what: 'runs of yesterday',
      series: [baseline('80'), of('fleet_quality_score_sum', '120'), of('fleet_quality_score_count', '3')],
    },
    {
      what: 'the baseline is of another workflow',
      series: [of('fleet_quality_baseline_score', '80', '', 'deploy'), ...scores(40, 40, 40)],
    },
    { what: 'pinned lower in time', series: [baseline('80 180:70'), ...scores(68, 68, 68)] },
    {
      what: 'a new series',
      series: [
        baseline('80'),
        of('fleet_quality_score_sum', '_ 115:0 120:60 140:120 160:180'),
        of('fleet_quality_score_count', '_ 115:0 120:1 140:2 160:3'),
      ],
      fires: { 190: {}, 465: {} },
    },
    { what: 'catches up', series: [baseline('80'), ...scores(60, 60, 60), catching('1')] },
    {
      what: '2 points lower; better ones of long ago, which it read more than six hours before',
      series: [
        baseline('80'),
        of('fleet_quality_score_sum', '0 60:300 120:378 140:456 160:534'),
        of('fleet_quality_score_count', '0 60:3 120:4 140:5 160:6'),
        catching('0 60:1 65:0'),
      ],
    },
    // What it reads while it catches up happened before: it counts neither then nor later. It waits for an hour besides.
    {
      what: 'three since it caught up',
      series: [baseline('80'), ...scores(60, 60, 60, 60), catching('1 130:0')],
      fires: { 465: {} },
    },
    { what: 'two since it caught up', series: [baseline('80'), ...scores(10, 60, 60), catching('1 130:0')] },
    {
      what: 'good ones since it caught up',
      series: [baseline('80'), ...scores(5, 80, 80, 80), catching('1 130:0')],
    },
    {
      what: 'good ones since, and its first one ever was before',
      series: [
        baseline('80'),
        of('fleet_quality_score_sum', '_ 130:0 140:60 160:140 180:220 200:300'),
        of('fleet_quality_score_count', '_ 130:0 140:1 160:2 180:3 200:4'),
        catching('1 145:0'),
      ],
    },
    {
      what: 'bad ones since, and its first one ever was before',
      series: [
        baseline('80'),
        of('fleet_quality_score_sum', '_ 130:0 140:100 160:165 180:230 200:295'),
        of('fleet_quality_score_count', '_ 130:0 140:1 160:2 180:3 200:4'),
        catching('1 145:0'),
      ],
      fires: { 465: {}, 510: {} },
    },
    // Held back until 185, as what comes late is not all there yet.
    {
      what: 'three in the minutes after it caught up',
      series: [
        baseline('80'),
        ...scoresAt([
          [135, 60],
          [140, 60],
          [145, 60],
        ]),
        catching('1 130:0'),
      ],
      fires: { 465: {} },
    },
    {
      what: 'caught up 80 minutes ago',
      series: [baseline('80'), ...scores(60, 60, 60), catching('1 80:0')],
      fires: { 190: {}, 465: {} },
    },
  ],
};

const result = (value: 'met' | 'missed', steps: string) =>
  of('fleet_quality_threshold_results_total', steps, `,result="${value}"`);

const missed: Scene = {
  sampleSeconds: 300,
  alert: 'FleetQualityThresholdMissed',
  labels: PLACE,
  at: [185, 190, 465, 510],
  secondFrom: 130,
  cases: [
    {
      what: 'two of three',
      series: [result('met', '0 160:1'), result('missed', '0 120:1 140:2')],
      fires: { 190: {}, 465: {} },
    },
    { what: 'half of them', series: [result('met', '0 120:2'), result('missed', '0 160:2')] },
    { what: 'all, but two', series: [result('met', '0'), result('missed', '0 120:1 160:2')] },
    { what: 'none', series: [result('met', '0 120:4'), result('missed', '0')] },
    {
      what: 'all, and none met ever: no such series',
      series: [result('missed', '0 120:1 140:2 160:3')],
      fires: { 190: {}, 465: {} },
    },
    { what: 'none missed ever: no such series', series: [result('met', '0 120:3')] },
    { what: 'idle', series: [result('met', '9'), result('missed', '50')] },
    { what: 'catches up', series: [result('missed', '0 120:1 140:2 160:3'), catching('1')] },
    {
      what: 'two of five; two met of long ago, which it read more than six hours before',
      series: [result('met', '0 60:2 120:5'), result('missed', '0 120:1 140:2'), catching('0 60:1 65:0')],
    },
    {
      what: 'all; as many of long ago, which it read more than six hours before',
      series: [result('missed', '0 60:3 120:4 140:5 160:6'), catching('0 60:1 65:0')],
      fires: { 190: {}, 465: {} },
    },
    {
      what: 'three since it caught up',
      series: [result('missed', '0 120:1 140:2 160:3 180:4'), catching('1 130:0')],
      fires: { 465: {} },
    },
    { what: 'two since it caught up', series: [result('missed', '0 120:9 140:10 160:11'), catching('1 130:0')] },
    {
      what: 'half since it caught up',
      series: [result('missed', '0 120:9 140:10'), result('met', '0 150:1 160:2'), catching('1 130:0')],
    },
    {
      what: 'three in the minutes after it caught up',
      series: [result('missed', '0 135:1 140:2 145:3'), catching('1 130:0')],
      fires: { 465: {} },
    },
    {
      what: 'caught up 80 minutes ago',
      series: [result('missed', '0 120:1 140:2 160:3'), catching('1 80:0')],
      fires: { 190: {}, 465: {} },
    },
    {
      what: 'spread over two workflows',
      series: [
        result('missed', '0 120:1 160:2'),
        of('fleet_quality_threshold_results_total', '0 120:1 160:2', ',result="missed"', 'deploy'),
      ],
    },
    {
      what: 'two, and another workflow has many results',
      series: [
        result('missed', '0 120:1 160:2'),
        of('fleet_quality_threshold_results_total', '0 120:9', ',result="met"', 'deploy'),
      ],
    },
    {
      what: 'two, and another project has many results',
      series: [
        result('missed', '0 120:1 160:2'),
        of('fleet_quality_threshold_results_total', '0 120:9', ',result="met"', 'fix', 'app'),
      ],
    },
  ],
};

/**
 * History that is read at 132, a minute after its series began and before the second replica started, and at 137, a minute before the
 * source has caught up: none of it counts later, and neither is more taken off than that.
 */
const dropHistory: Scene = {
  sampleSeconds: 60,
  alert: 'FleetQualityDrop',
  labels: PLACE,
  at: [465],
  secondFrom: 133,
  cases: [
    {
      what: 'bad ones since, good ones in history',
      series: [
        baseline('80'),
        of('fleet_quality_score_sum', '_ 131:0 132:100 137:200 150:260 160:320 180:380'),
        of('fleet_quality_score_count', '_ 131:0 132:1 137:2 150:3 160:4 180:5'),
        catching('1 138:0'),
      ],
      fires: { 465: {} },
    },
    {
      what: 'not much worse since, better ones in history',
      series: [
        baseline('80'),
        of('fleet_quality_score_sum', '_ 131:0 132:100 137:200 150:275 160:350 180:425'),
        of('fleet_quality_score_count', '_ 131:0 132:1 137:2 150:3 160:4 180:5'),
        catching('1 138:0'),
      ],
    },
  ],
};
const missedHistory: Scene = {
  sampleSeconds: 60,
  alert: 'FleetQualityThresholdMissed',
  labels: PLACE,
  at: [465],
  secondFrom: 133,
  cases: [
    {
      what: 'all missed since, met in history',
      series: [
        result('met', '_ 131:0 132:5 137:9'),
        result('missed', '_ 131:0 150:1 160:2 180:3'),
        catching('1 138:0'),
      ],
      fires: { 465: {} },
    },
    {
      what: 'all met since, missed in history',
      series: [
        result('missed', '_ 131:0 132:5 137:9'),
        result('met', '_ 131:0 150:1 160:2 180:3'),
        catching('1 138:0'),
      ],
    },
    {
      what: 'all missed since, and in history',
      series: [result('missed', '_ 131:0 132:5 137:9 150:10 160:11 180:12'), catching('1 138:0')],
      fires: { 465: {} },
    },
  ],
};

/** What was more than six hours before 590 counts no more. */
const dropPast: Scene = {
  sampleSeconds: 300,
  alert: 'FleetQualityDrop',
  labels: PLACE,
  at: [590],
  cases: [
    {
      what: 'two runs, and three before',
      series: [
        baseline('80'),
        ...scoresAt([
          [120, 40],
          [140, 40],
          [160, 40],
          [500, 40],
          [520, 40],
        ]),
      ],
    },
    {
      what: 'three runs, and three before',
      series: [
        baseline('80'),
        ...scoresAt([
          [120, 60],
          [140, 60],
          [160, 60],
          [500, 60],
          [520, 60],
          [540, 60],
        ]),
      ],
      fires: { 590: {} },
    },
  ],
};
const missedPast: Scene = {
  sampleSeconds: 300,
  alert: 'FleetQualityThresholdMissed',
  labels: PLACE,
  at: [590],
  cases: [
    { what: 'two, and one before', series: [result('missed', '0 160:1 500:2 520:3')] },
    {
      what: 'one of three, and two before',
      series: [result('missed', '0 140:1 160:2 500:3'), result('met', '0 520:1 540:2')],
    },
    {
      what: 'two of three, and two met before',
      series: [result('missed', '0 500:1 540:2'), result('met', '0 160:2 520:3')],
      fires: { 590: {} },
    },
  ],
};

export const QUALITY_LONG_SCENES: readonly Scene[] = [drop, dropHistory, dropPast, missed, missedHistory, missedPast];
export const QUALITY_SCENES: readonly Scene[] = [
  restartScene({
    alert: 'FleetQualityDrop',
    labels: PLACE,
    series: [
      baseline('80'),
      of('fleet_quality_score_sum', '0 10:40 12:80 14:120'),
      of('fleet_quality_score_count', '0 10:1 12:2 14:3'),
    ],
    firesAt: 60,
  }),
  ...ageScenes({
    alert: 'FleetPullRequestBlockedOnCi',
    family: 'fleet_pull_request_oldest_blocked_timestamp_seconds',
    labels: { project: 'web' },
    age: 3600,
  }),
  {
    alert: 'FleetPullRequestBlockedOnCi',
    labels: { job: 'fleetlens', project: 'web' },
    sampleSeconds: 70,
    at: [60, 61],
    cases: [
      {
        // 3,585 s when it was seen last, 3,615 s at minute 60; the next scrape shows that CI is done.
        what: 'done just in time, after a scrape',
        series: ['fleet_pull_request_oldest_blocked_timestamp_seconds{source="$",project="web"} =-15 60.5:_'],
      },
      {
        what: 'not done',
        series: ['fleet_pull_request_oldest_blocked_timestamp_seconds{source="$",project="web"} =-15'],
        fires: { 61: {} },
      },
    ],
  },
  windowScene({
    alert: 'FleetPullRequestFailing',
    family: 'fleet_pull_requests_total',
    labels: { project: 'web', event: 'failed' },
    by: ['project'],
    others: [{ event: 'created' }, { event: 'merged' }],
    enough: '0 30:1 45:2 70:3',
    tooFew: '0 30:1 70:2',
    at: 70,
    past: [100],
    catchUp: 60,
  }),
];
