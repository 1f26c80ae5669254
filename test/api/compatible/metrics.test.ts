import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../../exporter/src/contract/records.ts';
import { type ExporterProcess, startExporter } from '../../support/exporterProcess.ts';
import { type GittinkererDatabase, gittinkererDatabase } from '../../support/gittinkererDatabase.ts';
import { rollupTotal, withClient } from '../../support/ledgerContents.ts';
import { migratedDatabase, type TestDatabase } from '../../support/postgres.ts';
import { temporaryDirectory } from '../../support/temporaryDirectory.ts';
import { waitFor } from '../../support/waitFor.ts';

type Json = Record<string, unknown>;

const TOKENS = {
  ingest: 'ingest-token-for-tests',
  elsewhere: 'ingest-token-of-another',
  viewer: 'viewer-token-for-tests',
  team: 'viewer-token-of-a-team',
};
const tokens = [
  { name: 'bash', role: 'ingest', token: TOKENS.ingest },
  { name: 'elsewhere', role: 'ingest', token: TOKENS.elsewhere, sources: ['other'] },
  { name: 'viewer', role: 'viewer', token: TOKENS.viewer },
  { name: 'team', role: 'viewer', token: TOKENS.team, projects: ['octo/cli'] },
];
const SCRIPT = fileURLToPath(new URL('./metrics.sh', import.meta.url));
const MINUTE_MS = 60_000;

let database: TestDatabase;
let exporter: ExporterProcess;

beforeAll(async () => {
  database = await migratedDatabase();
  exporter = await startExporter({
    config: {
      ledger: { database_url: database.connectionString },
      tokens,
      compatible: { metrics_source: 'tinker' },
    },
  });
});
afterAll(async () => {
  await exporter?.stop();
  await database?.drop();
});

