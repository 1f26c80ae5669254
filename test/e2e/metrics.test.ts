import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { METRIC_CATALOGUE } from '../../exporter/src/contract/metricCatalogue.ts';
import { everyKind } from '../support/everyKind.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { withClient } from '../support/ledgerContents.ts';
import { parseExposition } from '../support/parseExposition.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { type PrometheusServer, startPrometheus } from '../support/prometheus.ts';
import { promtoolCheckMetrics } from '../support/promtool.ts';
import { type PushedEvent, pushEvents } from '../support/pushEvents.ts';
import { waitFor } from '../support/waitFor.ts';

const TOKEN = 'ingest-token-for-tests';
const OPENMETRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const ODD = 'quote " backslash \\ newline \n emoji 🚀 größe \u2028 {le="1"} # end';

let database: TestDatabase;
let exporter: ExporterProcess;
let config: { ledger: object; tokens: object[]; budgets: object; quality: object };
let sequence = 0;

async function push(events: readonly PushedEvent[]): Promise<void> {
  expect(await pushEvents(exporter.url, TOKEN, events)).toMatchObject({ status: 200, accepted: events.length });
}

function run(data: Record<string, unknown>, source = 'pushed', atMs = Date.now() - 1_000): PushedEvent {
  const id = `run-${++sequence}`;
  const at = new Date(atMs).toISOString();
  return { id, source, kind: 'run', at, data: { runId: id, ...data } };
}

const finished = (data: Record<string, unknown> = {}, seconds = 90): Record<string, unknown> => ({
  status: 'succeeded',
  createdAt: new Date(Date.now() - 1_000 * (seconds + 5)).toISOString(),
  startedAt: new Date(Date.now() - 1_000 * (seconds + 1)).toISOString(),
  finishedAt: new Date(Date.now() - 1_000).toISOString(),
  ...data,
});

/** Every series is older than 60 s, as time would make it: the ledger says so under a new number. */
async function growUp(): Promise<void> {
  await withClient(database.connectionString, async (client) => {
    await client.query('begin');
    await client.query('select from fleetlens.head for update');
    await client.query('update fleetlens.head set seq = seq + 1');
    await client.query(
      "update fleetlens.rollup set born_at = born_at - interval '61 seconds', seq = head.seq from fleetlens.head where born_at is not null",
    );
    await client.query('commit');
  });
}

