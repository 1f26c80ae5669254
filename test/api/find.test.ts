import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FindAnswer } from '../../exporter/src/contract/find.ts';
import { findStatement } from '../../exporter/src/ledger/read/findRecords.ts';
import { type ServedLedger, serveLedger } from './servedLedger.ts';

const TEAM = 'acme/storefront';
let served: ServedLedger;

beforeAll(async () => {
  served = await serveLedger([TEAM]);
  const at = new Date().toISOString();
  const event = (kind: string, id: string, data: object, source = 'one') => ({ id, source, kind, at, data });
  const url = 'https://github.com/Acme/Storefront/pull/12';
  await served.record([
    event('run', 'r1', {
      runId: 'run_1',
      project: TEAM,
      name: 'Fix the Rounding of discounts',
      status: 'failed',
      createdAt: '2026-01-01T00:00:00.000Z',
      triggerRunId: 'run_trigger_77',
      sandboxId: 'sbx-on-run',
      chainId: 'chain_9',
      pullRequest: { url, number: 12 },
    }),
    event('run', 'r2', {
      runId: 'run_12',
      project: 'acme/secret',
      name: 'fix THE rounding',
      status: 'running',
      createdAt: '2026-01-02T00:00:00.000Z',
      pullRequest: { url: 'https://git.example/acme/secret/-/merge_requests/12', number: 12 },
    }),
    event(
      'run',
      'r1 elsewhere',
      { runId: 'run_1', project: TEAM, status: 'succeeded', createdAt: '2026-01-03T00:00:00.000Z' },
      'two',
    ),
    event('run', 'in the box', { runId: 'boxed', project: TEAM, createdAt: '2026-01-01T00:00:00.000Z' }),
    event('sandbox', 's', { sandboxId: 'sbx_5', project: TEAM, runId: 'boxed', status: 'running' }),
    event('chain', 'c', { chainId: 'chain_9', project: TEAM, name: 'Sprints', status: 'running' }),
  ]);
  await served.ledger.pool.query(
    "insert into fleetlens.tombstone (source, run_id, pruned_at) values ('one', 'run_gone', '2026-01-02T03:04:05Z')",
  );
});
afterAll(async () => served?.close());

async function find(q: string, token?: 'all' | 'team'): Promise<string[]> {
  const { status, body }: { status: number; body: FindAnswer } = await served.get(
    `/api/v1/find?q=${encodeURIComponent(q)}`,
    token,
  );
  expect(status).toBe(200);
  return body.data.map(({ type, source, id, foundBy }) => `${type} ${source}/${id} ${foundBy}`);
}

describe('GET /api/v1/find', () => {
  it.each([
    ['run_1', ['run two/run_1 id', 'run one/run_1 id', 'run one/run_12 beginningOfId']],
    ['  run_12 ', ['run one/run_12 id']],
    ['run_trigger_77', ['run one/run_1 job']],
    ['https://github.com/acme/storefront/pull/12', ['run one/run_1 pullRequest']],
    ['https://github.com/Acme/Storefront/pull/12/files?w=1#top', ['run one/run_1 pullRequest']],
    ['acme/Storefront#12', ['run one/run_1 pullRequest']],
    ['acme/secret#12', ['run one/run_12 pullRequest']],
    ['#12', ['run one/run_12 pullRequest', 'run one/run_1 pullRequest']],
    ['sbx_5', ['sandbox one/sbx_5 id', 'run one/boxed sandbox']],
    ['sbx-on-run', ['run one/run_1 sandbox']],
    ['chain_9', ['chain one/chain_9 id', 'run one/run_1 chain']],
    ['fix the rounding', ['run one/run_12 name', 'run one/run_1 beginningOfName']],
    ['FIX', ['run one/run_12 beginningOfName', 'run one/run_1 beginningOfName']],
    ['run_gone', ['run one/run_gone id']],
    ['run_go', ['run one/run_gone beginningOfId']],
    ['100%', []],
    ['r', []],
  ])('%s', async (q, expected) => {
    expect(await find(q)).toEqual(expected);
  });

  it('says where each is, what it is, and when a pruned one went', async () => {
    const { body }: { body: FindAnswer } = await served.get('/api/v1/find?q=run_trigger_77');
    expect(body.data).toEqual([
      {
        type: 'run',
        source: 'one',
        id: 'run_1',
        foundBy: 'job',
        path: ['runs', 'one', 'run_1'],
        project: TEAM,
        title: 'Fix the Rounding of discounts',
        status: 'failed',
        createdAt: '2026-01-01T00:00:00.000Z',
      },
    ]);
    const { body: pruned }: { body: FindAnswer } = await served.get('/api/v1/find?q=run_gone');
    expect(pruned.data[0]?.prunedAt).toBe('2026-01-02T03:04:05.000Z');
  });

  it('finds nothing of projects that the reader may not see', async () => {
    expect(await find('run_1', 'team')).toEqual(['run two/run_1 id', 'run one/run_1 id']);
    expect(await find('#12', 'team')).toEqual(['run one/run_1 pullRequest']);
    expect(await find('sbx_5', 'team')).toEqual(['sandbox one/sbx_5 id', 'run one/boxed sandbox']);
    expect(await find('run_gone', 'team')).toEqual([]);
    expect(await find('acme/secret#12', 'team')).toEqual([]);
  });

  it('looks into indexes, however many runs there are', async () => {
    await served.ledger.pool.query(`insert into fleetlens.run (source, key, doc, stamps, at, seq)
      select 'bulk', 'b' || n, jsonb_build_object('runId', 'b' || n, 'name', md5(n::text), 'project', 'p' || n % 50, 'chainId', 'c' || n % 9000,
        'createdAt', '2026-01-01T00:00:00.000Z', 'triggerRunId', 't' || n, 'sandboxId', 's' || n,
        'pullRequest', jsonb_build_object('number', n, 'url', 'https://github.com/a/b/pull/' || n)), '{}', now(), 1
      from generate_series(1, 20000) n`);
    await served.ledger.pool.query(
      `insert into fleetlens.tombstone (source, run_id) select 'bulk', 'x' || n from generate_series(1, 20000) n`,
    );
    await served.ledger.pool.query("insert into fleetlens.source_state (source, way) values ('bulk', 'push')");
    await served.ledger.pool.query('analyze fleetlens.run, fleetlens.tombstone');
    for (const visible of [undefined, [TEAM]]) {
      const { text, values } = await findStatement(served.ledger.pool, 'a/b#77', 20, visible);
      const { rows } = await served.ledger.pool.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan.match(/.*(Seq Scan on (run|tombstone)|using run_(source_|status_)?created).*\n.*\n.*/g)).toBeNull();
    }
    expect(await find('a/b#77')).toEqual(['run bulk/b77 pullRequest']);
  });
});
