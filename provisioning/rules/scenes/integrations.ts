import { restartScene } from './restartScene.ts';
import type { Scene } from './scene.ts';
import { windowScene } from './windowScene.ts';

const calls = (result: string, steps: string, adapter = 'github') =>
  `fleet_adapter_requests_total{source="$",adapter="${adapter}",result="${result}"} ${steps}`;
const own = (result: string, steps: string) =>
  `fleetlens_source_requests_total{source="$",result="${result}"} ${steps}`;
const errors = (steps: string, component = 'worker') =>
  `fleet_errors_total{source="$",component="${component}"} ${steps}`;
const catching = (steps: string) => `fleetlens_source_catching_up{source="$"} ${steps}`;
const REFUSED = '0 40:1 43:2 46:3';
const github = { 48: { adapter: 'github' } };

const authFailing = windowScene({
  alert: 'FleetIntegrationAuthFailing',
  family: 'fleet_adapter_requests_total',
  labels: { adapter: 'github', result: 'auth' },
  by: ['adapter'],
  others: [
    { result: 'network' },
    { result: 'schema' },
    { result: 'rate_limit' },
    { result: 'server' },
    { result: 'other' },
  ],
  enough: REFUSED,
  tooFew: '0 40:1 46:2',
  at: 48,
  also: { quiet: [47] },
  past: [52],
  catchUp: undefined,
  more: [
    { what: 'one success among them', series: [calls('auth', REFUSED), calls('ok', '9 44:10')] },
    { what: 'one success 8 minutes before', series: [calls('auth', REFUSED), calls('ok', '9 40:10')] },
    { what: 'the last success is long ago', series: [calls('auth', REFUSED), calls('ok', '9 33:10')], fires: github },
    { what: 'never a success', series: [calls('auth', REFUSED), calls('ok', '0')], fires: github },
    {
      what: 'another adapter succeeds',
      series: [calls('auth', REFUSED), calls('ok', '0 39:+1', 'linear')],
      fires: github,
    },
    { what: 'the source itself', series: [own('auth', REFUSED), own('ok', '0')], fires: { 48: {} } },
    { what: 'the source itself, no success series', series: [own('auth', REFUSED)], fires: { 48: {} } },
    { what: 'the source itself, too few', series: [own('auth', '0 40:1 46:2'), own('ok', '0')] },
    { what: 'the source itself, one success among them', series: [own('auth', REFUSED), own('ok', '9 44:10')] },
    { what: 'the source itself, one success 8 minutes before', series: [own('auth', REFUSED), own('ok', '9 40:10')] },
    {
      what: 'the source itself, success long ago',
      series: [own('auth', REFUSED), own('ok', '9 33:10')],
      fires: { 48: {} },
    },
    { what: 'the source itself, by the network', series: [own('network', REFUSED), own('ok', '0')] },
    { what: 'the source itself, spread over an hour', series: [own('auth', '0 20:1 35:2 48:3'), own('ok', '0')] },
    {
      what: 'the adapter fails, the source is read',
      series: [calls('auth', REFUSED), own('ok', '0 39:+1')],
      fires: github,
    },
    {
      what: 'the source fails, an adapter works',
      series: [own('auth', REFUSED), calls('ok', '0 39:+1')],
      fires: { 48: {} },
    },
    {
      what: 'both fail',
      series: [own('auth', REFUSED), calls('auth', REFUSED)],
      fires: { 48: [{}, { adapter: 'github' }] },
    },
  ],
});

