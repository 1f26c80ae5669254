import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, type ServedActions, serveActions } from '../api/servedActions.ts';

/** As without configuration: a baseline is made of so many runs, and so many points below it are too many. */
const RUNS = 10;
const PROJECT = 'acme/storefront';
const NOW = Date.now();
const ago = (seconds: number) => new Date(NOW - seconds * 1_000).toISOString();
let served: ServedActions;

beforeAll(async () => {
  served = await serveActions();
});
afterAll(async () => served?.close());

interface Evaluated {
  readonly workflow: string;
  readonly composite: number;
  readonly secondsAgo: number;
  readonly runId?: string;
  readonly project?: string;
  readonly persona?: string;
  readonly quality?: Json;
}

function run({ workflow, composite, secondsAgo, project = PROJECT, persona, quality, runId }: Evaluated) {
  const id = runId ?? `${workflow}-${secondsAgo}`;
  const finishedAt = ago(secondsAgo);
  const data = {
    runId: id,
    project,
    workflow,
    ...(persona === undefined ? {} : { persona }),
    status: 'succeeded',
    finishedAt,
    quality: { composite, ...quality },
  };
  return { id: `${id} ${secondsAgo}`, source: 'ci', kind: 'run', at: finishedAt, data };
}

const firstRuns = (workflow: string, composite: number, more: Partial<Evaluated> = {}) =>
  Array.from({ length: RUNS }, (_, i) => run({ workflow, composite, secondsAgo: 400 - i, ...more }));
const get = async (path: string, who: 'viewer' | 'team' = 'viewer') => {
  const { status, body } = await served.get(who, path);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
};
const qualityOf = async (runId: string) => (await get(`/api/v1/runs/ci/${runId}`)).quality as Json;
const baselineOf = async (workflow: string) =>
  ((await get(`/api/v1/quality/baselines?workflow=${workflow}`)).data as Json[])[0] as Json;
const act = (action: string, workflow: string, more: Json = {}) => ({
  action,
  source: 'ci',
  project: PROJECT,
  workflow,
  reason: 'a new model',
  ...more,
});

describe('a run far below its baseline', () => {
  it('says so, and by how much, on its page and in the list; those that the baseline is made of say nothing', async () => {
    await served.record([
      ...firstRuns('flagged', 90),
      run({ workflow: 'flagged', composite: 79.5, secondsAgo: 100, runId: 'low' }),
      run({ workflow: 'flagged', composite: 80, secondsAgo: 99, runId: 'fine' }),
    ]);
    expect(await qualityOf('low')).toEqual({
      composite: 79.5,
      baseline: 90,
      belowBaseline: true,
      belowBaselineBy: 10.5,
    });
    expect(await qualityOf('fine')).toEqual({ composite: 80, baseline: 90, belowBaseline: false });
    expect(await qualityOf('flagged-400')).toEqual({ composite: 90 });
    const listed = (await get('/api/v1/runs?workflow=flagged&limit=50')).data as { runId: string; quality: Json }[];
    expect(listed.filter(({ quality }) => quality.belowBaseline === true).map(({ runId }) => runId)).toEqual(['low']);
  });
});

describe('GET /api/v1/quality/baselines', () => {
  it('tells the score, how it came, since when, and of which runs it is made; before that, what there is of it', async () => {
    const runs = firstRuns('made', 88);
    await served.record(runs.slice(0, 4));
    expect(await baselineOf('made')).toMatchObject({ how: 'computed', wanted: RUNS, runs: { length: 4 } });
    expect(await baselineOf('made')).not.toHaveProperty('score');
    await served.record(runs.slice(4));
    const made = await baselineOf('made');
    expect(made).toMatchObject({ source: 'ci', project: PROJECT, workflow: 'made', score: 88, how: 'computed' });
    expect(made.runs).toEqual(
      runs.map(({ data }) => ({ runId: data.runId, attempt: 1, finishedAt: data.finishedAt, composite: 88 })),
    );
    expect(Date.parse(made.since as string)).toBeGreaterThanOrEqual(NOW);
    expect(made).not.toHaveProperty('wanted');
  });

  it('and the trend show a team nothing of the projects of others', async () => {
    await served.record([...firstRuns('ours', 80), ...firstRuns('theirs', 60, { project: 'acme/secret' })]);
    const workflows = async (who: 'viewer' | 'team') =>
      ((await get('/api/v1/quality/baselines', who)).data as Json[]).map(({ workflow }) => workflow);
    expect(await workflows('viewer')).toEqual(expect.arrayContaining(['ours', 'theirs']));
    expect(await workflows('team')).toContain('ours');
    expect(await workflows('team')).not.toContain('theirs');
    expect((await get('/api/v1/quality/trend?workflow=theirs', 'team')).data).toEqual([]);
    expect((await get('/api/v1/quality/trend?workflow=theirs&project=acme/secret', 'team')).data).toEqual([]);
    expect((await get('/api/v1/quality/trend?workflow=theirs')).data).not.toEqual([]);
  });
});

