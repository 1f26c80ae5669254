import { Validator } from '@seriousme/openapi-schema-validator';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTIONS } from '../../exporter/src/actions/index.ts';
import {
  RECORD_LIST_NAMES,
  RECORD_LISTS,
  RUN_SORTS,
  type RunAnswer,
  type RunSort,
  recordListOf,
  SORT_ORDERS,
} from '../../exporter/src/contract/api.ts';
import { remedyOf } from '../../exporter/src/contract/errorCategories.ts';
import type { RunRecord } from '../../exporter/src/contract/records.ts';
import { simulateFleet } from '../../exporter/src/demo/simulateFleet.ts';
import { recordsStatement } from '../../exporter/src/ledger/read/listRecords.ts';
import { type ServedLedger, serveLedger } from './servedLedger.ts';

type Page<T> = { data: T[]; nextCursor: string | null };
type Json = Record<string, unknown>;

const TEAM = 'acme/storefront';
const HOUR_MS = 3_600_000;
const JSON_MEDIA = 'application/json';
const END = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
let served: ServedLedger;
let runs: RunRecord[];

beforeAll(async () => {
  served = await serveLedger([TEAM]);
  await served.record(simulateFleet({ seed: 7, from: new Date(END - 30 * HOUR_MS), to: new Date(END) }));
  await served.record(ownEvents());
  runs = await all<RunRecord>('/api/v1/runs?limit=500');
});
afterAll(async () => served?.close());

/** What the simulated fleet does not have: a known project, and texts with the wildcards of LIKE. */
function* ownEvents() {
  const at = new Date(END - HOUR_MS).toISOString();
  const event = (kind: string, id: string, data: Json) => ({ id, source: 'own', kind, at, data });
  for (const project of [TEAM, 'acme/secret']) {
    const runId = `run of/${project}?é`;
    yield event('run', `run ${project}`, {
      runId,
      project,
      name: project === TEAM ? 'Ship 100% of_it' : 'Ship 1000 often',
      status: 'failed',
      prompt: 'the whole prompt',
      createdAt: at,
      chainId: `chain ${project}`,
      error: { message: 'git push was rejected' },
    });
    yield event('step', `step ${project}`, { runId, stepId: 's1', index: 0, status: 'failed' });
    for (const seq of [9, 10, 100]) {
      yield event('output', `output ${project} ${seq}`, {
        runId,
        stepId: 's1',
        seq,
        role: 'stdout',
        text: `line ${seq}`,
      });
    }
    yield event('usage', `usage ${project}`, { usageId: `u ${project}`, runId, date: at.slice(0, 10), costUsd: 2 });
    yield event('chain', `chain ${project}`, {
      chainId: `chain ${project}`,
      project,
      status: 'running',
      createdAt: at,
    });
    if (project === TEAM) {
      yield event('sandbox', 'box', { sandboxId: 'box', runId, project, status: 'killed' });
      yield event('approval', 'ask', {
        approvalId: 'ask',
        runId,
        project,
        requestedAt: at,
        decidedAt: at,
        slaSeconds: 60,
      });
    }
    yield event('audit', `audit ${project}`, { auditId: `a ${project}`, project, action: 'pr_merge', actor: 'ann' });
    yield event('project', `project ${project}`, { project, members: 3 });
  }
  // In some hours the simulated fleet has none whose checks fail.
  const ci = { status: 'failing' };
  yield event('run', 'plain', { runId: 'plain', project: TEAM, status: 'succeeded', createdAt: at, ci });
  yield event('errorGroup', 'group', { fingerprint: 'f1', component: 'api', project: TEAM, lastSeenAt: at });
  yield event('queue', 'queue', { queue: 'default', due: 3 });
}

async function page<T>(path: string, token?: 'all' | 'team'): Promise<Page<T>> {
  const { status, body } = await served.get(path, token);
  expect(status, `${path}: ${JSON.stringify(body)}`).toBe(200);
  return body;
}

/** Follows the cursors. */
async function all<T>(path: string, token?: 'all' | 'team'): Promise<T[]> {
  const found: T[] = [];
  let cursor = '';
  for (;;) {
    const { data, nextCursor }: Page<T> = await page<T>(`${path}${cursor}`, token);
    found.push(...data);
    if (nextCursor === null) return found;
    cursor = `&cursor=${nextCursor}`;
  }
}