const lookups = (hits: string, misses: string) => [
  `fleet_cache_hits_total{source="$"} ${hits}`,
  `fleet_cache_misses_total{source="$"} ${misses}`,
];
/** From 40 on; half an hour later it fires. */
const low = { 70: {}, 80: {} };
const hitRate: Scene = {
  alert: 'FleetCacheHitRateLow',
  at: [69, 70, 80],
  secondFrom: 30,
  cases: [
    { what: '70% hit', series: lookups('0 39:+140', '0 39:+60'), fires: low },
    { what: '78% hit', series: lookups('0 39:+156', '0 39:+44'), fires: low },
    { what: '82% hit', series: lookups('0 0:+20 39:+164', '0 0:+1 39:+36') },
    { what: 'none hit', series: lookups('0', '0 39:+110'), fires: low },
    { what: '70% hit of a new cache', series: lookups('_ 38:0 39:+140', '_ 38:0 39:+60'), fires: low },
    { what: 'none hit ever: no such series', series: ['fleet_cache_misses_total{source="$"} 0 39:+110'], fires: low },
    { what: 'none missed ever: no such series', series: ['fleet_cache_hits_total{source="$"} 0 39:+110'] },
    { what: 'idle', series: lookups('500', '900') },
    { what: 'hardly used, and none hit ever', series: ['fleet_cache_misses_total{source="$"} 0 0:+6'] },
    { what: 'hardly used', series: lookups('0', '0 0:+6') },
    { what: 'a little used', series: lookups('0', '0 0:+7'), fires: { 69: {}, 70: {}, 80: {} } },
    { what: '100 lookups, then more', series: lookups('0', '0 40:100 41:+20'), fires: low },
    { what: 'used for 5 minutes', series: lookups('0', '0 50:+90 55:+0') },
    { what: 'no cache', series: [] },
    { what: 'catches up', series: [...lookups('0', '0 39:+110'), catching('1')] },
    { what: 'caught up half an hour ago', series: [...lookups('0', '0 10:+40'), catching('1 43:0')] },
    {
      what: 'caught up before',
      series: [...lookups('0', '0 10:+40'), catching('1 20:0')],
      fires: { 69: {}, 70: {}, 80: {} },
    },
  ],
};

export const ADAPTER_SCENES: readonly Scene[] = [authFailing];

export const ERROR_SCENES: readonly Scene[] = [
  windowScene({
    alert: 'FleetErrorVolumeHigh',
    family: 'fleet_errors_total',
    labels: { component: 'worker' },
    by: [],
    sums: { component: ['worker', 'api'] },
    enough: '0 40:20 42:35 44:50',
    tooFew: '0 40:20 42:35 44:47',
    at: 44,
    past: [46],
    catchUp: 5,
    sampleSeconds: 15,
    more: [
      {
        what: 'a component that never logged an error before',
        series: ['fleet_errors_total{source="$",component="worker"} _ 40.5:0 41:35 44:50'],
        fires: { 44: {} },
      },
    ],
  }),
  windowScene({
    alert: 'FleetNewErrorGroup',
    family: 'fleet_error_groups_total',
    labels: { component: 'worker', kind: 'new' },
    by: ['component', 'kind'],
    others: [{ kind: 'resolved' }],
    enough: '0 30:1',
    at: 70,
    past: [95],
    catchUp: 60,
    more: [
      {
        what: 'one that came back',
        series: ['fleet_error_groups_total{source="$",component="api",kind="regressed"} 0 30:1'],
        fires: { 70: { component: 'api', kind: 'regressed' } },
      },
    ],
  }),
  windowScene({
    alert: 'FleetCriticalPathFailing',
    family: 'fleet_errors_total',
    labels: { component: 'handleIssueComment' },
    by: ['component'],
    others: [{ component: 'handlePush' }, { component: 'worker' }, { component: 'x handleIssueComment' }],
    enough: '0 40:1 43:2 48:3',
    tooFew: '0 40:1 48:2',
    at: 48,
    past: [52],
    catchUp: 10,
    more: [
      {
        what: 'the other handler',
        series: [errors('0 40:1 43:2 48:3', 'handlePullRequest')],
        fires: { 48: { component: 'handlePullRequest' } },
      },
    ],
  }),
];