async function post(body: unknown, token: keyof typeof TOKENS | null = 'ingest', at = exporter) {
  const response = await fetch(`${at.url}/api/metrics/record`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${TOKENS[token]}` }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const answer = (await response.json()) as {
    accepted: number;
    duplicates: number;
    rejected: { index: number; id?: string; reason: string }[];
    error: { code: string; message: string; requestId: string };
  };
  return { status: response.status, answer };
}

async function pushEvent(event: Json): Promise<void> {
  const response = await fetch(`${exporter.url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKENS.ingest}` },
    body: JSON.stringify({ events: [event] }),
  });
  expect(response.status, exporter.logs().slice(-1500)).toBe(200);
}

async function get(path: string, token: keyof typeof TOKENS = 'viewer', at = exporter) {
  const response = await fetch(at.url + path, {
    headers: { authorization: `Bearer ${TOKENS[token]}` },
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function json(path: string, token?: keyof typeof TOKENS, at?: ExporterProcess): Promise<Json> {
  const { status, text } = await get(path, token, at);
  expect(status, text).toBe(200);
  return JSON.parse(text) as Json;
}

const runOf = (runId: string, source = 'tinker', at?: ExporterProcess) =>
  json(`/api/v1/runs/${source}/${encodeURIComponent(runId)}?include=usage`, undefined, at) as Promise<
    RunRecord & { usage: Json[] }
  >;
const metric = (run_id: string, metric_name: string, metric_value: unknown, more: Json = {}) => ({
  run_id,
  metric_name,
  metric_value,
  ...more,
});
const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE_MS).toISOString();
/** As the document has them: every name of its table, and one that it does not know. */
const FIGURES = {
  duration_ms: 5432,
  exit_code: 0,
  tokens_used: 1250,
  files_changed: 3,
  cost_usd: 2.5,
  review_rounds: 2,
};

describe('POST /api/metrics/record', () => {
  it('a metric a request: each is where the source puts it', async () => {
    const at = ago(1);
    for (const [name, value] of Object.entries(FIGURES)) {
      const { status, answer } = await post(metric('each', name, value, { recorded_at: at }));
      expect({ status, ...answer }).toEqual({ status: 200, accepted: 1, duplicates: 0, rejected: [] });
    }
    expect(await runOf('each')).toMatchObject({
      source: 'tinker',
      runId: 'each',
      exitCode: 0,
      costUsd: 2.5,
      counts: { filesChanged: 3 },
      usageMissing: false,
      attributes: {
        ...Object.fromEntries(Object.entries(FIGURES).map(([name, value]) => [`metrics.${name}`, value])),
        'metricsRecorded.duration_ms': { at },
        metricsRecordedAt: at,
      },
      usage: [
        {
          usageId: 'each:completion',
          quantity: 1250,
          unit: 'tokens',
          costUsd: 2.5,
          durationSeconds: 5.432,
          date: at.slice(0, 10),
        },
      ],
    });
    expect(await rollupTotal(database.connectionString, 'fleet_usage_quantity_total')).toBe(1250);
    expect(await rollupTotal(database.connectionString, 'fleet_cost_usd_total')).toBe(2.5);
  });

  it('takes all of a run at once, by name or as a list, and the spellings of the service', async () => {
    const at = ago(1);
    expect((await post({ run_id: 'by-name', recorded_at: at, metrics: FIGURES })).answer.accepted).toBe(6);
    const list = Object.entries(FIGURES).map(([name, value]) => ({ metricName: name, metricValue: String(value) }));
    expect((await post({ runId: 'as-list', recordedAt: at, metrics: list })).answer.accepted).toBe(6);
    const rows = Object.entries(FIGURES).map(([name, value]) => ({ runId: 'as-rows', name, value, recorded_at: at }));
    expect((await post(rows)).answer.accepted).toBe(6);
    const comparable = async (runId: string) => JSON.parse(JSON.stringify(await runOf(runId)).replaceAll(runId, 'run'));
    expect(await comparable('as-list')).toEqual(await comparable('by-name'));
    expect(await comparable('as-rows')).toEqual(await comparable('by-name'));
  });

  it('what is known of a run stays: its other counts, and the day on which it ended', async () => {
    const finishedAt = ago(2 * 24 * 60);
    const data = { runId: 'known', status: 'succeeded', finishedAt, counts: { linesAdded: 3 } };
    await pushEvent({ id: 'known', source: 'tinker', kind: 'run', at: finishedAt, data });
    expect((await post({ run_id: 'known', metrics: FIGURES })).answer.accepted).toBe(6);
    expect(await runOf('known')).toMatchObject({
      counts: { linesAdded: 3, filesChanged: 3 },
      usage: [{ quantity: 1250, date: finishedAt.slice(0, 10) }],
    });
  });

  it('the latest value wins, by its own time; null is a value that is not known', async () => {
    await post(metric('late', 'tokens_used', 900, { recorded_at: ago(2) }));
    await post(metric('late', 'tokens_used', 1250, { recorded_at: ago(1) }));
    await post(metric('late', 'tokens_used', 7, { recorded_at: ago(3) }));
    await post(metric('late', 'odd', null));
    const { attributes, usage } = await runOf('late');
    expect(attributes?.['metrics.tokens_used']).toBe(1250);
    expect(usage).toMatchObject([{ quantity: 1250 }]);
    await post(metric('late', 'odd', -1.5));
    expect((await runOf('late')).attributes?.['metrics.odd']).toBe(-1.5);
  });

  it('under an id it counts once, whenever it comes again; another value under it is a conflict', async () => {
    const once = metric('again', 'webhook_processed', 3, { id: 'w-1' });
    const before = await rollupTotal(database.connectionString, 'fleet_adapter_requests_total');
    expect((await post(once)).answer).toMatchObject({ accepted: 1, duplicates: 0 });
    // Without a time of its own: it is the same though it comes at another moment.
    expect((await post(once)).answer).toMatchObject({ accepted: 0, duplicates: 1 });
    const { status, answer } = await post({ ...once, metric_value: 4 });
    expect([status, answer.error.code]).toEqual([409, 'conflict']);
    expect(await rollupTotal(database.connectionString, 'fleet_adapter_requests_total')).toBe(before + 3);
    // Rows of the table that nothing tells apart are rows of their own.
    await post(metric('again', 'webhook_processed', 2));
    await post(metric('again', 'webhook_processed', 2));
    expect(await rollupTotal(database.connectionString, 'fleet_adapter_requests_total')).toBe(before + 7);
    const known = metric('again', 'tokens_used', 10, { id: 17 });
    expect((await post(known)).answer.accepted).toBe(1);
    // By then the ledger knows the run, and writes more of it.
    expect((await post(known)).answer.duplicates).toBe(1);
  });

  it.each<[string, unknown, string]>([
    ['no body', '', 'empty'],
    ['no JSON', '{', 'JSON'],
    ['a number', 3, 'expected'],
    ['nothing', [], 'found none'],
    ['no run', { metric_name: 'a', metric_value: 1 }, 'run_id'],
    ['no name', { run_id: 'r', metric_value: 1 }, 'metric_name'],
    ['no value', { run_id: 'r', metric_name: 'a' }, 'metric_value'],
    ['a word', metric('r', 'a', 'many'), 'metric_value'],
    ['more than a number holds', metric('r', 'a', '1e999'), 'metric_value'],
    ['an unknown member', metric('r', 'a', 1, { unit: 'ms' }), 'unit'],
    ['no time', metric('r', 'a', 1, { recorded_at: 'yesterday' }), 'recorded_at'],
    ['a time to come', metric('r', 'a', 1, { recorded_at: ago(-60) }), '5 minutes'],
    ['a time long past', metric('r', 'a', 1, { recorded_at: ago(60 * 24 * 40) }), 'at: found'],
    ['a NUL', metric('r\0', 'a', 1), 'NUL'],
  ])('refuses %s', async (_what, body, message) => {
    const { status, answer } = await post(body);
    expect(status).toBe(400);
    expect(answer.error.message).toContain(message);
    expect(answer.error.code).toMatch(/^[a-z_]+$/);
    expect(answer.error.requestId).not.toBe('');
  });

  it('one that is refused does not hold up the others', async () => {
    const { status, answer } = await post([
      metric('part', 'a', 1),
      metric('part', 'b', 'x', { id: 'bad' }),
      metric('part', 'c', 3),
    ]);
    expect(status).toBe(200);
    expect(answer).toMatchObject({ accepted: 2, rejected: [{ index: 1 }] });
    expect((await runOf('part')).attributes).toMatchObject({ 'metrics.a': 1, 'metrics.c': 3 });
  });

  it('needs a token of role ingest that may push for the source', async () => {
    const body = metric('denied', 'a', 1);
    expect((await post(body, null)).status).toBe(401);
    expect((await post(body, 'viewer')).status).toBe(403);
    expect((await post(body, 'elsewhere')).status).toBe(403);
    expect((await get('/api/v1/runs/tinker/denied')).status).toBe(404);
    for (const path of [
      '/api/analytics/metrics?metricName=a&aggregation=avg',
      '/api/analytics/export',
      '/projects/p/runs/summary',
    ]) {
      expect((await get(path, 'ingest')).status).toBe(403);
      expect((await get(path, 'team')).status).toBe(200);
      expect((await fetch(exporter.url + path)).status).toBe(401);
    }
  });
});

describe('GET /api/analytics/metrics', () => {
  const aggregate = (name: string, aggregation: string, more = '', token?: keyof typeof TOKENS) =>
    json(`/api/analytics/metrics?metricName=${encodeURIComponent(name)}&aggregation=${aggregation}${more}`, token);
  const figure = (values: readonly number[], aggregation: string): number | null => {
    const sum = values.reduce((total, value) => total + value, 0);
    const mean = sum / values.length;
    if (aggregation === 'count') return values.length;
    if (values.length === 0) return null;
    if (aggregation === 'sum') return sum;
    if (aggregation === 'avg') return mean;
    if (aggregation === 'min') return Math.min(...values);
    if (aggregation === 'max') return Math.max(...values);
    const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
    return values.length < 2 ? null : Math.sqrt(squares / (values.length - 1));
  };
  const AGGREGATIONS = ['sum', 'avg', 'min', 'max', 'count', 'stddev'];

  it('is what the values say, whatever they are', async () => {
    const value = fc.integer({ min: -1_000_000, max: 1_000_000 }).map((n) => n / 64);
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 30 }), async (values) => {
        const name = `random-${randomUUID()}`;
        const { answer } = await post(values.map((v, i) => metric(`${name}-${i}`, name, v)));
        expect(answer.accepted).toBe(values.length);
        for (const aggregation of AGGREGATIONS) {
          const found = await aggregate(name, aggregation);
          const expected = figure(values, aggregation);
          expect(Object.keys(found)).toEqual(['metric', 'aggregation', 'value', 'count', 'min', 'max']);
          expect(found).toMatchObject({
            metric: name,
            aggregation,
            count: values.length,
            min: Math.min(...values),
            max: Math.max(...values),
          });
          if (expected === null) expect(found.value).toBeNull();
          else expect(found.value).toBeCloseTo(expected, 6);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('a hand table: the deviation is that of a sample', async () => {
    await post([2, 4, 4, 4, 5, 5, 7, 9].map((v, i) => metric(`hand-${i}`, 'hand', v)));
    expect((await aggregate('hand', 'stddev')).value).toBeCloseTo(Math.sqrt(32 / 7), 12);
    expect(await aggregate('hand', 'avg')).toEqual({
      metric: 'hand',
      aggregation: 'avg',
      value: 5,
      count: 8,
      min: 2,
      max: 9,
    });
  });

  it('what nobody recorded has no figure; a null is no value', async () => {
    expect(await aggregate('nobody', 'sum')).toEqual({
      metric: 'nobody',
      aggregation: 'sum',
      value: null,
      count: 0,
      min: null,
      max: null,
    });
    await post([metric('n1', 'with-null', 4), metric('n2', 'with-null', null)]);
    expect(await aggregate('with-null', 'avg')).toMatchObject({ value: 4, count: 1 });
    expect(await aggregate('with-null', 'stddev')).toMatchObject({ value: null, count: 1 });
  });

  it('counts a run once, by its latest value, and every webhook', async () => {
    await post(metric('twice', 'rounds', 3, { recorded_at: ago(2) }));
    await post(metric('twice', 'rounds', 5, { recorded_at: ago(1) }));
    expect(await aggregate('rounds', 'sum')).toMatchObject({ value: 5, count: 1 });
    const before = (await aggregate('webhook_processed', 'sum')).value as number;
    await post([metric('hooked', 'webhook_processed', 1), metric('hooked', 'webhook_processed', 1)]);
    expect((await aggregate('webhook_processed', 'sum')).value).toBe(before + 2);
  });

  it('from and to: a time is itself, a day is all of it', async () => {
    const at = ago(24 * 60);
    const day = at.slice(0, 10);
    await post([
      metric('at', 'timed', 1, { recorded_at: at }),
      metric('first', 'timed', 10, { recorded_at: `${day}T00:00:00.000Z` }),
      metric('last', 'timed', 100, { recorded_at: `${day}T23:59:59.999Z` }),
      metric('before', 'timed', 1000, { recorded_at: new Date(Date.parse(day) - 1).toISOString() }),
    ]);
    const sum = async (range: string) => (await aggregate('timed', 'sum', range)).value;
    expect(await sum(`&from=${day}&to=${day}`)).toBe(111);
    expect(await sum(`&to=${day}`)).toBe(1111);
    expect(await sum(`&from=${day}`)).toBe(111);
    expect(await sum(`&from=${at}&to=${at}`)).toBe(1);
    expect(await sum(`&from=${new Date(Date.parse(at) + 1).toISOString()}`)).toBe(100);
    expect(await sum(`&from=${at.slice(0, -1)}&to=${at.slice(0, -1)}`)).toBe(1);
  });

  it.each([
    ['metricName=a', 'aggregation'],
    ['aggregation=avg', 'metricName'],
    ['metricName=a&aggregation=median', 'sum'],
    ['metricName=a&aggregation=avg&from=soon', 'from'],
    ['metricName=a&aggregation=avg&to=2026-02-31', 'to'],
    ['metricName=a&aggregation=avg&metric=b', 'metric'],
    ['metricName=%00&aggregation=avg', 'NUL'],
  ])('refuses ?%s', async (query, message) => {
    const { status, text } = await get(`/api/analytics/metrics?${query}`);
    expect(status).toBe(400);
    expect((JSON.parse(text) as { error: { code: string; message: string } }).error).toMatchObject({
      code: 'invalid_parameter',
      message: expect.stringContaining(message),
    });
  });

  it('what others attach to their runs under such names is no figure, and breaks none', async () => {
    const at = ago(1);
    const attributes = { 'metrics.forged': 'a lot', 'metricsRecorded.forged': { at }, metricsRecordedAt: at };
    await pushEvent({ id: 'forged', source: 'tinker', kind: 'run', at, data: { runId: 'forged', attributes } });
    expect(await aggregate('forged', 'sum')).toMatchObject({ value: null, count: 0 });
  });
});

describe('GET /api/analytics/export', () => {
  it('has the columns of the document, oldest first, and the last so many', async () => {
    const times = [5, 4, 3].map(ago);
    const values = [null, 101, 102];
    for (const i of [2, 0, 1]) {
      await post(metric(`export-${i}`, 'exported', values[i], { recorded_at: times[i], id: 9000 + i }));
    }
    for (const limit of ['', '&format=csv&limit=1000']) {
      const { status, headers, text } = await get(`/api/analytics/export?metricName=exported${limit}`);
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
      expect(headers.get('content-disposition')).toBe('attachment; filename="run_metrics.csv"');
      expect([headers.get('cache-control'), headers.get('vary')]).toEqual(['no-store', 'Authorization']);
      expect(text).toBe(
        [
          'id,run_id,metric_name,metric_value,recorded_at',
          ...times.map((at, i) => `${9000 + i},export-${i},exported,${values[i] ?? ''},${at}`),
          '',
        ].join('\n'),
      );
    }
    const last = (await get('/api/analytics/export?metricName=exported&limit=2')).text;
    expect(
      last
        .split('\n')
        .slice(1, -1)
        .map((line) => line.split(',')[1]),
    ).toEqual(['export-1', 'export-2']);
    const ranged = (await get(`/api/analytics/export?metricName=exported&from=${times[1]}&to=${times[1]}`)).text;
    expect(ranged.split('\n')).toHaveLength(3);
  });

  it('what was recorded at one moment comes by run, name and id, and what has no time comes first', async () => {
    const at = ago(2);
    const timeless = { 'metrics.tied': 1, 'metricsRecorded.tied': {} };
    await pushEvent({ id: 'tied', source: 'tinker', kind: 'run', at, data: { runId: 'tied-z', attributes: timeless } });
    for (const [run, name, id] of [
      ['tied-b', 'tied', 'x9'],
      ['tied-a', 'tied', 'n1'],
      ['tied-a', 'other', 'n0'],
      ['tied-a', 'zz', 'n3'],
      ['tied-b', 'webhook_processed', 'w2'],
      ['tied-b', 'webhook_processed', 'w3'],
      ['tied-b', 'webhook_processed', 'w1'],
    ] as const) {
      await post(metric(run, name, 1, { recorded_at: at, id }));
    }
    const rows = async (query: string) => {
      const { text } = await get(`/api/analytics/export?${query}`);
      const cells = text.split('\n').map((line) => line.split(','));
      return cells.flatMap(([id, run, name]) => (run?.startsWith('tied-') ? `${run} ${name} ${id}` : []));
    };
    const [first, ...others] = await rows('metricName=tied');
    expect([first, others]).toEqual([expect.stringMatching(/^tied-z tied \d+$/), ['tied-a tied n1', 'tied-b tied x9']]);
    expect(await rows('metricName=tied&limit=1')).toEqual(['tied-b tied x9']);
    expect(await rows('metricName=tied&limit=3')).toEqual([first, ...others]);
    const all = [
      first,
      ...['tied-a other n0', 'tied-a tied n1', 'tied-a zz n3', 'tied-b tied x9'],
      ...['w1', 'w2', 'w3'].map((id) => `tied-b webhook_processed ${id}`),
    ];
    expect(await rows('')).toEqual(all);
    expect(await rows('limit=100000')).toEqual(all);
    for (const limit of [1, 2, 4, 5]) {
      expect(await rows(`limit=${limit}&from=${at}&to=${at}`)).toEqual(all.slice(-limit));
    }
  });

  it('webhooks of no run, and other calls of a run, are no metrics; one that counts none is one', async () => {
    const at = ago(1);
    const adapter = (id: string, data: Json) =>
      pushEvent({ id, source: 'tinker', kind: 'adapter', at, data: { at, result: 'ok', ...data } });
    await adapter('no run', { adapter: 'webhook_processed', eventId: 'h0', count: 9 });
    await adapter('other', { adapter: 'github-webhook', count: 9, attributes: { runId: 'hook-run' } });
    await adapter('one', { adapter: 'webhook_processed', eventId: 'h1', attributes: { runId: 'hook-run' } });
    await adapter('unnamed', { adapter: 'webhook_processed', count: 3, attributes: { runId: 'hook-run' } });
    const { text } = await get(`/api/analytics/export?from=${at}&to=${at}`);
    const rows = text
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split(','));
    expect(
      rows
        .filter(([, run]) => run === 'hook-run' || run === '')
        .map((row) => row.slice(1, 4))
        .sort(),
    ).toEqual([
      ['hook-run', 'webhook_processed', '1'],
      ['hook-run', 'webhook_processed', '3'],
    ]);
    expect(rows.map(([id]) => id)).not.toContain('');
  });

  it('without a name it has every metric; a row without an id keeps the one that it is given', async () => {
    await post([metric('unnumbered', 'plain', 1), metric('unnumbered', 'plainer', 2)]);
    const rows = async () => {
      const { text } = await get('/api/analytics/export');
      return text.split('\n').filter((line) => line.includes(',unnumbered,'));
    };
    const found = await rows();
    expect(found).toHaveLength(2);
    const ids = found.map((line) => Number(line.split(',')[0]));
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(Number.isSafeInteger(id) && id >= 0).toBe(true);
    expect(await rows()).toEqual(found);
  });

  it('an empty export is its header', async () => {
    expect((await get('/api/analytics/export?metricName=nothing-here')).text).toBe(
      'id,run_id,metric_name,metric_value,recorded_at\n',
    );
  });

  const hostile: [string, string][] = [
    ['=HYPERLINK("http://evil","x")', `"'=HYPERLINK(""http://evil"",""x"")"`],
    ['+1+1', `'+1+1`],
    ['-1+1', `'-1+1`],
    ['@SUM(A1)', `'@SUM(A1)`],
    ['\tcmd', `'\tcmd`],
    ['\r=1', `"'\r=1"`],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\nlines', '"two\nlines"'],
    ['plain', 'plain'],
    ['ünïcödé 😀', 'ünïcödé 😀'],
  ];
  it.each(hostile)('%j is no formula, and one cell', async (text, cell) => {
    const name = `hostile ${randomUUID()}`;
    await post(metric(text, name, -7.25));
    const { text: csv } = await get(`/api/analytics/export?metricName=${encodeURIComponent(name)}`);
    const [, row] = csv.split(/\n(.*)/s);
    expect(row).toMatch(/^\d+,/);
    // The value is a number, and stays one though it begins with a minus.
    expect(row?.replace(/^\d+,/, '')).toMatch(
      new RegExp(`^${RegExp.escape(`${cell},${name},-7.25,`)}[\\dT:.-]+Z\\n$`, 's'),
    );
  });

  it('an id that a caller chose is no formula either', async () => {
    await post(metric('chosen', 'chosen-id', 1, { id: '=1+1' }));
    expect((await get('/api/analytics/export?metricName=chosen-id')).text).toContain(`\n'=1+1,chosen,chosen-id,1,`);
  });

  it.each(['format=json', 'limit=0', 'limit=x', 'from=soon', 'name=a'])('refuses ?%s', async (query) => {
    const { status, text } = await get(`/api/analytics/export?${query}`);
    expect(status).toBe(400);
    expect(text).toContain('invalid_parameter');
  });
});

