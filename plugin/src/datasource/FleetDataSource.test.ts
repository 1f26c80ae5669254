import {
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceInstanceSettings,
  dateTime,
  LoadingState,
} from '@grafana/data';
import { setTemplateSrv } from '@grafana/runtime';
import { HttpResponse, http } from 'msw';
import { lastValueFrom, toArray } from 'rxjs';
import { figuresOf } from '../testing/answers';
import { PROXY_URL, readUrl, serveFleet, server } from '../testing/renderPage';
import { FleetDataSource } from './FleetDataSource';
import { FleetVariables } from './FleetVariables';
import type { FleetQuery, FleetSourceOptions } from './types';

serveFleet();

const VARIABLES: Readonly<Record<string, string | string[]>> = {
  project: ['acme/a', 'acme/b'],
  run: 'r/1',
  all: '$__all',
  every: '.*',
};
beforeAll(() => {
  const replace = (text = '', _scoped?: unknown, format?: unknown) =>
    text.replace(/\$(\w+)/g, (_whole, name: string) => {
      const value = VARIABLES[name] ?? '';
      return typeof format === 'function' ? format(value) : [value].flat().join(',');
    });
  setTemplateSrv({ replace } as unknown as Parameters<typeof setTemplateSrv>[0]);
});

const source = () => new FleetDataSource({ url: PROXY_URL } as DataSourceInstanceSettings<FleetSourceOptions>);
const [from, to] = [dateTime('2026-11-20T00:00:00Z'), dateTime('2026-11-21T00:00:00Z')];

async function answers(query: Partial<FleetQuery>): Promise<DataQueryResponse[]> {
  const request = { targets: [{ refId: 'A', ...query }], range: { from, to, raw: { from, to } }, scopedVars: {} };
  return lastValueFrom(
    source()
      .query(request as unknown as DataQueryRequest<FleetQuery>)
      .pipe(toArray()),
  );
}
async function frameOf(query: Partial<FleetQuery>): Promise<DataFrame> {
  const [answer] = await answers(query);
  expect(answer?.errors ?? []).toEqual([]);
  return answer?.data[0] as DataFrame;
}
const values = (frame: DataFrame, name: string) => frame.fields.find((field) => field.name === name)?.values;

const RUN = {
  source: 'crucible',
  runId: 'r/1',
  name: 'Fix the parser',
  status: 'failed',
  rawStatus: 'FAILED',
  createdAt: '2026-11-20T10:00:00.000Z',
  startedAt: '2026-11-20T10:00:05.000Z',
  finishedAt: '2026-11-20T10:01:05.000Z',
  costUsd: 0.25,
  pullRequest: { url: 'javascript:alert(1)', status: 'created' },
};

describe('runs', () => {
  it('are asked for with the range and every value of the variables, all pages up to the limit', async () => {
    const asked: URL[] = [];
    server.use(
      http.get(readUrl('/api/v1/runs'), ({ request }) => {
        const url = new URL(request.url);
        asked.push(url);
        const isFirst = !url.searchParams.has('cursor');
        return HttpResponse.json({
          data: [{ ...RUN, runId: isFirst ? 'r1' : 'r2' }],
          nextCursor: isFirst ? 'next' : null,
        });
      }),
    );
    const frame = await frameOf({
      queryType: 'runs',
      filters: { project: ['$project'], status: ['failed'], source: ['$all'], workflow: ['$every'] },
    });
    expect(values(frame, 'run')).toEqual(['r1', 'r2']);
    expect(asked[0]?.searchParams.getAll('project')).toEqual(['acme/a', 'acme/b']);
    expect(asked[0]?.searchParams.getAll('source')).toEqual([]);
    expect(asked[0]?.searchParams.getAll('workflow')).toEqual([]);
    expect(asked[0]?.searchParams.get('since')).toBe('2026-11-20T00:00:00.000Z');
    expect(asked[1]?.searchParams.get('cursor')).toBe('next');
  });

  it('have units, the colours of their status and no address that a browser must not open', async () => {
    server.use(http.get(readUrl('/api/v1/runs'), () => HttpResponse.json({ data: [RUN], nextCursor: null })));
    const frame = await frameOf({ queryType: 'runs' });
    expect(values(frame, 'duration')).toEqual([60]);
    expect(values(frame, 'score')).toEqual([null]);
    expect(values(frame, 'pull request')).toEqual([null]);
    const field = (name: string) => frame.fields.find((candidate) => candidate.name === name);
    expect(field('cost')?.config.unit).toBe('currencyUSD');
    expect(field('status')?.config.mappings?.[0]?.options).toMatchObject({
      failed: { text: 'Failed', color: 'red' },
      waiting: { color: 'purple' },
    });
    expect(field('name')?.config.links?.[0]?.url).toContain('/a/fleetlens-fleet-app/run?source=');
  });

  it('say that there are more than the limit', async () => {
    server.use(http.get(readUrl('/api/v1/runs'), () => HttpResponse.json({ data: [RUN], nextCursor: 'next' })));
    const frame = await frameOf({ queryType: 'runs', limit: 1 });
    expect(frame.meta?.notices?.[0]?.text).toMatch(/there are more/);
  });
});

