import pg from 'pg';
import { ANALYTICS_DIMENSIONS, FIGURES } from '../../exporter/src/contract/dimensions.ts';
import { catchUpFacts } from '../../exporter/src/ledger/analytics/catchUpFacts.ts';
import { refreshFigures } from '../../exporter/src/ledger/analytics/refreshFigures.ts';
import { migrate } from '../../exporter/src/ledger/migrate.ts';
import { waitFor } from '../support/waitFor.ts';
import { type Bed, createLedger } from './bed.ts';
import { BENCH_TOKEN, type ExporterProcess, startExporter } from './exporterProcess.ts';
import { atMost, count, type Figure, ms } from './figure.ts';
import { fleetEvents, PROJECTS, SOURCE, WORKFLOWS } from './fleet.ts';
import { get, post } from './httpClient.ts';

/**
 * A server whose ledgers are kept, so that one can measure again without waiting for a million runs twice: its URL, without a
 * database. What is not there is made.
 */
const KEPT = process.env.FLEETLENS_BENCH_LEDGERS;
const GOAL_MS = 300;
const FIRST_READ_GOAL_S = 180;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const PERSONAS = ['engineer', 'reviewer', 'planner', 'tester'] as const;
const MODELS = ['large', 'small', 'other'] as const;
/** Over how many days the runs of a ledger are spread: as long as retention keeps them, and as long as a window of the goal. */
const SPREAD_DAYS = 400;
const DENSE_DAYS = 30;

/** How often each question is asked, and how many of the mix. */
const ROUNDS = 20;
const MIXED = 300;

/** Every way to group, by how many dimensions. */
const GROUPINGS = Array.from({ length: 2 ** ANALYTICS_DIMENSIONS.length }, (_, bits) =>
  ANALYTICS_DIMENSIONS.filter((_dimension, i) => (bits >> i) & 1).join(','),
);
const groupingsBy = (...sizes: number[]) =>
  GROUPINGS.filter((by) => sizes.includes(by === '' ? 0 : by.split(',').length));
const [NONE, ONE, TWO, MORE, ALL] = [[0], [1], [2], [3, 4], [5]].map((sizes) => groupingsBy(...sizes)) as [
  ...[string[], string[], string[], string[], string[]],
];

/** The path of a question in its nth round. */
type Question = (n: number) => string;

const iso = (msSince1970: number) => new Date(msSince1970).toISOString();
const last = (days: number) => `from=${iso(Date.now() - days * DAY_MS)}`;
/** Any of them comes up before one does twice. */
const pickBy = (groupings: readonly string[], n: number) => `by=${groupings[(n * 13) % groupings.length]}`;
const encoded = (list: readonly string[], n: number) => encodeURIComponent(list[n % list.length] as string);
const asks =
  (path: string, groupings: readonly string[], window: (n: number) => string, more: Question = () => ''): Question =>
  (n) => {
    const by = pickBy(groupings, n);
    return `analytics/${path}${path.includes('?') ? '&' : '?'}${[by === 'by=' ? '' : by, window(n), more(n)].filter((part) => part !== '').join('&')}`;
  };
/** What a chart shows: each figure in turn. */
const oneFigure: Question = (n) => `figures=${FIGURES[n % FIGURES.length]}`;
const projectOf: Question = (n) => `project=${encoded(PROJECTS, n)}`;
const someFilters: Question = (n) =>
  `workflow=${encoded(WORKFLOWS, n)}&workflow=${encoded(WORKFLOWS, n + 1)}&persona=${encoded(PERSONAS, n)}`;
const allFilters: Question = (n) =>
  `source=${SOURCE}&${projectOf(n)}&${projectOf(n + 3)}&${someFilters(n)}&model=${encoded(MODELS, n)}`;

