import { ageScenes } from './ageScene.ts';
import { restartScene } from './restartScene.ts';
import type { Scene } from './scene.ts';
import { windowScene } from './windowScene.ts';

const budget = (family: 'limit_usd' | 'spent_usd' | 'paused', steps: string, name = 'per_repo_daily_usd') =>
  `fleet_budget_${family}{budget="${name}",scope="repo_daily",subject="$"} ${steps}`;
/** On one of two replicas, the second of which is behind. */
const on = (replica: 1 | 2, line: string) => line.replace('{', `{job="fleetlens",instance="exporter-${replica}:9960",`);
const LABELS = { job: 'fleetlens', budget: 'per_repo_daily_usd', scope: 'repo_daily' };

const exceeded: Scene = {
  alert: 'FleetBudgetExceeded',
  key: 'subject',
  labels: LABELS,
  at: [9, 10, 24, 26],
  cases: [
    {
      what: 'all of it',
      series: [budget('limit_usd', '200'), budget('spent_usd', '199.9 10:200')],
      fires: { 10: {}, 24: {}, 26: {} },
    },
    {
      what: 'more',
      series: [budget('limit_usd', '200'), budget('spent_usd', '50 10:260 11:+1')],
      fires: { 10: {}, 24: {}, 26: {} },
    },
    { what: 'nearly', series: [budget('limit_usd', '200'), budget('spent_usd', '199.9')] },
    { what: 'no budget: a limit of 0', series: [budget('limit_usd', '0'), budget('spent_usd', '5')] },
    { what: 'no limit', series: [budget('spent_usd', '5')] },
    { what: 'nothing known', series: [budget('limit_usd', '200')] },
    {
      what: 'another budget is small',
      series: [budget('limit_usd', '200'), budget('limit_usd', '1', 'other'), budget('spent_usd', '100')],
    },
    {
      // The window closes at 11: 15 minutes more.
      what: 'until the window closed',
      series: [budget('limit_usd', '200'), budget('spent_usd', '210 11:0')],
      fires: { 9: {}, 10: {}, 24: {} },
    },
    {
      what: 'half a dollar',
      series: [budget('limit_usd', '0.5'), budget('spent_usd', '0 10:0.6')],
      fires: { 10: {}, 24: {}, 26: {} },
    },
    {
      what: 'one replica has not seen it yet',
      series: [budget('limit_usd', '200'), on(1, budget('spent_usd', '150 10:210')), on(2, budget('spent_usd', '150'))],
      fires: { 10: {}, 24: {}, 26: {} },
    },
    {
      what: 'raised, which one replica has not seen yet',
      series: [on(1, budget('limit_usd', '300')), on(2, budget('limit_usd', '200')), budget('spent_usd', '250')],
    },
    {
      what: 'a limit that is lowered',
      series: [budget('limit_usd', '200 10:50'), budget('spent_usd', '100')],
      fires: { 10: {}, 24: {}, 26: {} },
    },
  ],
};

const near: Scene = {
  alert: 'FleetBudgetNearLimit',
  key: 'subject',
  labels: LABELS,
  at: [14, 15, 16],
  cases: [
    {
      what: '80%',
      series: [budget('limit_usd', '200'), budget('spent_usd', '159.9 10:160')],
      fires: { 15: {}, 16: {} },
    },
    {
      what: 'over 80% a minute later',
      series: [budget('limit_usd', '200'), budget('spent_usd', '100 11:190')],
      fires: { 16: {} },
    },
    { what: '79%', series: [budget('limit_usd', '200'), budget('spent_usd', '158')] },
    {
      what: 'half a dollar',
      series: [budget('limit_usd', '0.5'), budget('spent_usd', '0 10:0.45')],
      fires: { 15: {}, 16: {} },
    },
    {
      what: 'one replica has not seen it yet',
      series: [budget('limit_usd', '200'), on(1, budget('spent_usd', '100 10:190')), on(2, budget('spent_usd', '100'))],
      fires: { 15: {}, 16: {} },
    },
    {
      what: 'raised, which one replica has not seen yet',
      series: [on(1, budget('limit_usd', '300')), on(2, budget('limit_usd', '200')), budget('spent_usd', '190')],
    },
    { what: 'for 4 minutes', series: [budget('limit_usd', '200'), budget('spent_usd', '100 11:190 15:10')] },
    { what: 'no budget: a limit of 0', series: [budget('limit_usd', '0'), budget('spent_usd', '5')] },
    { what: 'no limit', series: [budget('spent_usd', '5')] },
  ],
};

const paused: Scene = {
  alert: 'FleetBudgetPaused',
  key: 'subject',
  labels: LABELS,
  at: [9, 10, 20],
  cases: [
    { what: 'paused', series: [budget('paused', '0 10:1')], fires: { 10: {}, 20: {} } },
    { what: 'acknowledged', series: [budget('paused', '0 10:1 15:0')], fires: { 10: {} } },
    {
      what: 'paused, which one replica has not seen yet',
      series: [on(1, budget('paused', '0 10:1')), on(2, budget('paused', '0'))],
      fires: { 10: {}, 20: {} },
    },
    { what: 'never', series: [budget('paused', '0')] },
    { what: 'no budget', series: [] },
  ],
};

export const COST_SCENES: readonly Scene[] = [
  exceeded,
  near,
  paused,
  restartScene({
    alert: 'FleetBudgetNearLimit',
    key: 'subject',
    labels: LABELS,
    series: [budget('limit_usd', '200'), budget('spent_usd', '170')],
    firesAt: 10,
  }),
  restartScene({
    alert: 'FleetBudgetPaused',
    key: 'subject',
    labels: LABELS,
    series: [budget('paused', '1')],
    firesAt: 10,
  }),
  windowScene({
    alert: 'FleetUsageMissing',
    family: 'fleet_run_usage_missing_total',
    labels: { project: 'web', provider: 'anthropic' },
    by: ['project'],
    sums: { provider: ['anthropic', 'openai'] },
    enough: '0 30:1 35:2 45:3 55:4 70:5',
    tooFew: '0 30:1 45:2 55:3 70:4',
    at: 70,
    past: [93],
    catchUp: 60,
  }),
  ...ageScenes({
    alert: 'FleetPersonaUnused',
    family: 'fleet_persona_last_used_timestamp_seconds',
    labels: { project: 'web', persona: 'dev' },
    age: 30 * 86_400,
    for: '1h',
  }),
];