describe('one run', () => {
  it('is a trace with its wait, its steps and what failed', async () => {
    const step = { source: 'crucible', runId: 'r/1', stepId: 's1', role: 'checker', status: 'failed' };
    const started = { ...step, startedAt: '2026-11-20T10:00:06.000Z', finishedAt: '2026-11-20T10:00:36.000Z' };
    const error = { message: 'the tests fail' };
    server.use(
      http.get(readUrl('/api/v1/runs/crucible/:id'), () => HttpResponse.json(RUN)),
      http.get(readUrl('/api/v1/runs/crucible/:id/steps'), () =>
        HttpResponse.json({
          data: [
            { ...started, error },
            { ...step, stepId: 's2', status: 'queued' },
          ],
          nextCursor: null,
        }),
      ),
    );
    const frame = await frameOf({ queryType: 'trace', source: 'crucible', id: '$run' });
    expect(frame.meta?.preferredVisualisationType).toBe('trace');
    expect(values(frame, 'operationName')).toEqual(['Fix the parser', 'Queue wait', 'checker']);
    expect(values(frame, 'duration')).toEqual([65_000, 5_000, 30_000]);
    expect(values(frame, 'statusMessage')?.at(-1)).toBe('the tests fail');
    expect(values(frame, 'parentSpanID')).toEqual([null, 'run', 'run']);
  });

  it('says what is missing where none is named', async () => {
    const [answer] = await answers({ queryType: 'steps', source: 'crucible' });
    expect(answer?.state).toBe(LoadingState.Error);
    expect(answer?.errors?.[0]?.message).toMatch(/Choose a source and the id of a run/);
  });

  it('prints logs', async () => {
    const line = {
      source: 'crucible',
      runId: 'r/1',
      seq: 3,
      at: '2026-11-20T10:00:07.000Z',
      role: 'error',
      text: 'boom',
    };
    server.use(
      http.get(readUrl('/api/v1/runs/crucible/:id/output'), () =>
        HttpResponse.json({ data: [line], nextCursor: null, position: '3' }),
      ),
    );
    const frame = await frameOf({ queryType: 'output', source: 'crucible', id: '$run' });
    expect(frame.meta).toMatchObject({ type: 'log-lines', preferredVisualisationType: 'logs' });
    expect([values(frame, 'body'), values(frame, 'severity')]).toEqual([['boom'], ['error']]);
  });
});

describe('annotations', () => {
  it('are failed runs at their end', async () => {
    let status: string[] = [];
    server.use(
      http.get(readUrl('/api/v1/runs'), ({ request }) => {
        status = new URL(request.url).searchParams.getAll('status');
        return HttpResponse.json({ data: [RUN], nextCursor: null });
      }),
    );
    const frame = await frameOf({ queryType: 'events', events: ['failed_runs'] });
    expect(status).toEqual(['failed', 'timed_out']);
    expect(values(frame, 'time')).toEqual([Date.parse(RUN.finishedAt)]);
    expect(values(frame, 'title')).toEqual(['Fix the parser']);
  });
});

describe('the connection test', () => {
  it.each([
    [401, 'expected a token', /token of role viewer/],
    [404, 'not found', /Something else than a Fleetlens exporter/],
    [502, 'bad gateway', /as seen from Grafana/],
  ])('says what to do about status %i', async (status, message, advice) => {
    // What stands between answers with a message of its own.
    const body = status === 401 ? { error: { code: 'x', message, requestId: 'q' } } : { message };
    server.use(http.get(readUrl('/api/v1/sources'), () => HttpResponse.json(body, { status })));
    const result = await source().testDatasource();
    expect(result.status).toBe('error');
    expect(result.message).toMatch(message);
    expect(result.message).toMatch(advice);
  });

  it('names the sources that are stale', async () => {
    const sources = [
      { source: 'e2b-main', stale: true },
      { source: 'crucible', stale: false },
    ].map((state) => ({ backfilled: true, catchingUp: false, deadLetters: 0, ...state }));
    server.use(http.get(readUrl('/api/v1/sources'), () => HttpResponse.json({ data: sources })));
    const result = await source().testDatasource();
    expect(result).toMatchObject({ status: 'success', message: expect.stringContaining('e2b-main') });
  });
});