describe('beside a source of type gittinkerer that is read', () => {
  let tinker: GittinkererDatabase;
  let ledger: TestDatabase;
  let reader: ExporterProcess;

  beforeAll(async () => {
    tinker = await gittinkererDatabase();
    await tinker.execute('alter table runs add repo text');
    ledger = await migratedDatabase();
    reader = await startExporter({
      config: {
        ledger: { database_url: ledger.connectionString },
        tokens,
        sources: [{ name: 'gt', type: 'gittinkerer', database_url: tinker.connectionString, poll_interval: '200ms' }],
      },
    });
  });
  afterAll(async () => {
    await reader?.stop();
    await tinker?.drop();
    await ledger?.drop();
  });

  const backfilled = () =>
    withClient(ledger.connectionString, async (client) => {
      const { rows } = await client.query<{ way: string; backfilled: boolean }>(
        `select way, backfilled from fleetlens.source_state where source = 'gt'`,
      );
      return rows[0]?.backfilled === true && rows[0].way === 'pull';
    });

  it('a pushed metric ends where the table’s own does, in the run of that source', async () => {
    const recorded_at = ago(5);
    const insert = (id: string, repo: string) =>
      tinker.execute(
        `insert into runs (run_id, status, source, created_at, finished_at, repo) values ($1, 'succeeded', 'pr', $2, $3, $4)`,
        [id, ago(10), ago(4), repo],
      );
    await insert('pulled', 'octo/cli');
    for (const [name, value] of Object.entries(FIGURES)) {
      await tinker.execute(
        'insert into run_metrics (run_id, metric_name, metric_value, recorded_at) values ($1, $2, $3, $4)',
        ['pulled', name, value, recorded_at],
      );
    }
    await insert('pushed', 'octo/cli');
    await insert('foreign', 'octo/secret');
    const known = (id: string) => get(`/api/v1/runs/gt/${id}`, 'viewer', reader);
    await waitFor(async () => (await known('foreign')).status === 200, { what: 'the runs of the table' });
    expect((await post({ run_id: 'pushed', recorded_at, metrics: FIGURES }, 'ingest', reader)).answer.accepted).toBe(6);
    await post(metric('foreign', 'tokens_used', 5, { recorded_at }), 'ingest', reader);

    const shape = async (id: string) => {
      const { usage, attributes, ...run } = await runOf(id, 'gt', reader);
      const ids = Object.keys(attributes ?? {}).filter((name) => name.startsWith('metricsRecorded.'));
      expect(ids).toHaveLength(6);
      const { exitCode, costUsd, counts, project } = run;
      const plain = Object.fromEntries(Object.entries(attributes ?? {}).filter(([name]) => !ids.includes(name)));
      return JSON.parse(JSON.stringify({ exitCode, costUsd, counts, project, plain, usage }).replaceAll(id, 'run'));
    };
    await waitFor(async () => (await runOf('pulled', 'gt', reader)).usage.length > 0, {
      what: 'the usage of the table',
    });
    expect(await shape('pushed')).toEqual(await shape('pulled'));

    const sum = (name: string, token?: 'team') =>
      json(`/api/analytics/metrics?metricName=${name}&aggregation=sum`, token, reader).then(({ value }) => value);
    const webhooks = [metric('pushed', 'webhook_processed', 2), metric('foreign', 'webhook_processed', 3)];
    expect((await post(webhooks, 'ingest', reader)).answer.accepted).toBe(2);
    expect([await sum('tokens_used'), await sum('webhook_processed')]).toEqual([2505, 5]);
    // A reader of some projects sees the metrics of their runs.
    expect([await sum('tokens_used', 'team'), await sum('webhook_processed', 'team')]).toEqual([2500, 2]);
    const csv = (await get('/api/analytics/export?metricName=tokens_used', 'team', reader)).text;
    expect(csv).toContain(',pushed,tokens_used,1250,');
    // What the table has keeps its id there.
    expect(csv).toMatch(/^3,pulled,tokens_used,1250,/m);
    const all = (await get('/api/analytics/export', 'team', reader)).text;
    expect(all).toContain(',pushed,webhook_processed,2,');
    expect(csv + all).not.toContain('foreign');
    expect(await backfilled()).toBe(true);
  });
});