const fleetLines = (text: string) => text.split('\n').filter((line) => /^(# (HELP|TYPE|UNIT) )?fleet_/.test(line));
const families = (text: string) => [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] as string);

beforeAll(async () => {
  database = await migratedDatabase();
  config = {
    ledger: { database_url: database.connectionString, settle_after: '0s' },
    tokens: [{ name: 'ci', role: 'ingest', token: TOKEN }],
    budgets: { workspace_monthly_usd: 5_000, per_repo_daily_usd: 200, per_persona_run_usd: 25 },
    quality: { baseline_runs: 1 },
  };
  exporter = await startExporter({ config });
  await push(everyKind('pushed', Date.now()));
  await push([run(finished({ project: ODD, workflow: 'w\\' }))]);
  // The first makes the baseline, the second is far below it.
  const judged = (composite: number) => run(finished({ workflow: 'judged', quality: { composite } }));
  await push([judged(90)]);
  await push([judged(40)]);
  // The last thing that is counted of a finished run, after its late usage.
  await waitFor(async () => (await exporter.scrape()).includes('\nfleet_run_cost_usd_count{'), {
    what: 'the cost of a run',
  });
  await growUp();
});
afterAll(async () => {
  await exporter?.stop();
  await database?.drop();
});

describe('a ledger with every kind of record', () => {
  it('shows every family that records can fill', async () => {
    const shown = new Set(families(await exporter.scrape()));
    const missing = METRIC_CATALOGUE.filter(({ from, name }) => from !== 'self' && !shown.has(name)).map((f) => f.name);
    expect(missing).toEqual([
      // Silence of a day.
      'fleet_runs_lost_total',
      // 20 gaps, a verification, a contradiction, a full cap.
      'fleetlens_source_usual_gap_seconds',
      'fleetlens_ledger_mismatches',
      'fleetlens_corrections_total',
      'fleetlens_series_folded_total',
    ]);
  });

  it('is an exposition that promtool has nothing to say about', async () => {
    expect(await promtoolCheckMetrics(await exporter.scrape())).toEqual({ exitCode: 0, output: '' });
  });

  it('has the same samples in both formats', async () => {
    const text = parseExposition(fleetLines(await exporter.scrape()).join('\n'));
    const open = parseExposition(fleetLines(await exporter.scrape(OPENMETRICS)).join('\n'));
    const sameEdges = (samples: Map<string, number>) =>
      new Map([...samples].map(([series, value]) => [series.replace(/le="(\d+)\.0"\}$/, 'le="$1"}'), value]));
    expect(sameEdges(open)).toEqual(text);
    expect(text.size).toBeGreaterThan(200);
  });

  it('is the same bytes at every scrape while nothing changes', async () => {
    for (const accept of [undefined, OPENMETRICS]) {
      const before = fleetLines(await exporter.scrape(accept));
      expect(before.length).toBeGreaterThan(200);
      expect(fleetLines(await exporter.scrape(accept))).toEqual(before);
      const names = families(await exporter.scrape(accept));
      expect(families(await exporter.scrape(accept))).toEqual(names);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it('gives a summary its sum and count alone', async () => {
    const lines = (await exporter.scrape())
      .split('\n')
      .filter((line) => line.startsWith('fleet_quality_dimension_score'));
    const labels = (dimension: string) => `{source="pushed",project="web",workflow="build",dimension="${dimension}"}`;
    expect(lines).toEqual(
      expect.arrayContaining([
        `fleet_quality_dimension_score_sum${labels('correctness')} 90`,
        `fleet_quality_dimension_score_count${labels('correctness')} 1`,
      ]),
    );
    expect(lines.filter((line) => !/_(sum|count)\{/.test(line))).toEqual([]);
  });
});

describe('a real Prometheus', () => {
  let prometheus: PrometheusServer;
  beforeAll(async () => {
    prometheus = await startPrometheus({ targets: [exporter.url] });
    await waitFor(async () => (await prometheus.query('up'))[0]?.value === 1, {
      what: 'the first scrape',
    });
  });
  afterAll(() => prometheus?.stop());

  it('reads every sample of the OpenMetrics exposition, and is told nothing is wrong', async () => {
    expect(await prometheus.targets()).toMatchObject([{ health: 'up', lastError: '' }]);
    const lines = fleetLines(await exporter.scrape(OPENMETRICS)).filter((line) => !line.startsWith('#'));
    expect(await prometheus.query('count({__name__=~"fleet_.+"})')).toMatchObject([{ value: lines.length }]);
  });

  it('reads labels back as they were sent', async () => {
    const samples = await prometheus.query('fleet_runs_finished_total{workflow="w\\\\",status="succeeded"}');
    expect(samples).toMatchObject([{ metric: { project: ODD }, value: 1 }]);
  });

  it('keeps the exemplars that fit into 128 characters, on their buckets', async () => {
    const long = run(finished({ project: 'exemplars', workflow: 'long', runId: 'x'.repeat(200) }));
    const fits = run(finished({ project: 'exemplars', workflow: 'fits', runId: 'fits 🚀' }));
    // Prometheus 2.42 hands the names of exemplars on as they are escaped; that it reads them is what counts here.
    const escaped = run(finished({ project: 'escapes', runId: 'a "quoted" \\ name\nof two lines' }));
    await push([long, fits, escaped]);
    await growUp();
    const text = await exporter.scrape(OPENMETRICS);
    expect(text).toContain('# {run_id="fits 🚀",source="pushed"} 90 ');
    // Prometheus drops what is longer by itself, other readers refuse the whole scrape.
    expect(text).not.toContain('x'.repeat(100));
    const range = { start: Date.now() / 1000 - 600, end: Date.now() / 1000 + 600 };
    const found = await waitFor(
      () => prometheus.queryExemplars('fleet_run_duration_seconds_bucket{project="exemplars"}', range),
      { what: 'an exemplar' },
    );
    await waitFor(async () => prometheus.query('fleet_run_duration_seconds_count{project="escapes"}'), {
      what: 'the other run',
    });
    expect(await prometheus.targets()).toMatchObject([{ health: 'up', lastError: '' }]);
    expect(found).toEqual([
      {
        seriesLabels: expect.objectContaining({ workflow: 'fits', le: '120.0' }),
        exemplars: [
          {
            labels: { run_id: 'fits 🚀', source: 'pushed' },
            value: expect.closeTo(90, 1),
            time: expect.any(Number),
          },
        ],
      },
    ]);
    expect(
      await prometheus.query(
        'fleet_run_duration_seconds_count{project="exemplars",workflow="long",status="succeeded"}',
      ),
    ).toMatchObject([{ value: 1 }]);
  });
});

describe('formats', () => {
  it.each<[string, string | undefined, RegExp, RegExp, boolean]>([
    ['text for curl', '*/*', /^text\/plain; version=0\.0\.4; charset=utf-8$/, /le="1"\}/, false],
    [
      'text where OpenMetrics is liked less',
      'text/plain, application/openmetrics-text;q=0.9',
      /^text\/plain/,
      /le="1"\}/,
      false,
    ],
    [
      'OpenMetrics for Prometheus',
      OPENMETRICS,
      /^application\/openmetrics-text; version=1\.0\.0; charset=utf-8$/,
      /le="1\.0"\}/,
      true,
    ],
  ])('%s', async (_name, accept, type, edge, isOpen) => {
    const response = await fetch(`${exporter.url}/metrics`, accept === undefined ? {} : { headers: { accept } });
    const text = await response.text();
    expect(response.headers.get('content-type')).toMatch(type);
    expect(response.headers.get('vary')).toBe('Accept, Accept-Encoding');
    expect(text).toMatch(edge);
    expect(text.endsWith('\n# EOF\n')).toBe(isOpen);
    expect(text.split('# EOF').length - 1).toBe(isOpen ? 1 : 0);
    expect(/ # \{run_id="/.test(text)).toBe(isOpen);
  });

  /** Without the client's own ideas about encodings. */
  function ask(method: string, headers: Record<string, string>) {
    const { promise, resolve, reject } = Promise.withResolvers<{
      status: number | undefined;
      headers: Record<string, unknown>;
      body: Buffer;
    }>();
    request(`${exporter.url}/metrics`, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    })
      .on('error', reject)
      .end();
    return promise;
  }

  it('gzip where it is taken, the same text inside', async () => {
    const plain = await ask('GET', {});
    expect(plain.headers).not.toHaveProperty('content-encoding');
    const packed = await ask('GET', { 'accept-encoding': 'deflate, gzip;q=0.5' });
    expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(packed.body.length) });
    expect(packed.body.length).toBeLessThan(plain.body.length / 4);
    expect(fleetLines(gunzipSync(packed.body).toString())).toEqual(fleetLines(plain.body.toString()));
    expect((await ask('GET', { 'accept-encoding': 'gzip;q=0' })).headers).not.toHaveProperty('content-encoding');
  });

  it('HEAD has the headers of GET and no body', async () => {
    for (const headers of [{}, { accept: OPENMETRICS }, { 'accept-encoding': 'gzip' }]) {
      const [get, head] = [await ask('GET', headers), await ask('HEAD', headers)];
      // The own families move from one scrape to the next, so lengths differ a little.
      const fixed = ({ date: _d, 'x-request-id': _i, 'content-length': length, ...rest }: Record<string, unknown>) => ({
        ...rest,
        'content-length': Math.round(Number(length) / 1_000),
      });
      expect(head.status).toBe(200);
      expect(head.body).toHaveLength(0);
      expect(fixed(head.headers)).toEqual(fixed(get.headers));
    }
  });
});