export const RATE_LIMIT_SCENES: readonly Scene[] = [
  windowScene({
    alert: 'FleetRateLimitSustained',
    family: 'fleet_rate_limited_total',
    labels: { layer: 'ip', project: 'web' },
    by: [],
    sums: { layer: ['ip', 'repo'], project: ['web', 'app'] },
    enough: '0 40:4 42:8 43:11',
    tooFew: '0 40:4 42:8 43:10',
    at: 44,
    // Past the window it goes on for 10 minutes, and no longer.
    also: { fires: [52] },
    past: [58],
    catchUp: 5,
    // Windows of 5 minutes are no multiple of it: increase() makes 10.9 of ten.
    sampleSeconds: 25,
  }),
  windowScene({
    alert: 'FleetRepoRateLimitedRepeatedly',
    family: 'fleet_rate_limited_total',
    labels: { layer: 'repo', project: 'web' },
    by: ['project'],
    others: [{ layer: 'ip' }],
    enough: '0 32:1 48:2 68:3',
    tooFew: '0 32:1 68:2',
    at: 70,
    also: { fires: [68], quiet: [67] },
    past: [98],
    catchUp: 60,
    more: [
      {
        what: 'often in two windows',
        series: ['fleet_rate_limited_total{source="$",layer="repo",project="web"} 0 32:9 33:20 66:40'],
      },
      {
        what: 'early in the window that is open',
        series: ['fleet_rate_limited_total{source="$",layer="repo",project="web"} 0 32:1 48:2 66:3'],
        fires: { 67: { project: 'web' }, 68: { project: 'web' }, 70: { project: 'web' } },
      },
      {
        what: 'while a scrape was missed',
        series: ['fleet_rate_limited_total{source="$",layer="repo",project="web"} 0 32:1 45:_ 46:2 63:3 65:_ 66:3'],
        fires: { 67: { project: 'web' }, 68: { project: 'web' }, 70: { project: 'web' } },
      },
      {
        what: 'in two windows, one of them while a scrape was missed',
        series: ['fleet_rate_limited_total{source="$",layer="repo",project="web"} 0 32:1 64:2 65:_ 66:2 68:_ 69:2'],
      },
    ],
  }),
  {
    alert: 'FleetRepoRateLimitedRepeatedly',
    labels: { project: 'web' },
    // Every window ends between two samples.
    sampleSeconds: 70,
    at: [49, 52, 80, 91, 101],
    cases: [
      {
        what: 'just when windows end',
        series: ['fleet_rate_limited_total{source="$",layer="repo",project="web"} 0 40:1 45:2 50:3'],
        fires: { 52: {}, 80: {}, 91: {} },
      },
    ],
  },
];