/** Every kind of question over windows of up to 30 days; of several groupings in turn. @param days that the ledger has */
function questionsOfAMonth(days: number): Readonly<Record<string, Question>> {
  const month = () => last(30);
  /** Begins and ends within an hour, wherever the ledger has runs: as long as `lengthMs`, or as there are. */
  const odd = (lengthMs: number) => (n: number) => {
    const place = ((n * 0.618) % 1) * Math.max(0, days * DAY_MS - lengthMs - DAY_MS);
    const to = Date.now() - 37 * 60_000 - place;
    return `from=${iso(to - lengthMs)}&to=${iso(to)}`;
  };
  return {
    'figures with percentiles, 30 days': asks('runs', NONE, month),
    'figures, by one dimension': asks('runs', ONE, month),
    'figures, by two': asks('runs', TWO, month),
    'figures, by three or four': asks('runs?limit=1000', MORE, month),
    'figures, by all five': asks('runs?limit=1000', ALL, month),
    'figures, any grouping, 7 days': asks('runs', GROUPINGS, () => last(7)),
    'figures, any grouping, a day': asks('runs', GROUPINGS, () => last(1)),
    'figures, any grouping, 30 days from and to odd minutes': asks('runs', GROUPINGS, odd(30 * DAY_MS)),
    'figures, any grouping, 5 days from and to odd minutes': asks('runs', GROUPINGS, odd(5 * DAY_MS)),
    'figures, any grouping, 20 minutes': asks('runs', GROUPINGS, odd(HOUR_MS / 3)),
    'figures, of one project by model, 30 days': asks('runs?by=model', NONE, month, projectOf),
    'figures, of two workflows and a persona, any grouping': asks('runs', GROUPINGS, month, someFilters),
    'figures, filtered in all five, any grouping': asks('runs', GROUPINGS, month, allFilters),
    'failures by category, 30 days': asks('failures', NONE, month),
    'failures by category, and one dimension': asks('failures', ONE, month),
    'failures by category, and two': asks('failures', TWO, month),
    'failures by category, and all five': asks('failures?limit=1000', ALL, month),
    'failures by category, of two workflows and a persona, any grouping': asks(
      'failures',
      GROUPINGS,
      month,
      someFilters,
    ),
    'failures by category, any grouping, 5 days from and to odd minutes': asks('failures', GROUPINGS, odd(5 * DAY_MS)),
    'spend, 30 days': asks('spend', NONE, month),
    'spend, by one or two dimensions': asks('spend', [...ONE, ...TWO], month),
    'spend, by more': asks('spend?limit=1000', [...MORE, ...ALL], month),
    'spend, filtered in all five, any grouping': asks('spend', GROUPINGS, month, allFilters),
    'an hour each, 30 days': asks('timeseries?bucket=hour', NONE, month),
    'an hour each, by one dimension': asks('timeseries?bucket=hour', ONE, month),
    'an hour each, by two, 20 groups': asks('timeseries?bucket=hour', TWO, month),
    'an hour each, by three or more, 20 groups': asks('timeseries?bucket=hour', [...MORE, ...ALL], month),
    'an hour each, one figure, by two, 20 groups': asks('timeseries?bucket=hour', TWO, month, oneFigure),
    'an hour each, one figure, by three or more, 20 groups': asks(
      'timeseries?bucket=hour',
      [...MORE, ...ALL],
      month,
      oneFigure,
    ),
    'an hour each, of one project by workflow': asks('timeseries?bucket=hour&by=workflow', NONE, month, projectOf),
    'an hour each, filtered in all five': asks('timeseries?bucket=hour', NONE, month, allFilters),
    'an hour each, any grouping, 7 days': asks('timeseries?bucket=hour', GROUPINGS, () => last(7)),
    'an hour each, any grouping, a day': asks('timeseries?bucket=hour', GROUPINGS, () => last(1)),
    'an hour each, of Kolkata, 30 days': asks('timeseries?bucket=hour&time_zone=Asia/Kolkata', NONE, month),
    'an hour each, of Kolkata by one dimension, 7 days': asks(
      'timeseries?bucket=hour&time_zone=Asia/Kolkata',
      ONE,
      () => last(7),
    ),
    'a day each, 30 days': asks('timeseries?bucket=day', NONE, month),
    'a day each, by one dimension': asks('timeseries?bucket=day', ONE, month),
    'a day each, by two': asks('timeseries?bucket=day&limit=100', TWO, month),
    'a day each, by three or more, 100 groups': asks('timeseries?bucket=day&limit=100', [...MORE, ...ALL], month),
    'a day each, of New York by one or two dimensions': asks(
      'timeseries?bucket=day&time_zone=America/New_York',
      [...ONE, ...TWO],
      month,
    ),
    'a day each, of Kolkata by one or two dimensions': asks(
      'timeseries?bucket=day&time_zone=Asia/Kolkata',
      [...ONE, ...TWO],
      month,
    ),
    'a day each, of two workflows and a persona, any grouping': asks(
      'timeseries?bucket=day',
      GROUPINGS,
      month,
      someFilters,
    ),
    'a week each, any grouping, 30 days': asks('timeseries?bucket=week', GROUPINGS, month),
    'persona review of last week': asks('personas', NONE, () => ''),
    'persona review of last week, of one project in New York': asks(
      'personas?time_zone=America/New_York',
      NONE,
      () => '',
      projectOf,
    ),
    'budget retrospective of last week': asks('budgets', NONE, () => ''),
    'budget retrospective of last week, of one project': asks('budgets', NONE, () => '', projectOf),
    'quality, a day each, 30 days': () => `quality/trend?${month()}`,
    'quality, of one project, two workflows and a persona': (n) =>
      `quality/trend?${month()}&${projectOf(n)}&${someFilters(n)}`,
    'quality, an hour each, of one dimension of quality': () =>
      `quality/trend?bucket=1h&dimension=composite&${month()}`,
    'quality baselines of all workflows': () => 'quality/baselines',
    'what needs attention: a week against the week before': () => 'attention?hours=168',
  };
}