const pathOf = ({ source, runId }: RunRecord) =>
  `/api/v1/runs/${encodeURIComponent(source)}/${encodeURIComponent(runId ?? '')}`;

describe('runs', () => {
  const values: Record<RunSort, (run: RunRecord) => string | number> = {
    created_at: (run) => run.createdAt ?? run.startedAt ?? '',
    started_at: (run) => run.startedAt ?? '',
    finished_at: (run) => run.finishedAt ?? '',
    duration: (run) =>
      run.startedAt && run.finishedAt ? (Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000 : -1,
    cost: (run) => run.costUsd ?? -1,
    score: (run) => run.quality?.composite ?? -1,
  };
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

  it('has enough to page through', () => {
    expect(runs.length).toBeGreaterThan(150);
    expect(new Set(runs.map((run) => run.source)).size).toBe(5);
  });

  it.each(RUN_SORTS.flatMap((sort) => SORT_ORDERS.map((order) => [sort, order] as const)))(
    'are sorted by %s %s over pages',
    async (sort, order) => {
      const value = values[sort];
      const expected = [...runs].sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        const first = x < y ? 1 : x > y ? -1 : 0;
        const ties = byBytes(a.source, b.source) || byBytes(a.runId as string, b.runId as string);
        return (order === 'desc' ? 1 : -1) * (first || ties);
      });
      const found = await all<RunRecord>(`/api/v1/runs?sort=${sort}&order=${order}&limit=37`);
      expect(found.map(pathOf)).toEqual(expected.map(pathOf));
    },
  );

  const filters: [string, (run: RunRecord) => boolean][] = [
    ['source=own', (run) => run.source === 'own'],
    ['status=failed&status=cancelled', (run) => run.status === 'failed' || run.status === 'cancelled'],
    [`project=${TEAM}&project=acme/secret`, (run) => run.project === TEAM || run.project === 'acme/secret'],
    [`project=${TEAM}&status=succeeded`, (run) => run.project === TEAM && run.status === 'succeeded'],
    [
      'score_min=60&score_max=85.5',
      ({ quality }) => (quality?.composite ?? -1) >= 60 && (quality?.composite ?? 99) <= 85.5,
    ],
    ['cost_min=0.5&cost_max=2', ({ costUsd }) => costUsd !== undefined && costUsd >= 0.5 && costUsd <= 2],
    ['pr_status=merged&pr_status=created', (run) => ['merged', 'created'].includes(run.pullRequest?.status ?? '')],
    ['ci_status=failing', (run) => run.ci?.status === 'failing'],
    ['error_category=git_push', (run) => run.error?.category === 'git_push'],
    ['origin=sprint', (run) => run.origin === 'sprint'],
    [`chain_id=chain ${TEAM}`, (run) => run.chainId === `chain ${TEAM}`],
    ['q=100%25 of_it', (run) => run.name === 'Ship 100% of_it'],
    ['q=PUSH WAS rejected&source=own', (run) => run.source === 'own' && run.error !== undefined],
    [
      `since=${new Date(END - 5 * HOUR_MS).toISOString()}`,
      (run) => Date.parse(run.createdAt ?? '') >= END - 5 * HOUR_MS,
    ],
    [
      `until=${new Date(END - 5 * HOUR_MS).toISOString()}`,
      (run) => Date.parse(run.createdAt ?? '') < END - 5 * HOUR_MS,
    ],
  ];
  it.each(filters)('are filtered by %s', async (filter, keeps) => {
    const expected = runs.filter(keeps).map(pathOf);
    expect(expected.length).toBeGreaterThan(0);
    expect(expected.length).toBeLessThan(runs.length);
    const found = await all<RunRecord>(`/api/v1/runs?${filter}&limit=20`);
    expect(found.map(pathOf)).toEqual(expected);
  });

  it.each(['', 'status=failed&status=running', `project=${TEAM}&cost_min=0.5`])(
    'are counted by status: %s',
    async (filter) => {
      const others = filter.replace(/status=\w+&?/g, '');
      const left = await all<RunRecord>(`/api/v1/runs?${others}&limit=500`);
      const asked = await all<RunRecord>(`/api/v1/runs?${filter}&limit=500`);
      const byStatus = Object.groupBy(left, ({ status = 'unknown' }) => status);
      const { body } = await served.get(`/api/v1/runs/counts?${filter}`);
      expect(body).toEqual({
        total: asked.length,
        byStatus: Object.fromEntries(Object.entries(byStatus).map(([status, found]) => [status, found.length])),
      });
    },
  );

  it.each(['workflow', 'persona', 'model'] as const)('are filtered by a %s that occurs', async (field) => {
    const value = runs.find((run) => run[field] !== undefined)?.[field];
    const expected = runs.filter((run) => run[field] === value).map(pathOf);
    const found = await all<RunRecord>(`/api/v1/runs?${field}=${encodeURIComponent(value ?? 'none')}&limit=500`);
    expect(found.map(pathOf)).toEqual(expected);
  });

  it('are filtered by whether they were below their baseline, the last time that they were judged', async () => {
    const judged = runs.filter((run) => run.quality?.composite !== undefined).slice(0, 3);
    const judge = (run: RunRecord | undefined, baseline: number, attempt: number) =>
      served.ledger.pool.query(
        `insert into fleetlens.evaluation (source, run_id, attempt, project, workflow, persona, at, composite, baseline, margin)
          values ($1, $2, $3, '', '', '', '', 50, $4, 10)`,
        [run?.source, run?.runId, attempt, baseline],
      );
    await judge(judged[0], 61, 100);
    await judge(judged[1], 60, 100);
    await judge(judged[2], 90, 100);
    await judge(judged[2], 50, 101);
    const below = await all<RunRecord>('/api/v1/runs?below_baseline=true&limit=500');
    expect(below.map(pathOf)).toContain(pathOf(judged[0] as RunRecord));
    expect(below.map(pathOf)).not.toContain(pathOf(judged[1] as RunRecord));
    expect(below.map(pathOf)).not.toContain(pathOf(judged[2] as RunRecord));
    expect(await all('/api/v1/runs?below_baseline=false&limit=500')).toHaveLength(runs.length - below.length);
    await served.ledger.pool.query('delete from fleetlens.evaluation where attempt >= 100');
  });

  it('does not shift pages when a newer run arrives', async () => {
    const first = await page<RunRecord>('/api/v1/runs?limit=10');
    const at = new Date(Date.now()).toISOString();
    await served.record([
      { id: 'newer', source: 'own', kind: 'run', at, data: { runId: 'newer', status: 'running', createdAt: at } },
    ]);
    const second = await page<RunRecord>(`/api/v1/runs?limit=10&cursor=${first.nextCursor}`);
    expect(second.data.map(pathOf)).toEqual(runs.slice(10, 20).map(pathOf));
    runs = await all('/api/v1/runs?limit=500');
  });

  it('leaves the prompt to the page of the run', async () => {
    const run = runs.find((one) => one.runId === `run of/${TEAM}?é`) as RunRecord;
    expect(run.prompt).toBeUndefined();
    const { body }: { body: RunAnswer } = await served.get(
      `${pathOf(run)}?include=steps,usage,spent,chain,sandboxes,approvals`,
    );
    expect(body).toMatchObject({
      prompt: 'the whole prompt',
      error: { category: 'git_push' },
      steps: [{ stepId: 's1' }],
      usage: [{ costUsd: 2 }],
      spent: [{ records: 1, costUsd: 2 }],
      chain: { chainId: `chain ${TEAM}` },
      sandboxes: [{ sandboxId: 'box' }],
      approvals: [{ approvalId: 'ask', slaSeconds: 60 }],
      remedy: remedyOf('git_push'),
    });
  });

  it('says when retention removed a run, to those who see everything', async () => {
    await served.ledger.pool.query(
      "insert into fleetlens.tombstone (source, run_id, pruned_at) values ('own', 'gone', '2026-01-02T03:04:05Z')",
    );
    const { status, body } = await served.get('/api/v1/runs/own/gone');
    expect(status).toBe(410);
    expect(body).toMatchObject({ error: { code: 'pruned', prunedAt: '2026-01-02T03:04:05.000Z' } });
    expect((await served.get('/api/v1/runs/own/gone', 'team')).status).toBe(404);
    expect((await served.get('/api/v1/runs/own/never')).status).toBe(404);
  });
});