export const STORE_SCENES: readonly Scene[] = [
  {
    alert: 'FleetStoreDown',
    labels: { job: 'fleetlens', store: 'redis' },
    at: [11, 12, 20],
    cases: [
      { what: 'down', series: ['fleet_store_up{source="$",store="redis"} 1 10:0'], fires: { 12: {}, 20: {} } },
      { what: 'up', series: ['fleet_store_up{source="$",store="redis"} 1'] },
      {
        what: 'up again, which one replica has not seen yet',
        series: [
          'fleet_store_up{source="$",store="redis",job="fleetlens",instance="exporter-1:9960"} 1',
          'fleet_store_up{source="$",store="redis",job="fleetlens",instance="exporter-2:9960"} 0',
        ],
      },
      { what: 'not configured', series: ['fleet_cache_keys{source="$"} 1'] },
      { what: 'down for a minute', series: ['fleet_store_up{source="$",store="redis"} 1 10:0 11:1'] },
      { what: 'no longer configured', series: ['fleet_store_up{source="$",store="redis"} 1 10:0 11:_'] },
      {
        what: 'both',
        series: [
          'fleet_store_up{source="$",store="redis"} 1 10:0',
          'fleet_store_up{source="$",store="postgres"} 1 15:0',
        ],
        fires: { 12: {}, 20: [{}, { store: 'postgres' }] },
      },
      {
        what: 'catches up all the same',
        series: ['fleet_store_up{source="$",store="redis"} 0', catching('1')],
        fires: { 11: {}, 12: {}, 20: {} },
      },
    ],
  },
  windowScene({
    alert: 'FleetStoreErrors',
    family: 'fleet_store_errors_total',
    labels: { store: 'redis', kind: 'connection' },
    by: ['store'],
    sums: { kind: ['connection', 'timeout'] },
    others: [{ kind: 'other' }],
    enough: '0 41:1 42.75:3',
    tooFew: '0 41:1 42.75:2',
    at: 45,
    also: { quiet: [44] },
    past: [47],
    catchUp: undefined,
    sampleSeconds: 15,
  }),
  hitRate,
  windowScene({
    alert: 'FleetCacheEvictions',
    family: 'fleet_cache_evictions_total',
    labels: {},
    by: [],
    enough: '0 50:1',
    at: 60,
    past: [68],
    catchUp: 15,
  }),
  {
    alert: 'FleetCacheMemoryHigh',
    labels: { job: 'fleetlens' },
    at: [19, 20, 25],
    cases: [
      {
        what: '513 MiB',
        series: [`fleet_cache_memory_bytes{source="$"} 1 10:${513 * 1024 * 1024}`],
        fires: { 20: {}, 25: {} },
      },
      { what: '512 MiB', series: [`fleet_cache_memory_bytes{source="$"} 1 10:${512 * 1024 * 1024}`] },
      {
        what: '513 MiB, and one replica is behind',
        series: [
          `fleet_cache_memory_bytes{source="$",job="fleetlens",instance="exporter-1:9960"} 1 10:${513 * 1024 * 1024}`,
          'fleet_cache_memory_bytes{source="$",job="fleetlens",instance="exporter-2:9960"} 1',
        ],
        fires: { 20: {}, 25: {} },
      },
      {
        what: '513 MiB for 9 minutes',
        series: [`fleet_cache_memory_bytes{source="$"} 1 10:${513 * 1024 * 1024} 19:1`],
      },
      { what: 'no cache', series: [] },
    ],
  },
  restartScene({
    alert: 'FleetStoreDown',
    labels: { job: 'fleetlens', store: 'redis' },
    series: ['fleet_store_up{source="$",store="redis"} 0'],
    firesAt: 10,
  }),
  restartScene({
    alert: 'FleetCacheMemoryHigh',
    labels: { job: 'fleetlens' },
    series: [`fleet_cache_memory_bytes{source="$"} ${513 * 1024 * 1024}`],
    firesAt: 15,
  }),
];