/** Beyond what is asked for: to see what windows of all days take. */
const LONG_QUESTIONS: Readonly<Record<string, Question>> = {
  'figures with percentiles, 400 days': asks('runs', NONE, () => last(SPREAD_DAYS)),
  'figures, by one dimension': asks('runs', ONE, () => last(SPREAD_DAYS)),
  'figures, by two or more': asks('runs?limit=1000', [...TWO, ...MORE, ...ALL], () => last(SPREAD_DAYS)),
  'figures, of two workflows and a persona, any grouping': asks(
    'runs',
    GROUPINGS,
    () => last(SPREAD_DAYS),
    someFilters,
  ),
  'failures by category and one dimension, 400 days': asks('failures', ONE, () => last(SPREAD_DAYS)),
  'spend by one or two dimensions, 400 days': asks('spend', [...ONE, ...TWO], () => last(SPREAD_DAYS)),
  'a day each, 400 days': asks('timeseries?bucket=day', NONE, () => last(SPREAD_DAYS)),
  'a day each, by one dimension': asks('timeseries?bucket=day', ONE, () => last(SPREAD_DAYS)),
  'a day each by two dimensions, 90 days': asks('timeseries?bucket=day', TWO, () => last(90)),
  'an hour each, 400 days': asks('timeseries?bucket=hour', NONE, () => last(SPREAD_DAYS)),
};

interface Ledger {
  readonly url: string;
  readonly runs: number;
  /** What the first reading took; none where the ledger was kept. */
  readonly firstReading: readonly Figure[];
}

const ledgers = new Map<number, Ledger>();

/** A ledger with a million runs in so many days, read and added up: made once. */
async function ledgerOf(bed: Bed, days: number): Promise<Ledger> {
  const known = ledgers.get(days);
  if (known !== undefined) return known;
  const runs = bed.quick ? 5_000 : 1_000_000;
  const { url, isNew } = await openLedger(bed, `bench_analytics_${days}`);
  let firstReading: Figure[] = [];
  if (isNew) {
    bed.say(`analytics: ${count(runs)} runs in ${days} days`);
    await withPool(url, (pool) => fill(pool, runs, days));
    firstReading = await withPool(url, (pool) => asked(url, (exporter) => readFirst(bed, exporter, pool, runs)));
  }
  const ledger = { url, runs, firstReading };
  ledgers.set(days, ledger);
  return ledger;
}

async function openLedger(bed: Bed, database: string): Promise<{ url: string; isNew: boolean }> {
  if (KEPT === undefined) return { url: await createLedger(bed.cluster, database), isNew: true };
  const url = `${KEPT}/${database}`;
  return await withPool(`${KEPT}/postgres`, async (pool) => {
    const { rowCount } = await pool.query('select from pg_database where datname = $1', [database]);
    if (rowCount === 0) {
      await pool.query(`create database ${database}`);
      await migrate(url);
    }
    return { url, isNew: rowCount === 0 };
  });
}