it('a push before the first poll leaves the source to its poller', async () => {
  const ledger = await migratedDatabase();
  const config = {
    ledger: { database_url: ledger.connectionString },
    tokens,
    // Nothing answers there: the poller never gets to a first page.
    sources: [{ name: 'gt', type: 'gittinkerer', database_url: 'postgres://127.0.0.1:1/none' }],
  };
  const away = await startExporter({ config });
  try {
    expect((await post(metric('early', 'tokens_used', 5), 'ingest', away)).answer.accepted).toBe(1);
    const states = await withClient(ledger.connectionString, (client) =>
      client.query(`select from fleetlens.source_state where source = 'gt' and (backfilled or way = 'push')`),
    );
    expect(states.rowCount).toBe(0);
    expect(await runOf('early', 'gt', away)).toMatchObject({ runId: 'early' });
  } finally {
    await away.stop();
    await ledger.drop();
  }
});

describe('the bash side', () => {
  interface Bash {
    readonly queue: string;
    run(
      args: readonly string[],
      options?: { retries?: number; input?: string; token?: string },
    ): Promise<{ code: number; out: string }>;
  }
  async function bash(runId: string): Promise<Bash & AsyncDisposable> {
    const directory = await temporaryDirectory('bash');
    const queue = join(directory.path, 'queue');
    return {
      queue,
      run: (args, { retries = 0, input, token = TOKENS.ingest } = {}) =>
        new Promise((resolve) => {
          const child = execFile(
            'bash',
            [SCRIPT, ...args],
            {
              env: {
                PATH: process.env.PATH,
                METRICS_API_URL: `${exporter.url}/api/metrics/record`,
                METRICS_API_TOKEN: token,
                METRICS_QUEUE: queue,
                METRICS_RETRIES: String(retries),
                PAYLOAD_RUN_ID: runId,
              },
            },
            (error, stdout) => resolve({ code: error === null ? 0 : Number(error.code), out: stdout.trim() }),
          );
          child.stdin?.end(input);
        }),
      [Symbol.asyncDispose]: () => directory.remove(),
    };
  }
  const queued = async ({ queue }: Bash) => (await readFile(queue, 'utf8')).split('\n').filter((line) => line !== '');

  it('queues while a run goes on and flushes when it has ended', async () => {
    await using shell = await bash('550e8400-e29b-41d4-a716-446655440000');
    const { out: tokens } = await shell.run(['approximate_token_count', 'Rename --dry to --dry-run.']);
    const diff = '--- a/x\n+++ b/x\n-old\n+new\n+more\n\\ No newline at end of file\n';
    const { out: loc } = await shell.run(['calculate_diff_loc'], { input: diff });
    expect([tokens, loc]).toEqual(['7', '4']);
    await shell.run(['record_metric', 'tokens_used', tokens]);
    await shell.run(['record_metric', 'files_changed', '3']);
    await shell.run(['record_metric', 'duration_ms', '5432']);
    await shell.run(['record_metric', 'diff_loc', loc]);
    const sentLater = `${shell.queue}.copy`;
    await copyFile(shell.queue, sentLater);
    expect(await shell.run(['flush_metrics'])).toMatchObject({ code: 0 });
    expect(await queued(shell)).toEqual([]);
    const run = () => runOf('550e8400-e29b-41d4-a716-446655440000');
    const first = await run();
    expect(first).toMatchObject({
      counts: { filesChanged: 3 },
      attributes: { 'metrics.tokens_used': 7, 'metrics.duration_ms': 5432, 'metrics.diff_loc': 4 },
      usage: [{ quantity: 7, durationSeconds: 5.432 }],
    });
    // The answers got lost: all of it is sent once more.
    await copyFile(sentLater, shell.queue);
    expect(await shell.run(['flush_metrics'])).toMatchObject({ code: 0 });
    expect(await run()).toEqual(first);
  });

  it('keeps what it cannot send: a refusal, an exporter that is away; a retry outlasts a restart', async () => {
    await using shell = await bash('offline');
    await shell.run(['record_metric', 'tokens_used', '11']);
    await shell.run(['record_metric', 'webhook_processed', '2']);
    expect((await shell.run(['flush_metrics'], { token: 'a-token-of-nobody-at-all' })).code).not.toBe(0);
    expect(await queued(shell)).toHaveLength(2);
    const webhooks = () => rollupTotal(database.connectionString, 'fleet_adapter_requests_total');
    const before = await webhooks();
    await exporter.kill('SIGTERM');
    expect((await shell.run(['flush_metrics'])).code).not.toBe(0);
    expect(await queued(shell)).toHaveLength(2);
    const flushing = shell.run(['flush_metrics'], { retries: 30 });
    await exporter.restart();
    expect(await flushing).toMatchObject({ code: 0 });
    expect(await queued(shell)).toEqual([]);
    expect((await runOf('offline')).attributes).toMatchObject({ 'metrics.tokens_used': 11 });
    expect(await webhooks()).toBe(before + 2);
  });
});