/** More than a day of 5-minute samples with 100 calls an hour, 6 of which fail; from minute 1980 on as each case says. */
const DAY = 1980;
const adapter = (okAfter: number, failAfter: number, result = 'server') => [
  calls('ok', `0 0:+1.5 ${DAY}:+${okAfter}`),
  calls(result, `0 0:+0.1 ${DAY}:+${failAfter}`),
];
/** Few calls an hour, none of which fail; many more, of which 14.5% fail, from a minute on and at another time before. */
const few = (from: number, before = 10, until = 10) => [
  calls('ok', `0 0:+0.05 ${before}:+1.3 ${until}:+0.05 ${from}:+1.3`),
  calls('server', `0 ${before}:+0.22 ${until}:+0 ${from}:+0.22`),
];
/** 20 in the first quarter of an hour, and 20 in the second. */
const TWENTY = `${DAY + 10}:10 ${DAY + 15}:20 ${DAY + 25}:30 ${DAY + 30}:40`;
/** The baseline is 6.25%: above 11.4% it fires, once the window is full and 15 minutes have gone by. */
const high = { [DAY + 30]: {}, [DAY + 90]: {} };
const adapterErrors: Scene = {
  alert: 'FleetAdapterErrorRateHigh',
  labels: { adapter: 'github' },
  at: [DAY + 15, DAY + 30, DAY + 90],
  sampleSeconds: 300,
  cases: [
    { what: 'as ever', series: adapter(1.5, 0.1) },
    { what: 'a fifth fails', series: adapter(1.6, 0.4), fires: high },
    {
      // The baseline knows them, from when their series began.
      what: 'a tenth fails, as since half a day before',
      series: [calls('ok', '0 0:+1.5'), calls('server', `_ ${DAY - 1200}:+0.15`)],
    },
    {
      // Its first calls are 27 to 28 hours ago, at the beginning of the baseline.
      what: 'half of the calls fail, nearly as many as when it was new, a day ago',
      series: [calls('ok', `_ 300:0 360:60 ${DAY}:+1`), calls('server', `_ 300:0 360:40 ${DAY}:+1`)],
    },
    {
      what: 'a third fails of an adapter that is new',
      series: [calls('ok', `_ ${DAY + 5}:+1.6`), calls('server', `_ ${DAY + 5}:+0.8`)],
      fires: high,
    },
    { what: '13% fail', series: [calls('ok', '0 0:+1.5'), calls('server', `0 0:+0.1 ${DAY}:+0.225`)], fires: high },
    // 10.5%: above 1.5 times the baseline, not above that and 2 points.
    { what: '10.5% fail', series: [calls('ok', '0 0:+1.5'), calls('server', `0 0:+0.1 ${DAY}:+0.176`)] },
    {
      what: 'all fail, and there were few calls',
      series: [calls('ok', `0 0:+0.5 ${DAY}:+0`), calls('auth', `0 ${DAY}:+1.2`)],
    },
    {
      what: 'all fail, and there were enough calls',
      series: [calls('ok', `0 0:+0.5 ${DAY}:+0`), calls('auth', `0 ${DAY}:+1.5`)],
      fires: high,
    },
    {
      what: 'all fail, of 20 calls in each window',
      series: [calls('auth', `_ ${DAY - 10}:0 ${TWENTY}`)],
      fires: { [DAY + 30]: {} },
    },
    {
      what: 'all fail, there were few calls, and another adapter has many',
      series: [calls('auth', `0 ${DAY}:+1.2`), calls('ok', '0 0:+5', 'linear')],
    },
    {
      what: 'a fifth fails as ever, of many times the calls since four hours',
      series: [calls('ok', `0 0:+0.2 ${DAY - 240}:+8`), calls('server', `0 0:+0.05 ${DAY - 240}:+2`)],
    },
    {
      what: 'errors of all kinds together',
      series: [
        calls('ok', '0 0:+2'),
        calls('network', `0 ${DAY}:+0.04`),
        calls('schema', `0 ${DAY}:+0.04`),
        calls('rate_limit', `0 ${DAY}:+0.04`),
        calls('other', `0 ${DAY}:+0.04`),
      ],
      fires: high,
    },
    { what: 'always bad', series: [calls('ok', '0 0:+1'), calls('server', '0 0:+1')] },
    { what: 'no errors ever: no such series', series: [calls('ok', '0 0:+3')] },
    { what: 'idle', series: [calls('ok', '900'), calls('server', '100')] },
    {
      what: 'idle for a day, then it fails',
      series: [calls('ok', `9 ${DAY}:+1`), calls('server', `9 ${DAY}:+1`)],
      fires: high,
    },
    {
      what: 'new, and it fails',
      series: [calls('ok', `_ ${DAY - 10}:0 ${DAY}:+2`), calls('server', `_ ${DAY - 10}:0 ${DAY}:+1`)],
      fires: high,
    },
    {
      what: 'new, and it works',
      series: [calls('ok', `_ ${DAY - 10}:0 ${DAY}:+2`), calls('server', `_ ${DAY - 10}:0`)],
    },
    // 14.5%. A baseline up to now, or up to three hours ago, would contain the incident and hide it.
    { what: 'few calls a day, and five hours are bad', series: few(DAY - 210), fires: { [DAY + 15]: {}, ...high } },
    { what: 'few calls a day, and as bad ten hours ago', series: few(DAY, DAY - 570, DAY - 450) },
    { what: 'few calls a day, and as bad a day ago', series: few(DAY, DAY - 1650, DAY - 1530) },
    { what: 'few calls a day, and as bad long before', series: few(DAY, 30, 150), fires: high },
    {
      what: 'another adapter',
      series: [calls('ok', '0 0:+2'), calls('server', `0 ${DAY}:+1`, 'linear'), calls('ok', `0 ${DAY}:+1`, 'linear')],
      fires: { [DAY + 30]: { adapter: 'linear' }, [DAY + 90]: { adapter: 'linear' } },
    },
    { what: 'nothing', series: [] },
    { what: 'catches up', series: [...adapter(1.5, 0.5), catching('1')] },
    {
      what: 'caught up within the window',
      series: [...adapter(1.5, 0.5), catching(`1 ${DAY + 10}:0`)],
      fires: { [DAY + 90]: {} },
    },
    { what: 'caught up before', series: [...adapter(1.5, 0.5), catching(`1 ${DAY - 5}:0`)], fires: high },
  ],
};

