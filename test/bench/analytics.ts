import pg from 'pg';
import { ANALYTICS_DIMENSIONS } from '../../exporter/src/contract/analytics.ts';
import { catchUpFacts } from '../../exporter/src/ledger/analytics/catchUpFacts.ts';
import { refreshFigures } from '../../exporter/src/ledger/analytics/refreshFigures.ts';
import { waitFor } from '../support/waitFor.ts';
import { type Bed, createLedger, dropDatabase } from './bed.ts';
import { BENCH_TOKEN, type ExporterProcess, startExporter } from './exporterProcess.ts';
import { atMost, count, type Figure, ms } from './figure.ts';
import { fleetEvents, PROJECTS, SOURCE, WORKFLOWS } from './fleet.ts';
import { get, post } from './httpClient.ts';

const DATABASE = 'bench_analytics';
/** A ledger that was filled and read before, so that one can measure again without waiting for a million runs: its URL. */
const KEPT_LEDGER = process.env.FLEETLENS_BENCH_LEDGER;
const GOAL_MS = 300;
const FIRST_READ_GOAL_S = 180;
const DAYS = 400;
const DAY_MS = 86_400_000;
const PERSONAS = ['engineer', 'reviewer', 'planner', 'tester'] as const;
const MODELS = ['large', 'small', 'other'] as const;

const since = (days: number) => `from=${new Date(Date.now() - days * DAY_MS).toISOString()}`;
const project = `project=${encodeURIComponent(PROJECTS[0] as string)}`;

/** What dashboards and weekly reviews ask for: of the last 30 days where nothing else is said, and of everything. */
const QUESTIONS: Readonly<Record<string, () => string>> = {
  'all runs of 30 days': () => 'runs',
  'all runs of 400 days': () => `runs?${since(DAYS)}`,
  'by workflow, 400 days': () => `runs?by=workflow&${since(DAYS)}`,
  'by project and persona, 400 days': () => `runs?by=project,persona&${since(DAYS)}`,
  'by all five dimensions, 400 days': () => `runs?by=${ANALYTICS_DIMENSIONS.join(',')}&limit=1000&${since(DAYS)}`,
  'of one project by model, 400 days': () => `runs?by=model&${project}&${since(DAYS)}`,
  'of two workflows and a persona by project, 90 days': () =>
    `runs?by=project&workflow=${WORKFLOWS[0]}&workflow=${WORKFLOWS[1]}&persona=${PERSONAS[0]}&${since(90)}`,
  'failures by category and workflow, 400 days': () => `failures?by=workflow&${since(DAYS)}`,
  'spend by project, 400 days': () => `spend?by=project&${since(DAYS)}`,
  'a day each, 400 days': () => `timeseries?bucket=day&${since(DAYS)}`,
  'a day each by workflow, 400 days': () => `timeseries?bucket=day&by=workflow&${since(DAYS)}`,
  'a day each by project and persona, 90 days': () => `timeseries?bucket=day&by=project,persona&${since(90)}`,
  'a day each in Kolkata by workflow, 90 days': () =>
    `timeseries?bucket=day&time_zone=Asia/Kolkata&by=workflow&${since(90)}`,
  'an hour each, 30 days': () => 'timeseries?bucket=hour',
  'an hour each by workflow and model, 7 days': () => `timeseries?bucket=hour&by=workflow,model&${since(7)}`,
  'an hour each, 400 days': () => `timeseries?bucket=hour&${since(DAYS)}`,
  'persona review of last week': () => 'personas',
  'budget retrospective of last week': () => 'budgets',
};

/** What answers take with a million runs in 400 days, a run pushed before each; how the figures come to be, and follow. */
export async function benchAnalytics(bed: Bed): Promise<Figure[]> {
  const runs = bed.quick ? 5_000 : 1_000_000;
  const url = KEPT_LEDGER ?? (await createLedger(bed.cluster, DATABASE));
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  try {
    if (KEPT_LEDGER === undefined) {
      bed.say(`analytics: ${count(runs)} runs in ${DAYS} days`);
      await fill(pool, runs);
    }
    return [
      ...(KEPT_LEDGER === undefined ? await asked(bed, url, pool, runs, firstReading) : []),
      ...(await follow(bed, pool, runs)),
      ...(await asked(bed, url, pool, runs, answers)),
    ];
  } finally {
    await pool.end();
    if (KEPT_LEDGER === undefined) await dropDatabase(bed.cluster, DATABASE);
  }
}

/** Measures with an exporter that has just started. */
async function asked(
  bed: Bed,
  url: string,
  pool: pg.Pool,
  runs: number,
  measure: (bed: Bed, exporter: ExporterProcess, pool: pg.Pool, runs: number) => Promise<Figure[]>,
): Promise<Figure[]> {
  const exporter = await startExporter(url, {
    ledger: { database_url: url },
    tokens: [{ name: 'bench', role: 'admin', token: BENCH_TOKEN }],
    rate_limit: { max: 1_000_000_000 },
  });
  try {
    return await measure(bed, exporter, pool, runs);
  } finally {
    await exporter.stop();
  }
}