describe('steps and output', () => {
  it('answers the steps of every run in pages, by index', async () => {
    let most = 0;
    for (const run of runs.slice(0, 40)) {
      const steps = await all<{ runId: string; index?: number; stepId: string }>(`${pathOf(run)}/steps?limit=2`);
      expect(steps.every((step) => step.runId === run.runId)).toBe(true);
      const indexes = steps.map((step) => step.index ?? Number.POSITIVE_INFINITY);
      expect(indexes).toEqual([...indexes].sort((a, b) => a - b));
      expect(new Set(steps.map((step) => step.stepId)).size).toBe(steps.length);
      most = Math.max(most, steps.length);
    }
    expect(most).toBeGreaterThan(3);
  });

  it('answers output in the order of seq, its tail, and what came after', async () => {
    const path = `${pathOf({ source: 'own', runId: `run of/${TEAM}?é` })}/output`;
    const seqs = async (query: string) => (await all<{ seq: number }>(`${path}?${query}`)).map(({ seq }) => seq);
    expect(await seqs('limit=1')).toEqual([9, 10, 100]);
    expect(await seqs('tail=2')).toEqual([10, 100]);
    expect(await seqs('step=s1&after=9')).toEqual([10, 100]);
    expect(await seqs('step=s2')).toEqual([]);
    expect((await served.get('/api/v1/runs/own/none/output')).status).toBe(404);
  });
});