async function withPool<T>(url: string, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

/**
 * What answers over up to 30 days take: where the runs are of more than a year, or all of these 30 days, 13 times as many in a window.
 * @param part series in points of time, or everything else
 */
export const benchAnalytics = (ledger: 'spread' | 'dense', part: 'series' | 'others') => async (bed: Bed) => {
  const days = ledger === 'spread' ? SPREAD_DAYS : DENSE_DAYS;
  const isSeries = (what: string) => /^an? (hour|day|week) each/.test(what);
  const questions = Object.entries(questionsOfAMonth(days)).filter(([what]) => isSeries(what) === (part === 'series'));
  const { url } = await ledgerOf(bed, days);
  const times = await asked(url, (exporter) => timeQuestions(bed, exporter, Object.fromEntries(questions)));
  return times.map(([what, took]) => figureOf(what, took, GOAL_MS));
};

/** A mix of everything that can be asked of up to 30 days, of either ledger; and, without a goal, what all of 400 days take. */
export async function benchMixedAnalytics(bed: Bed): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const days of [SPREAD_DAYS, DENSE_DAYS]) {
    const { url, runs } = await ledgerOf(bed, days);
    const took = await asked(url, (exporter) => timeMix(bed, exporter, days));
    const what = `${count(runs)} runs in ${days} days: ${took.length} questions of any kind, grouping, filter and window of up to 30 days`;
    figures.push(figureOf(what, took, GOAL_MS));
  }
  const { url } = await ledgerOf(bed, SPREAD_DAYS);
  const long = await asked(url, (exporter) => timeQuestions(bed, exporter, LONG_QUESTIONS));
  return [...figures, ...long.map(([what, took]) => figureOf(what, took))];
}

/** How the figures come to be, and follow. */
export async function benchAnalyticsUpkeep(bed: Bed): Promise<Figure[]> {
  const { url, runs, firstReading } = await ledgerOf(bed, SPREAD_DAYS);
  return [...firstReading, ...(await withPool(url, (pool) => follow(bed, pool, runs)))];
}

/** Measures with an exporter that has just started. */
async function asked<T>(url: string, measure: (exporter: ExporterProcess) => Promise<T>): Promise<T> {
  const exporter = await startExporter(url, {
    ledger: { database_url: url },
    tokens: [{ name: 'bench', role: 'admin', token: BENCH_TOKEN }],
    rate_limit: { max: 1_000_000_000 },
  });
  try {
    return await measure(exporter);
  } finally {
    await exporter.stop();
  }
}

/**
 * Runs as the ledger keeps them, settled, every one at a time of its own: by 10 projects, 5 workflows, 4 personas, 3 models and 5
 * ways to fail; a verdict for every fourth, an evaluation for those that succeeded. Their rollups are left out; nothing here reads them.
 */