describe('many scrapes at once', () => {
  it('40 are answered, the 41st is refused and told when to come again', async () => {
    const blocker = new pg.Client({ connectionString: database.connectionString });
    await blocker.connect();
    try {
      await blocker.query('begin; lock table fleetlens.rollup in access exclusive mode');
      const scrapes = Array.from({ length: 41 }, async () => {
        const response = await fetch(`${exporter.url}/metrics`);
        return {
          status: response.status,
          retryAfter: response.headers.get('retry-after'),
          text: await response.text(),
        };
      });
      const refused = await Promise.race(scrapes);
      expect(refused).toMatchObject({
        status: 503,
        retryAfter: '1',
        text: expect.stringContaining('max_concurrent_scrapes'),
      });
      await blocker.query('commit');
      const answers = await Promise.all(scrapes);
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(40);
      for (const { status, text } of answers) if (status === 200) expect(text).toMatch(/^fleetlens_ledger_up 1$/m);
    } finally {
      await blocker.end();
    }
    // Refusals leave nothing behind.
    expect(await exporter.scrape()).toMatch(/^fleetlens_ledger_up 1$/m);
  });

  it('each sees what was acknowledged before it began', async () => {
    const series = 'fleet_runs{source="pushed",project="coalesced",workflow="",status="running"}';
    let pushing = true;
    const background = Array.from({ length: 5 }, async () => {
      let last = 0;
      while (pushing) {
        const value = parseExposition(await exporter.scrape(OPENMETRICS)).get(series) ?? 0;
        expect(value).toBeGreaterThanOrEqual(last);
        last = value;
      }
    });
    try {
      for (let n = 1; n <= 30; n++) {
        await push([run({ project: 'coalesced', status: 'running' })]);
        const both = await Promise.all([exporter.scrape(), exporter.scrape(OPENMETRICS)]);
        for (const text of both) expect(parseExposition(text).get(series)).toBe(n);
      }
    } finally {
      pushing = false;
      await Promise.all(background);
    }
  });
});