describe('lists of records', () => {
  it.each(RECORD_LIST_NAMES)('%s: pages are the whole list, newest first', async (name) => {
    const { time } = recordListOf(name);
    // An approval is older with each look.
    const listed = async (query: string) =>
      (await all<Json>(`/api/v1/${name}?${query}`)).map(({ ageSeconds: _, ...record }) => record as Json);
    const whole = await listed('limit=500');
    expect(whole.length).toBeGreaterThan(0);
    const limit = Math.max(1, Math.ceil(whole.length / 4));
    expect(await listed(`limit=${limit}`)).toEqual(whole);
    if (time === undefined) return;
    const times = whole.map((record) => (record[time] as string | undefined) ?? '');
    expect(times).toEqual([...times].sort().reverse());
    expect(await listed(`limit=${limit}&order=oldest`)).toEqual([...whole].reverse());
  });

  it('filters by what the list says', async () => {
    const [usage] = await all<Json>(`/api/v1/usage?run_id=${encodeURIComponent(`run of/${TEAM}?é`)}`);
    expect(usage).toMatchObject({ usageId: `u ${TEAM}` });
    expect(await all(`/api/v1/usage?project=${TEAM}&source=own`)).toEqual([usage]);
    expect((await all<Json>('/api/v1/audit?actor=ann')).map(({ auditId }) => auditId)).toEqual([
      'a acme/secret',
      `a ${TEAM}`,
    ]);
  });

  it('an export in the order of commits gets what arrives late, once', async () => {
    const first = await page<Json>('/api/v1/audit?order=recorded&limit=500');
    expect(first.nextCursor).not.toBeNull();
    const late = { auditId: 'late', action: 'persona_edit', at: new Date(END - 20 * HOUR_MS).toISOString() };
    await served.record([{ id: 'late', source: 'own', kind: 'audit', at: late.at, data: late }]);
    const second = await page<Json>(`/api/v1/audit?order=recorded&cursor=${first.nextCursor}`);
    expect(second.data).toMatchObject([late]);
    const third = await page<Json>(`/api/v1/audit?order=recorded&cursor=${second.nextCursor}`);
    expect(third.data).toEqual([]);
    expect(third.nextCursor).toBe(second.nextCursor);
  });

  it('answers the samples of a queue over time, in pages', async () => {
    const since = new Date(END - 30 * HOUR_MS).toISOString();
    const [queue] = (await page<{ source: string; queue: string }>('/api/v1/queues')).data;
    const path = `/api/v1/queues/${queue?.source}/${encodeURIComponent(queue?.queue ?? '')}/samples?since=${since}`;
    const samples = await all<{ at: string; queue: string }>(`${path}&limit=500`);
    expect(samples.length).toBeGreaterThan(10);
    expect(samples.map(({ at }) => at)).toEqual(samples.map(({ at }) => at).sort());
    expect(await all(`${path}&limit=7`)).toEqual(samples);
  });

  it.each(RECORD_LIST_NAMES.filter((name) => 'time' in RECORD_LISTS[name]))(
    '%s is read from an index',
    async (name) => {
      const client = new pg.Client({ connectionString: served.connectionString });
      await client.connect();
      try {
        // The tables of a test are small; what is asked is whether the index can serve the order at all.
        await client.query('set enable_seqscan = off; set enable_sort = off; set enable_incremental_sort = off');
        for (const order of ['newest', 'oldest', ...(name === 'audit' ? ['recorded' as const] : [])] as const) {
          const { text, values } = recordsStatement(name, { filters: {}, order, limit: 10 }, undefined);
          const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values);
          const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
          expect(plan, plan).toMatch(/Index Scan.* using \w+_(time|seq)/);
          expect(plan).not.toContain('Sort');
        }
      } finally {
        await client.end();
      }
    },
  );
});