async function fill(pool: pg.Pool, runs: number, days: number): Promise<void> {
  const pick = (values: readonly string[]) =>
    `(array[${values.map((value) => `'${value}'`).join(', ')}])[1 + floor(random() * ${values.length})::int]`;
  const time = (at: string) => `to_char((${at}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  const { rows: indexes } = await pool.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index
      where indrelid in ('fleetlens.run'::regclass, 'fleetlens.evaluation'::regclass) and not indisprimary`,
  );
  for (const statement of [
    ...indexes.map(({ name }) => `drop index ${name}`),
    'select setseed(0.5)',
    `create temp table filled as
      select n, ${pick(PROJECTS)} as project, ${pick(WORKFLOWS)} as workflow, ${pick(PERSONAS)} as persona, ${pick(MODELS)} as model,
        ${pick([...Array<string>(7).fill('succeeded'), 'failed', 'timed_out', 'cancelled'])} as status,
        ${pick(['api_key', 'timeout', 'rate_limit', 'git_push', 'other'])} as category,
        date_trunc('milliseconds', now() - interval '2 hours' - random() * interval '${days} days' * 0.99) as created,
        date_trunc('milliseconds', random() * random() * interval '10 minutes') as wait,
        date_trunc('milliseconds', random() * interval '90 minutes') as took,
        date_trunc('milliseconds', random() * random() * interval '3 days') as merge,
        round((random() * 4)::numeric, 4) as cost
      from generate_series(1, ${runs}) n`,
    `insert into fleetlens.run (source, key, doc, stamps, counted, settled, at, seq)
      select '${SOURCE}', 'r' || n, jsonb_strip_nulls(jsonb_build_object('source', '${SOURCE}', 'runId', 'r' || n, 'name', 'Task ' || n,
          'project', project, 'workflow', workflow, 'persona', persona, 'model', model, 'status', status,
          'createdAt', ${time('created')}, 'startedAt', ${time('created + wait')}, 'finishedAt', ${time('created + wait + took')},
          'iterations', 1 + n % 4, 'costUsd', cost, 'quality', case when status = 'succeeded' then jsonb_build_object('composite', 60 + n % 40) end,
          'pullRequest', case when n % 3 = 0 then jsonb_build_object('status', 'merged', 'createdAt', ${time('created + wait + took')},
            'mergedAt', ${time('created + wait + took + merge')}) end,
          'error', case when status in ('failed', 'timed_out') then jsonb_build_object('category', category) end)),
        json_build_array(json_build_array(${time('created + wait + took')}, 'e' || n)),
        json_build_array(json_build_array(1, 'spent#1', cost, null, json_build_array((cost * 1000000000)::bigint::text,
          floor(extract(epoch from created + wait + took) / 900)::int, project, persona, 'r' || n))),
        1, created + wait + took, 0
      from filled`,
    `insert into fleetlens.step (source, key, doc, stamps, at, seq)
      select '${SOURCE}', 'r' || n || E'\\x1f' || 's0', jsonb_build_object('source', '${SOURCE}', 'runId', 'r' || n, 'stepId', 's0',
          'role', 'checker', 'status', 'succeeded', 'verdict', jsonb_build_object('passed', n % 5 > 0)), '[]', created + wait + took, 0
      from filled where n % 4 = 0`,
    `insert into fleetlens.evaluation (source, run_id, attempt, project, workflow, persona, at, composite, correctness, type_safety,
        code_style, test_coverage, completeness, baseline, margin)
      select '${SOURCE}', 'r' || n, 1, project, workflow, persona, ${time('created + wait + took')}, 60 + n % 40, 50 + n % 50, 70 + n % 30,
        n % 100, 40 + n % 60, 80 + n % 20, 75, 10 from filled where status = 'succeeded'`,
    ...indexes.map(({ definition }) => definition),
    `update fleetlens.run_fact_state set scan_kind = 'run'`,
    'vacuum analyze',
    'checkpoint',
  ])
    await pool.query(statement);
}

/** A ledger of before: how long until its figures can be told, and what a scrape takes meanwhile. */
async function readFirst(bed: Bed, exporter: ExporterProcess, pool: pg.Pool, runs: number): Promise<Figure[]> {
  const started = performance.now();
  const scrapes: number[] = [];
  const until = async (what: string, done: string) => {
    await waitFor(
      async () => {
        scrapes.push((await get(`${exporter.url}/metrics`)).tookMs);
        return (await pool.query<{ done: boolean }>(`select ${done} as done from fleetlens.run_fact_state`)).rows[0]
          ?.done;
      },
      { what, timeoutMs: 1_800_000, intervalMs: 250 },
    );
    return (performance.now() - started) / 1000;
  };
  const read = await until('all records to be read', 'scan_kind is null');
  const added = await until('all nodes to be added up', 'not exists (select from fleetlens.run_dirty)');
  bed.say(`  read in ${Math.round(read)} s, added up after ${Math.round(added)} s`);
  return [
    {
      what: `analytics of a ledger that had none, ${count(runs)} runs: until answers can be told`,
      value: `${Math.round(read)} s`,
      goal: atMost(Math.round(read), FIRST_READ_GOAL_S, ' s'),
    },
    { what: '… until all of it is added up', value: `${Math.round(added)} s` },
    {
      what: '… scrape meanwhile, p95',
      value: ms(percentile(scrapes, 0.95)),
      against: `${ms(percentile(scrapes, 0.5))} p50`,
    },
  ];
}