describe('births and backfills', () => {
  it('all statuses of a label set start at 0 together; a young series shows 0, then its value', async () => {
    const of = async () =>
      [...parseExposition(await exporter.scrape())]
        .filter(([series]) => series.startsWith('fleet_runs_finished_total{source="pushed",project="born"'))
        .map(([series, value]) => [/status="(\w+)"/.exec(series)?.[1], value]);
    await push([run(finished({ project: 'born' })), run(finished({ project: 'born' }))]);
    const zeros = [
      ['succeeded', 0],
      ['failed', 0],
      ['timed_out', 0],
      ['cancelled', 0],
    ];
    expect(await of()).toEqual(expect.arrayContaining(zeros));
    expect(await of()).toHaveLength(4);
    await growUp();
    expect(await of()).toEqual(expect.arrayContaining([['succeeded', 2], ...zeros.slice(1)]));
  });

  it('a source that brings its history is hidden until that ends, and then starts at its value', async () => {
    const hour = Date.now() - 3_600_000;
    const past = {
      status: 'succeeded',
      startedAt: new Date(hour - 60_000).toISOString(),
      finishedAt: new Date(hour).toISOString(),
    };
    await push(Array.from({ length: 5 }, () => run({ project: 'p', ...past }, 'historic', hour)));
    const catchingUp = 'fleetlens_source_catching_up{source="historic"}';
    const before = await exporter.scrape();
    expect(parseExposition(before).get(catchingUp)).toBe(1);
    expect(fleetLines(before).filter((line) => line.includes('source="historic"'))).toEqual([]);

    await push([run({ project: 'p', status: 'running' }, 'historic')]);
    await waitFor(async () => parseExposition(await exporter.scrape()).get(catchingUp) === 0, {
      what: 'the source to go live',
    });
    const done = 'fleet_runs_finished_total{source="historic",project="p",workflow="",persona="",status="succeeded"}';
    expect(parseExposition(await exporter.scrape()).get(done)).toBe(5);
  });
});

describe('families by configuration', () => {
  const shown = async () => families(await exporter.scrape());
  const reload = async (metrics: object, sources: readonly object[] = []) => {
    const reloads = () => exporter.logs().split('"msg":"configuration reloaded"').length;
    const before = reloads();
    await exporter.writeConfig({ ...config, metrics, sources });
    process.kill(exporter.pid(), 'SIGHUP');
    await waitFor(() => reloads() > before, { what: 'the reload' });
  };

  it('a reload applies an allow list, a deny list, and the end of both', async () => {
    const all = await shown();
    await reload({ allow: ['fleet_runs', 'fleet_cost_usd_total'] });
    expect((await shown()).filter((name) => name.startsWith('fleet_'))).toEqual(['fleet_runs', 'fleet_cost_usd_total']);
    expect(await shown()).toEqual(expect.arrayContaining(['fleetlens_ledger_up', 'process_start_time_seconds']));

    await reload({ deny: ['fleet_runs', 'nodejs_version_info', 'fleetlens_series'] });
    expect(await shown()).toEqual(
      all.filter((name) => !['fleet_runs', 'nodejs_version_info', 'fleetlens_series'].includes(name)),
    );

    await reload({});
    expect(await shown()).toEqual(all);
  });

  it('a reload tells the ledger which record the costs of a source are taken from', async () => {
    const costs = async (project: string) => {
      await push([run(finished({ project, costUsd: 5 }), 'costly')]);
      // Counted with the run's other figures that wait for late usage.
      const settled = `fleet_run_cost_usd_count{source="costly",project="${project}"`;
      await waitFor(async () => (await exporter.scrape()).includes(settled), { what: 'the run to be settled' });
      await growUp();
      const samples = [...parseExposition(await exporter.scrape())];
      const counted = samples.filter(
        ([series]) => /^fleet_cost_usd_total\{source="costly"/.test(series) && series.includes(project),
      );
      return counted.reduce((sum, [, value]) => sum + value, 0);
    };
    const source = { name: 'costly', type: 'int-crucible', database_url: 'postgres://nobody@127.0.0.1:1/none' };
    expect(await costs('by-usage')).toBe(0);
    await reload({}, [{ ...source, cost_from: 'run' }]);
    expect(await costs('by-run')).toBe(5);
    await reload({});
    expect(await costs('by-usage-again')).toBe(0);
  });
});