/**
 * Runs as the ledger keeps them, settled, every one at a time of its own: by 10 projects, 5 workflows, 4 personas, 3 models and 5
 * ways to fail; a verdict for every fourth. Their rollups are left out; nothing here reads them.
 */
async function fill(pool: pg.Pool, runs: number): Promise<void> {
  const pick = (values: readonly string[]) =>
    `(array[${values.map((value) => `'${value}'`).join(', ')}])[1 + floor(random() * ${values.length})::int]`;
  const time = (at: string) => `to_char((${at}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  const { rows: indexes } = await pool.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index
      where indrelid = 'fleetlens.run'::regclass and not indisprimary`,
  );
  for (const statement of [
    ...indexes.map(({ name }) => `drop index ${name}`),
    'select setseed(0.5)',
    `create temp table filled as
      select n, ${pick(PROJECTS)} as project, ${pick(WORKFLOWS)} as workflow, ${pick(PERSONAS)} as persona, ${pick(MODELS)} as model,
        ${pick([...Array<string>(7).fill('succeeded'), 'failed', 'timed_out', 'cancelled'])} as status,
        ${pick(['api_key', 'timeout', 'rate_limit', 'git_push', 'other'])} as category,
        date_trunc('milliseconds', now() - interval '2 hours' - random() * interval '${DAYS} days' * 0.99) as created,
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
    ...indexes.map(({ definition }) => definition),
    `update fleetlens.run_fact_state set scan_kind = 'run'`,
    'vacuum analyze',
    'checkpoint',
  ])
    await pool.query(statement);
}

/** A ledger of before: how long until its figures can be told, and what a scrape takes meanwhile. */
async function firstReading(bed: Bed, exporter: ExporterProcess, pool: pg.Pool, runs: number): Promise<Figure[]> {
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

/** In turn, a run pushed before each, from a start with cold plans on. */
async function answers(bed: Bed, exporter: ExporterProcess, _pool: pg.Pool, runs: number): Promise<Figure[]> {
  let pushed = 0;
  const ask = async (question: string) => {
    const events = [...fleetEvents(1, `a${Date.now()}-${pushed++}`, Date.now())];
    await post(`${exporter.url}/api/v1/events`, exporter.token, { events });
    const authorization = `Bearer ${exporter.token}`;
    return (await get(`${exporter.url}/api/v1/analytics/${question}`, { authorization })).tookMs;
  };
  const times = new Map(Object.keys(QUESTIONS).map((what) => [what, [] as number[]]));
  for (let i = 0; i < (bed.quick ? 2 : 20); i++) {
    for (const [what, question] of Object.entries(QUESTIONS)) times.get(what)?.push(await ask(question()));
  }
  const random = randomNumbers(7);
  const mixed: number[] = [];
  for (let i = 0; i < (bed.quick ? 20 : 300); i++) mixed.push(await ask(anyQuestion(random)));
  const figure = (what: string, took: readonly number[]): Figure => {
    const p95 = percentile(took, 0.95);
    return {
      what,
      value: ms(p95),
      against: `${ms(percentile(took, 0.5))} p50, ${ms(Math.max(...took))} at most`,
      goal: atMost(Math.round(p95), GOAL_MS, ' ms'),
    };
  };
  return [
    figure(
      `analytics p95, ${count(runs)} runs in ${DAYS} days, one pushed before each: ${mixed.length} questions of any grouping, range and filter`,
      mixed,
    ),
    ...[...times].map(([what, took]) => figure(`… ${what}`, took)),
  ];
}

/** Of every grouping, ranges from an hour to all, with and without filters. */
function anyQuestion(random: () => number): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const asked = pick(['runs', 'runs', 'runs', 'failures', 'spend', 'timeseries', 'timeseries'] as const);
  const by = ANALYTICS_DIMENSIONS.filter(() => random() < 0.4);
  const days = pick([1 / 24, 1, 7, 30, 90, 180, DAYS]);
  const to = Date.now() - (random() < 0.5 ? 0 : random() * (DAYS - days) * DAY_MS);
  const parameters = new URLSearchParams({
    from: new Date(to - days * DAY_MS).toISOString(),
    to: new Date(to).toISOString(),
  });
  if (by.length > 0) parameters.set('by', by.join(','));
  const filters = { project: PROJECTS, workflow: WORKFLOWS, persona: PERSONAS, model: MODELS };
  for (const [dimension, values] of Object.entries(filters)) {
    for (let n = random() < 0.2 ? 1 + Math.floor(random() * 2) : 0; n > 0; n--)
      parameters.append(dimension, pick(values));
  }
  if (asked === 'timeseries') {
    const bucket = days <= 30 ? pick(['hour', 'day'] as const) : pick(['day', 'week'] as const);
    parameters.set('bucket', bucket);
    parameters.set('time_zone', pick(['UTC', 'UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata']));
    parameters.set('limit', '20');
  }
  return `${asked}?${parameters}`;
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