describe('a token with projects', () => {
  it('sees the runs of its projects and no other, whatever it asks for', async () => {
    const found = await all<RunRecord>('/api/v1/runs?limit=5', 'team');
    expect(found.map(pathOf)).toEqual(runs.filter((run) => run.project === TEAM).map(pathOf));
    expect(await all('/api/v1/runs?project=acme/secret', 'team')).toEqual([]);
    expect(await all(`/api/v1/runs?project=acme/secret&project=${TEAM}&limit=500`, 'team')).toHaveLength(found.length);
  });

  it.each(['', '/steps', '/output'])('does not learn of the run of another: %s', async (part) => {
    const other = pathOf({ source: 'own', runId: 'run of/acme/secret?é' });
    const own = pathOf({ source: 'own', runId: `run of/${TEAM}?é` });
    expect((await served.get(`${other}${part}`)).status).toBe(200);
    expect((await served.get(`${own}${part}`, 'team')).status).toBe(200);
    const { status, body } = await served.get(`${other}${part}`, 'team');
    expect(status).toBe(404);
    expect(JSON.stringify(body)).not.toContain('git push');
  });

  it.each(RECORD_LIST_NAMES)('sees of %s what belongs to its projects', async (name) => {
    const ownRuns = new Set(runs.filter((run) => run.project === TEAM).map((run) => `${run.source} ${run.runId}`));
    const belongs = (record: Json) =>
      record.project === undefined ? ownRuns.has(`${record.source} ${record.runId}`) : record.project === TEAM;
    const whole = await all<Json>(`/api/v1/${name}?limit=500`);
    expect(await all(`/api/v1/${name}?limit=500`, 'team')).toEqual(whole.filter(belongs));
  });

  it('reads no record of another by its id, and no samples', async () => {
    expect((await served.get('/api/v1/chains/own/chain%20acme%2Fsecret')).status).toBe(200);
    expect((await served.get('/api/v1/chains/own/chain%20acme%2Fsecret', 'team')).status).toBe(404);
    expect((await served.get(`/api/v1/chains/own/${encodeURIComponent(`chain ${TEAM}`)}`, 'team')).status).toBe(200);
    const since = new Date(END - 30 * HOUR_MS).toISOString();
    expect(await all(`/api/v1/queues/own/default/samples?since=${since}`, 'team')).toEqual([]);
    expect(await all(`/api/v1/queues/own/default/samples?since=${since}`)).toHaveLength(1);
  });
});