/** What it takes to follow a thousand runs that change, of the last hours or of all days: the work beside ingest. */
async function follow(bed: Bed, pool: pg.Pool, runs: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [which, order] of [
    ['the latest', 'at desc'],
    ['any', `hashtext(key || '${figures.length}')`],
  ] as const) {
    await pool.query(
      `with changed as (
          update fleetlens.run set doc = jsonb_set(doc, '{iterations}', to_jsonb((doc ->> 'iterations')::int + 1))
            where (source, key) in (select source, key from fleetlens.run where status is not null order by ${order} limit 1000) returning key),
        head as (update fleetlens.head set seq = seq + 10 returning seq)
        insert into fleetlens.change (seq, entries)
          select head.seq - 9 + n / 100, json_agg(json_build_array('run', '${SOURCE}', key))
          from (select key, row_number() over () - 1 as n from changed) c, head group by 1, head.seq, n / 100`,
    );
    const started = performance.now();
    await catchUpFacts(pool);
    const followed = performance.now();
    while (await refreshFigures(pool, { quiet: false })) {}
    figures.push({
      what: `following 1,000 changed runs, ${which} of ${count(runs)}: facts`,
      value: ms(followed - started),
      against: `${ms(performance.now() - followed)} to add up again, later and once`,
    });
  }
  // As if the upkeep of Postgres had come by: it would else come in the middle of what is measured next.
  for (const statement of ['vacuum analyze', 'checkpoint']) await pool.query(statement);
  bed.say('  followed changes');
  return figures;
}

/** In turn, a run pushed before each, from a start with cold plans on. p95 of what each took. */
async function timeQuestions(
  bed: Bed,
  exporter: ExporterProcess,
  questions: Readonly<Record<string, Question>>,
): Promise<[what: string, took: readonly number[]][]> {
  const times = Object.entries(questions).map(([what, question]) => ({ what, question, took: [] as number[] }));
  for (let n = 0; n < (bed.quick ? 2 : ROUNDS); n++) {
    for (const { question, took } of times) took.push(await ask(exporter, question(n)));
    bed.say(`  ${n + 1} of each question asked`);
  }
  return times.map(({ what, took }) => [what, took]);
}

let pushed = 0;
async function ask({ url, token }: ExporterProcess, path: string): Promise<number> {
  const events = [...fleetEvents(1, `a${Date.now()}-${pushed++}`, Date.now())];
  await post(`${url}/api/v1/events`, token, { events });
  return (await get(`${url}/api/v1/${path}`, { authorization: `Bearer ${token}` })).tookMs;
}

async function timeMix(bed: Bed, exporter: ExporterProcess, days: number): Promise<number[]> {
  const random = randomNumbers(7);
  const took: number[] = [];
  for (let i = 0; i < (bed.quick ? 20 : MIXED); i++) took.push(await ask(exporter, anyQuestion(random, days)));
  return took;
}

function figureOf(what: string, took: readonly number[], goalMs?: number): Figure {
  const p95 = percentile(took, 0.95);
  return {
    what,
    value: ms(p95),
    against: `${ms(percentile(took, 0.5))} p50, ${ms(Math.max(...took))} at most`,
    ...(goalMs === undefined ? {} : { goal: atMost(Math.round(p95), goalMs, ' ms') }),
  };
}

/** Of every kind and grouping, windows from 20 minutes to 30 days, with and without filters. */
function anyQuestion(random: () => number, daysOfLedger: number): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const asked = pick(['runs', 'runs', 'runs', 'failures', 'spend', 'timeseries', 'timeseries'] as const);
  const by = ANALYTICS_DIMENSIONS.filter(() => random() < 0.4);
  const days = pick([1 / 72, 1 / 24, 1, 2.34, 7, 14, 30, 30]);
  const to = Date.now() - (random() < 0.5 ? 0 : random() * Math.max(0, daysOfLedger - days) * DAY_MS);
  const parameters = new URLSearchParams({ from: iso(to - days * DAY_MS), to: iso(to) });
  if (by.length > 0) parameters.set('by', by.join(','));
  const filters = { project: PROJECTS, workflow: WORKFLOWS, persona: PERSONAS, model: MODELS };
  for (const [dimension, values] of Object.entries(filters)) {
    for (let n = random() < 0.2 ? 1 + Math.floor(random() * 2) : 0; n > 0; n--)
      parameters.append(dimension, pick(values));
  }
  if (asked === 'timeseries') {
    parameters.set('bucket', pick(['hour', 'day', 'day', 'week'] as const));
    parameters.set('time_zone', pick(['UTC', 'UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata']));
    parameters.set('limit', '20');
  }
  return `analytics/${asked}?${parameters}`;
}

function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)] as number;
}

/** The same numbers in each run of the bench (a linear congruential generator). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