describe('pin_baseline', () => {
  it('judges by the score from now on, leaves what was judged before, and is audited', async () => {
    await served.record([
      ...firstRuns('pinned', 70),
      run({ workflow: 'pinned', composite: 65, secondsAgo: 50, runId: 'before' }),
    ]);
    const body = act('pin_baseline', 'pinned', { score: 95 });
    expect((await served.act('operator', body)).status).toBe(403);
    const answer = await served.act('builder', body);
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200, body: { baseline: { score: 95 } } });
    await served.record([run({ workflow: 'pinned', composite: 80, secondsAgo: -60, runId: 'after' })]);
    expect(await qualityOf('before')).toMatchObject({ baseline: 70, belowBaseline: false });
    expect(await qualityOf('after')).toMatchObject({ baseline: 95, belowBaseline: true, belowBaselineBy: 15 });
    expect(await baselineOf('pinned')).toMatchObject({
      score: 95,
      how: 'pinned',
      runs: [],
      setBy: 'builder',
      reason: 'a new model',
    });
    const entries = (await served.audit()).filter(({ target }) => target === `workflow ci/${PROJECT}/pinned`);
    expect(entries).toMatchObject([{ actor: 'builder', action: 'baseline_pin', project: PROJECT, request: body }]);
  });

  it.each([
    ['a workflow that has no runs', { workflow: 'typo', score: 80 }, 404],
    ['a score out of range', { score: 101 }, 400],
    ['no reason', { score: 80, reason: ' ' }, 400],
  ])('refuses %s', async (_what, more, status) => {
    await served.record([run({ workflow: 'refused', composite: 70, secondsAgo: 10 })]);
    expect((await served.act('builder', act('pin_baseline', 'refused', { ...more }))).status).toBe(status);
    expect(await baselineOf('refused')).not.toHaveProperty('score');
  });
});

describe('rebase_baseline', () => {
  it('makes the baseline anew of the next runs; until then there is none, and nothing is flagged', async () => {
    await served.record(firstRuns('rebased', 90));
    expect((await served.act('builder', act('rebase_baseline', 'rebased'))).status).toBe(200);
    expect(await baselineOf('rebased')).toMatchObject({ how: 'rebased', wanted: RUNS, runs: [] });
    const later = (i: number, composite: number) =>
      run({ workflow: 'rebased', composite, secondsAgo: -60 - i, runId: `next-${i}` });
    await served.record(Array.from({ length: RUNS }, (_, i) => later(i, 60)));
    expect(await qualityOf('next-0')).toEqual({ composite: 60 });
    await served.record([later(20, 52), later(21, 49)]);
    expect(await baselineOf('rebased')).toMatchObject({ how: 'rebased', score: 60, runs: { length: RUNS } });
    expect(await qualityOf('next-20')).toMatchObject({ baseline: 60, belowBaseline: false });
    expect(await qualityOf('next-21')).toMatchObject({ baseline: 60, belowBaseline: true, belowBaselineBy: 11 });
  });

  it('from a time in the past takes the runs that are there, and judges none of them again', async () => {
    const from = ago(200);
    await served.record([
      ...firstRuns('dated', 90),
      ...Array.from({ length: RUNS }, (_, i) =>
        run({ workflow: 'dated', composite: 60, secondsAgo: 150 - i, runId: `dated-low-${i}` }),
      ),
    ]);
    const answer = await served.act('builder', act('rebase_baseline', 'dated', { from }));
    expect(answer.body).toMatchObject({ baseline: { score: 60, how: 'rebased', collectsFrom: from } });
    expect(await qualityOf('dated-low-3')).toMatchObject({ baseline: 90, belowBaseline: true });
    const future = new Date(Date.now() + 3_600_000).toISOString();
    expect((await served.act('builder', act('rebase_baseline', 'dated', { from: future }))).status).toBe(400);
  });
});