it('asks again what failed for a reason that passes, and shows no error', async () => {
  let failures = 2;
  server.use(
    http.get(readUrl('/api/v1/runs/crucible/r%2F1'), () => {
      failures -= 1;
      if (failures < 0) return HttpResponse.json(RUN);
      const error = { code: 'overloaded', message: 'too busy', requestId: 'q1' };
      return HttpResponse.json({ error }, { status: 503, headers: { 'Retry-After': '0' } });
    }),
  );
  expect(values(await frameOf({ queryType: 'run', source: 'crucible', id: 'r/1' }), 'status')).toEqual(['failed']);
});

it('does not ask again what will not be answered', async () => {
  let asked = 0;
  server.use(
    http.get(readUrl('/api/v1/runs/crucible/r%2F1'), () => {
      asked += 1;
      const error = { code: 'not_found', message: 'no such run', requestId: 'q2' };
      return HttpResponse.json({ error }, { status: 404 });
    }),
  );
  const [answer] = await answers({ queryType: 'run', source: 'crucible', id: 'r/1' });
  expect([asked, answer?.errors?.[0]?.message]).toEqual([1, 'no such run (request q2)']);
});

it('asks for the chosen figures alone and shows no others, in a table and over time', async () => {
  const asked: (string | null)[] = [];
  const figures = { successRate: 0.5, costUsd: 2 };
  const day = { from: '2026-11-20T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' };
  server.use(
    http.get(readUrl('/api/v1/analytics/:what'), ({ request, params }) => {
      asked.push(new URL(request.url).searchParams.get('figures'));
      const scope = { ...day, asOf: day.to, groups: 1 };
      if (params.what === 'runs') return HttpResponse.json({ ...scope, data: [{ workflow: 'a', ...figures }] });
      const data = [{ workflow: 'a', points: [{ ...day, ...figures }] }];
      return HttpResponse.json({ ...scope, bucket: 'day', timeZone: 'UTC', data });
    }),
  );
  const chosen: FleetQuery['figures'] = ['costUsd', 'successRate'];
  const table = await frameOf({ queryType: 'analytics', figures: chosen });
  expect(table.fields.map(({ name, values }) => [name, ...values])).toEqual([
    ['workflow', 'a'],
    ['success rate', 0.5],
    ['cost', 2],
  ]);
  const series = await frameOf({ queryType: 'analytics', figures: chosen, asTimeSeries: true });
  expect(series.fields.map(({ name, labels, config }) => [name, labels, config.displayNameFromDS])).toEqual([
    ['time', undefined, undefined],
    ['success rate', { workflow: 'a' }, 'a success rate'],
    ['cost', { workflow: 'a' }, 'a cost'],
  ]);
  const one = await frameOf({ queryType: 'analytics', figures: ['costUsd'], asTimeSeries: true });
  expect(one.fields[1]?.config.displayNameFromDS).toBe('a');
  await frameOf({ queryType: 'analytics', figures: [] });
  expect(asked).toEqual(['costUsd,successRate', 'costUsd,successRate', 'costUsd', null]);
});

it('fills variables with what the runs of the exporter have', async () => {
  server.use(
    http.get(readUrl('/api/v1/analytics/runs'), ({ request }) => {
      const { searchParams } = new URL(request.url);
      expect(searchParams.getAll('source')).toEqual(['crucible']);
      expect(searchParams.get('by')).toBe('workflow');
      return HttpResponse.json(figuresOf([{ workflow: 'b' }, { workflow: 'a' }, {}]));
    }),
  );
  const request = { targets: [{ refId: 'A', values: 'workflow', filters: { source: ['crucible'] } }], scopedVars: {} };
  const { data } = await lastValueFrom(new FleetVariables(source().api).query(request as never));
  expect(data).toEqual([
    { text: 'a', value: 'a' },
    { text: 'b', value: 'b' },
  ]);
});
