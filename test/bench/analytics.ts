import { waitFor } from '../support/waitFor.ts';
import { type Bed, createLedger, dropDatabase, execute, withClient } from './bed.ts';
import { BENCH_TOKEN, type ExporterProcess, startExporter } from './exporterProcess.ts';
import { atMost, count, type Figure, ms } from './figure.ts';
import { fleetEvents, PROJECTS, SOURCE, WORKFLOWS } from './fleet.ts';
import { get, post } from './httpClient.ts';

const DATABASE = 'bench_analytics';
const GOAL_MS = 300;
const DAYS = 30;

/** What a dashboard and a weekly review ask for. */
const QUERIES: Readonly<Record<string, string>> = {
  'all runs': 'runs',
  'by workflow': 'runs?by=workflow',
  'by project and persona': 'runs?by=project,persona',
  'by source, project, workflow, persona, model': 'runs?by=source,project,workflow,persona,model&limit=1000',
  'of one project, by model': `runs?by=model&project=${encodeURIComponent(PROJECTS[0] as string)}`,
  'failures by category and workflow': 'failures?by=workflow',
  'spend by project': 'spend?by=project',
  'a day each': 'timeseries?bucket=day',
  'a day each in Kolkata, by workflow': 'timeseries?bucket=day&time_zone=Asia/Kolkata&by=workflow',
  'an hour each': 'timeseries?bucket=hour',
  'persona review of last week': 'personas',
  'budget retrospective of last week': 'budgets',
};

/** What answers over 30 days take with a million runs in them, a run pushed before each. */
export async function benchAnalytics(bed: Bed): Promise<Figure[]> {
  const runs = bed.quick ? 5_000 : 1_000_000;
  const url = await createLedger(bed.cluster, DATABASE);
  try {
    bed.say(`analytics: ${count(runs)} runs in ${DAYS} days`);
    await fill(bed, runs);
    const exporter = await startExporter(url, {
      ledger: { database_url: url },
      tokens: [{ name: 'bench', role: 'admin', token: BENCH_TOKEN }],
      rate_limit: { max: 1_000_000_000 },
    });
    try {
      const started = performance.now();
      await waitFor(() => isAddedUp(bed), {
        what: 'all hours and days to be added up',
        timeoutMs: 1_800_000,
        intervalMs: 500,
      });
      bed.say(
        `  read and added up in ${Math.round((performance.now() - started) / 1000)} s, beside what else the exporter does`,
      );
      await execute(bed.cluster, DATABASE, ['vacuum analyze', 'checkpoint']);
      return await measure(bed, exporter, runs);
    } finally {
      await exporter.stop();
    }
  } finally {
    await dropDatabase(bed.cluster, DATABASE);
  }
}

/**
 * Runs as the ledger keeps them, settled, every one at a time of its own: by 10 projects, 5 workflows, 4 personas, 3 models and 5
 * ways to fail. Their rollups are left out; nothing here reads them.
 */
async function fill(bed: Bed, runs: number): Promise<void> {
  const list = (values: readonly string[]) => `array[${values.map((value) => `'${value}'`).join(', ')}]`;
  const time = (at: string) => `to_char((${at}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  await execute(bed.cluster, DATABASE, [
    `select setseed(0.5)`,
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
      from (select n, (${list(PROJECTS)})[1 + floor(random() * ${PROJECTS.length})::int] as project,
          (${list(WORKFLOWS)})[1 + floor(random() * ${WORKFLOWS.length})::int] as workflow,
          (array['engineer', 'reviewer', 'planner', 'tester'])[1 + floor(random() * 4)::int] as persona,
          (array['large', 'small', 'other'])[1 + floor(random() * 3)::int] as model,
          (array['succeeded', 'succeeded', 'succeeded', 'succeeded', 'succeeded', 'succeeded', 'succeeded', 'failed', 'timed_out', 'cancelled'])[1 + floor(random() * 10)::int] as status,
          (array['api_key', 'timeout', 'rate_limit', 'git_push', 'other'])[1 + floor(random() * 5)::int] as category,
          date_trunc('milliseconds', now() - interval '2 hours' - random() * interval '${DAYS} days' * 0.99) as created,
          date_trunc('milliseconds', random() * random() * interval '10 minutes') as wait,
          date_trunc('milliseconds', random() * interval '90 minutes') as took,
          date_trunc('milliseconds', random() * random() * interval '3 days') as merge,
          round((random() * 4)::numeric, 4) as cost
        from generate_series(1, ${runs}) n) r`,
    `update fleetlens.run_fact_state set scan_kind = 'run'`,
    'vacuum analyze',
    'checkpoint',
  ]);
}

async function isAddedUp(bed: Bed): Promise<boolean> {
  return await withClient(bed.cluster, DATABASE, async (client) => {
    const { rows } = await client.query<{ done: boolean }>(
      `select scan_kind is null and not exists (select from fleetlens.run_dirty
        where n < extract(epoch from now()) / case when is_day then 86400 else 3600 end - 3) as done from fleetlens.run_fact_state`,
    );
    return rows[0]?.done ?? false;
  });
}

async function measure(bed: Bed, exporter: ExporterProcess, runs: number): Promise<Figure[]> {
  const times = new Map(Object.keys(QUERIES).map((what) => [what, [] as number[]]));
  for (let i = 0; i < (bed.quick ? 3 : 45); i++) {
    for (const [what, query] of Object.entries(QUERIES)) {
      const events = [...fleetEvents(1, `a${i}${times.get(what)?.length}${what.length}`, Date.now())];
      await post(`${exporter.url}/api/v1/events`, exporter.token, { events });
      const { tookMs } = await get(`${exporter.url}/api/v1/analytics/${query}`, {
        authorization: `Bearer ${exporter.token}`,
      });
      // The first ones find cold caches.
      if (bed.quick || i >= 5) times.get(what)?.push(tookMs);
    }
  }
  return [...times].map(([what, took]) => {
    const sorted = took.toSorted((a, b) => a - b);
    const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] as number;
    return {
      what: `analytics p95 over ${DAYS} days, ${count(runs)} runs, one pushed before each: ${what}`,
      value: ms(p95),
      against: `${ms(sorted[sorted.length >> 1] as number)} p50`,
      goal: atMost(Math.round(p95), GOAL_MS, ' ms'),
    };
  });
}