/** 2 errors a minute are 30 in 15 minutes; more than 46.4 are above 30 + 3 sqrt(30). */
const errorRate: Scene = {
  alert: 'FleetErrorRateAboveBaseline',
  at: [DAY + 15, DAY + 30, DAY + 90],
  sampleSeconds: 300,
  cases: [
    { what: 'as ever', series: [errors('0 0:+2')] },
    { what: 'twice as many', series: [errors(`0 0:+2 ${DAY}:+4`)], fires: high },
    {
      what: 'twice as many, of two components',
      series: [errors('0 0:+2'), errors(`_ ${DAY - 10}:0 ${DAY}:+2`, 'api')],
      fires: high,
    },
    { what: '50, more than chance gives', series: [errors(`0 0:+2 ${DAY}:+3.35`)], fires: high },
    { what: '42, as chance may give', series: [errors(`0 0:+2 ${DAY}:+2.8`)] },
    { what: 'of very many 8% more', series: [errors(`0 0:+400 ${DAY}:+432`)] },
    { what: 'of very many 15% more', series: [errors(`0 0:+400 ${DAY}:+460`)], fires: high },
    { what: 'the first ever', series: [errors(`_ ${DAY - 10}:0 ${DAY}:+2`)], fires: high },
    { what: 'a component that never logged an error before', series: [errors(`_ ${DAY + 5}:+3`)], fires: high },
    { what: 'the first ever, and few', series: [errors(`_ ${DAY - 10}:0 ${DAY}:+1.2`)] },
    { what: 'the first ever, 20 of them', series: [errors(`_ ${DAY - 10}:0 ${TWENTY}`)], fires: { [DAY + 30]: {} } },
    {
      what: 'the first ever, 25 of them',
      series: [errors(`_ ${DAY - 10}:0 ${DAY}:+1.65`)],
      fires: high,
    },
    {
      what: 'a new source with the errors that it always has',
      series: [errors(`_ ${DAY - 60}:0 ${DAY - 55}:+4`), catching(`_ ${DAY - 60}:0`)],
    },
    {
      // Its mean is of its first quarter of an hour, and says nothing yet.
      what: 'a source since some hours with the errors that it always has',
      series: [errors(`_ ${DAY - 345}:0 ${DAY - 340}:+4`), catching(`_ ${DAY - 345}:0`)],
    },
    {
      what: 'many more before the day',
      series: [errors(`0 0:+20 120:+2 ${DAY}:+3.6`)],
      fires: high,
    },
    {
      what: 'many more six hours ago, for an hour and a half',
      series: [errors(`0 0:+2 ${DAY - 390}:+6 ${DAY - 300}:+2 ${DAY}:+3.6`)],
      fires: high,
    },
    // 50.4. A mean up to now, or up to three hours ago, would contain the incident and hide it.
    {
      what: 'more for five hours',
      series: [errors(`0 0:+2 ${DAY - 210}:+3.2`)],
      fires: { [DAY + 15]: {}, ...high },
    },
    { what: 'none', series: [] },
    { what: 'catches up', series: [errors(`0 0:+2 ${DAY}:+6`), catching('1')] },
    {
      what: 'caught up within the window',
      series: [errors(`0 0:+2 ${DAY}:+6`), catching(`1 ${DAY + 10}:0`)],
      fires: { [DAY + 90]: {} },
    },
    {
      what: 'caught up before',
      series: [errors(`0 0:+2 ${DAY}:+6`), catching(`1 ${DAY - 5}:0`)],
      fires: high,
    },
  ],
};

export const ADAPTER_DAY_SCENES: readonly Scene[] = [adapterErrors];
export const ERROR_DAY_SCENES: readonly Scene[] = [errorRate];