describe('wrong parameters', () => {
  it.each([
    ['/api/v1/runs?limit=0', 'limit: found "0", expected at least 1'],
    ['/api/v1/runs?limit=ten', 'limit: found "ten", expected a number'],
    ['/api/v1/runs?status=broken', 'status: found "broken", expected one of queued, running'],
    ['/api/v1/runs?statsu=failed', 'statsu: unknown parameter, expected one of source, project'],
    ['/api/v1/runs?since=yesterday', 'since: found "yesterday", expected an RFC 3339 time'],
    ['/api/v1/runs?source=a%00b', 'expected text without NUL characters'],
    ['/api/v1/runs?cursor=bm90aGluZw', 'expected the nextCursor of an earlier page'],
    ['/api/v1/audit?order=random', 'order: found "random", expected one of newest, oldest, recorded'],
    ['/api/v1/queues?order=newest', 'order: unknown parameter'],
    ['/api/v1/runs/own/x/output?tail=5&cursor=x', 'tail: found "5", expected tail or cursor, not both'],
    ['/api/v1/runs/own/x?include=everything', 'include: '],
  ])('%s is refused', async (path, message) => {
    const { status, body } = await served.get(path);
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: 'invalid_parameter', message: expect.stringContaining(message) } });
  });

  it('refuses the cursor of another sort, and forged ones', async () => {
    const { nextCursor } = await page<RunRecord>('/api/v1/runs?sort=cost&limit=1');
    expect((await served.get(`/api/v1/runs?cursor=${nextCursor}`)).status).toBe(400);
    const forge = (list: string, values: string[]) => Buffer.from(JSON.stringify([list, values])).toString('base64url');
    expect((await served.get(`/api/v1/runs?sort=cost&cursor=${forge('runs cost desc', ['x', 'y', 'z'])}`)).status).toBe(
      400,
    );
    expect((await served.get(`/api/v1/runs?cursor=${forge('runs created_at desc', ['\0', 'y', 'z'])}`)).status).toBe(
      400,
    );
    expect(
      (await served.get(`/api/v1/audit?order=recorded&cursor=${forge('audit recorded', ['x', 'y', 'z'])}`)).status,
    ).toBe(400);
  });

  it('answers an id with a NUL like any other that does not exist', async () => {
    expect((await served.get('/api/v1/runs/own/a%00b')).status).toBe(404);
  });
});

describe('GET /openapi.json', () => {
  // Whether answers are as described, `served.get` asks of each.
  it('is valid OpenAPI 3.1 whose references resolve', async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(served.description.document))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    expect(() => validator.resolveRefs()).not.toThrow();
  });

  it('has every route that is served', () => {
    const described = served.description.routes();
    expect(served.routes.length).toBeGreaterThan(30);
    expect(served.routes.filter((route) => !described.includes(route))).toEqual([]);
  });

  it('every JSON body that is sent or answered has an example, as its schema says', () => {
    const found: string[] = [];
    const missing: string[] = [];
    const check = (operationId: string, values: readonly unknown[], place: readonly string[]) => {
      const validate = served.description.validator('paths', ...place, 'content', JSON_MEDIA, 'schema');
      for (const value of values) {
        expect(validate(value), `${operationId}: ${JSON.stringify(validate.errors?.slice(0, 3))}`).toBe(true);
        // The schema says something: another body does not pass.
        expect(validate({ data: [{ source: 7 }] }), operationId).toBe(false);
      }
      (values.length === 0 ? missing : found).push(operationId);
    };
    for (const { method, path, operation } of served.description.operations()) {
      const place = [path, method.toLowerCase()];
      const sent = operation.requestBody?.content[JSON_MEDIA];
      const samples = Object.values(sent?.examples ?? {}).map(({ value }) => value);
      if (sent !== undefined) check(operation.operationId, samples, [...place, 'requestBody']);
      for (const status of ['200', '400', '401', '403', '404']) {
        const answer = operation.responses[status]?.content?.[JSON_MEDIA];
        if (answer === undefined) continue;
        const values = answer.example === undefined ? [] : [answer.example];
        check(operation.operationId, values, [...place, 'responses', status]);
      }
    }
    // What a webhook's body is, its sender says; this document is what it is.
    expect(missing).toEqual(['receiveWebhook', 'openapi']);
    expect(found.length).toBeGreaterThan(150);
  });

  it('has an example of each action', () => {
    const body = served.description.document.paths['/api/v1/actions']?.post?.requestBody?.content[JSON_MEDIA];
    expect(Object.keys(body?.examples ?? {}).sort()).toEqual(ACTIONS.map(({ name }) => name).sort());
  });
});