describe('what a score was judged by', () => {
  const persona = (at: string, scoreWeights: Json, scoreThreshold: number) => ({
    id: `judge ${at}`,
    source: 'ci',
    kind: 'persona',
    at,
    data: { persona: 'judge', project: PROJECT, scoreWeights, scoreThreshold },
  });
  const evaluated = (secondsAgo: number, more: Json = {}) =>
    run({ workflow: 'weighed', composite: 75, secondsAgo, runId: 'weighed', persona: 'judge', quality: more });

  it('stays with it: weights and threshold that the persona gets later judge later runs', async () => {
    await served.record([persona(ago(300), { correctness: 1 }, 70), evaluated(200)]);
    const asJudged = { composite: 75, weights: { correctness: 1 }, threshold: 70, thresholdMet: true };
    expect(await qualityOf('weighed')).toEqual(asJudged);
    await served.record([persona(ago(100), { testCoverage: 1 }, 90)]);
    expect(await qualityOf('weighed')).toEqual(asJudged);
    // A source that reads the run again tells it with the persona of today.
    await served.record([evaluated(90, { weights: { testCoverage: 1 }, threshold: 90, thresholdMet: false })]);
    expect(await qualityOf('weighed')).toEqual(asJudged);
    await served.record([{ ...evaluated(80), id: 'other', data: { ...evaluated(80).data, runId: 'weighed-later' } }]);
    expect(await qualityOf('weighed-later')).toMatchObject({
      weights: { testCoverage: 1 },
      threshold: 90,
      thresholdMet: false,
    });
  });
});

describe('GET /api/v1/quality/trend', () => {
  const DAY = '2026-03-10T';
  const scored = (time: string, composite: number, correctness: number | undefined, who: string) => ({
    id: `trend ${time}`,
    source: 'ci',
    kind: 'run',
    at: `${DAY}${time}:00.000Z`,
    data: {
      runId: `trend ${time}`,
      project: PROJECT,
      workflow: 'trend',
      persona: who,
      status: 'succeeded',
      finishedAt: `${DAY}${time}:00.000Z`,
      quality: { composite, ...(correctness === undefined ? {} : { correctness }) },
    },
  });
  const path = (more = '') =>
    `/api/v1/quality/trend?workflow=trend&from=${DAY}00:00:00Z&to=${DAY}12:00:00Z&bucket=6h${more}`;
  beforeAll(() =>
    served.record([
      scored('00:00', 80, 70, 'ann'),
      scored('02:00', 90, undefined, 'ann'),
      scored('05:59', 100, 90, 'bob'),
      scored('06:00', 60, 60, 'bob'),
      scored('12:00', 10, 10, 'bob'),
    ]),
  );

  it('has count, mean, median, least and greatest of each dimension in buckets of time', async () => {
    expect(await get(path())).toEqual({
      from: `${DAY}00:00:00.000Z`,
      to: `${DAY}12:00:00.000Z`,
      bucketSeconds: 21_600,
      data: [
        {
          start: `${DAY}00:00:00.000Z`,
          evaluated: 3,
          belowBaseline: 0,
          dimensions: {
            correctness: { count: 2, mean: 80, median: 80, min: 70, max: 90 },
            composite: { count: 3, mean: 90, median: 90, min: 80, max: 100 },
          },
        },
        {
          start: `${DAY}06:00:00.000Z`,
          evaluated: 1,
          belowBaseline: 0,
          dimensions: {
            correctness: { count: 1, mean: 60, median: 60, min: 60, max: 60 },
            composite: { count: 1, mean: 60, median: 60, min: 60, max: 60 },
          },
        },
      ],
    });
  });

  it('of a persona and a dimension', async () => {
    expect((await get(path('&persona=ann&dimension=composite'))).data).toEqual([
      {
        start: `${DAY}00:00:00.000Z`,
        evaluated: 2,
        belowBaseline: 0,
        dimensions: { composite: { count: 2, mean: 85, median: 85, min: 80, max: 90 } },
      },
    ]);
  });

  it.each([
    ['bucket=soon', 'bucket: '],
    ['bucket=1m&from=2020-01-01T00:00:00Z', 'expected at most 5000 buckets'],
    ['from=2026-03-10T00:00:00Z&to=2026-03-09T00:00:00Z', 'expected a time before to'],
    ['dimension=beauty', 'dimension: '],
  ])('refuses %s', async (query, message) => {
    const { status, body } = await served.get('viewer', `/api/v1/quality/trend?${query}`);
    expect(status).toBe(400);
    expect((body.error as Json).message).toContain(message);
  });
});
