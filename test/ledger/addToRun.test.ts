import { expect, it } from 'vitest';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { normaliseData } from '../../exporter/src/normalise/normaliseEvent.ts';
import { correctionsOf, event, openLedger, recordsOf, rollupsOf, totalOf } from './ledgerBed.ts';

const NOW = Date.now();
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
const URL = 'https://github.com/acme/app/pull/7';

const openRun = (id = 'r1', seconds = 300) =>
  event(
    `${id}-open`,
    'run',
    ago(seconds),
    {
      runId: id,
      project: 'acme',
      status: 'succeeded',
      finishedAt: ago(seconds),
      pullRequest: { url: URL, number: 7, status: 'created', createdAt: ago(seconds) },
    },
    'agents',
  );

const page = (records: object[], cursor: unknown = 1) => ({
  source: 'github',
  startedAt: new Date(NOW),
  cursor,
  backfillDone: true,
  records: records.map((data) => ({
    kind: 'run' as const,
    source: 'agents',
    data: data as Record<string, unknown>,
    at: ago(10),
  })),
});

const merged = {
  runId: 'r1',
  pullRequest: { status: 'merged', mergedAt: ago(20) },
  ci: {
    status: 'passing',
    headSha: 'a',
    checks: [{ name: 'build', status: 'completed', conclusion: 'success', url: 'c1' }],
    checkedAt: ago(10),
  },
};

function delivery(id: string, seconds: number, data: Record<string, unknown>, part = false) {
  const { key, fields } = normaliseData('run', { runId: URL, ...data }, ago(seconds));
  return {
    id,
    source: 'github',
    kind: 'run' as const,
    at: ago(seconds),
    key,
    fields,
    about: { url: URL, runsOf: ['agents'], part },
  };
}

it('a polled addition is counted under the run’s source, once, and moves neither its state nor its pulled hash', async () => {
  await using bed = await openLedger();
  await bed.ledger.recordPushed([openRun()]);
  const [before] = await bed.query('select * from fleetlens.source_state where source = $1', ['agents']);
  await bed.ledger.recordPulled(page([merged]));
  const counted = await rollupsOf(bed);
  expect(counted).toMatchObject({
    'fleet_pull_requests_total{agents,acme,merged}': expect.stringContaining('value 1 '),
    'fleet_ci_checks_finished_total{agents,acme,build,success}': expect.stringContaining('value 1 '),
  });
  const records = await recordsOf(bed);
  expect(records.run).toHaveLength(1);
  await bed.ledger.recordPulled(page([merged], 2));
  expect(await recordsOf(bed)).toEqual(records);
  expect(await rollupsOf(bed)).toEqual(counted);
  const [after] = await bed.query('select * from fleetlens.source_state where source = $1', ['agents']);
  expect(after).toEqual(before);
  expect((await verifyLedger(bed.ledger.pool)).differences).toEqual([]);
  expect(await correctionsOf(bed)).toBe(0);
});

it('two sources that state the same run do not wake each other up', async () => {
  await using bed = await openLedger();
  const own = {
    source: 'agents',
    startedAt: new Date(NOW),
    cursor: 1,
    backfillDone: true,
    records: [
      {
        kind: 'run' as const,
        data: { runId: 'r1', project: 'acme', status: 'running', pullRequest: { url: URL, status: 'created' } },
      },
    ],
  };
  await bed.ledger.recordPulled(own);
  await bed.ledger.recordPulled(page([merged]));
  const records = await recordsOf(bed);
  for (let round = 2; round < 5; round++) {
    await bed.ledger.recordPulled({ ...own, startedAt: new Date(NOW + round * 1000), cursor: round });
    await bed.ledger.recordPulled(page([merged], round));
  }
  expect(await recordsOf(bed)).toEqual(records);
});

it('an addition creates no run, and keeps none alive', async () => {
  await using bed = await openLedger();
  await bed.ledger.recordPulled(page([merged]));
  expect(await recordsOf(bed)).toEqual({});
  await bed.ledger.recordPushed([
    event(
      'e',
      'run',
      ago(3_000),
      { runId: 'r1', status: 'running', startedAt: ago(3_000), pullRequest: { url: URL, status: 'created' } },
      'agents',
    ),
  ]);
  await bed.ledger.recordPulled(page([merged], 2));
  const [run] = await bed.query<{ at: Date; due_at: Date; doc: { pullRequest: { status: string } } }>(
    'select at, due_at, doc from fleetlens.run',
  );
  expect(run?.doc.pullRequest.status).toBe('merged');
  expect(run?.at.toISOString()).toBe(ago(3_000));
  expect(run?.due_at.toISOString()).toBe(new Date(NOW - 3_000_000 + 86_400_000).toISOString());
});

it('what is added to a source that is still read for the first time is not exposed before it is live', async () => {
  await using bed = await openLedger();
  await bed.ledger.recordPulled({
    source: 'agents',
    startedAt: new Date(NOW),
    cursor: 1,
    backfillDone: false,
    records: [
      {
        kind: 'run',
        data: { runId: 'r1', project: 'acme', status: 'succeeded', pullRequest: { url: URL, status: 'created' } },
      },
    ],
  });
  await bed.ledger.recordPulled(page([merged]));
  const born = await bed.query(
    "select from fleetlens.rollup where family = 'fleet_ci_checks_finished_total' and born_at is not null",
  );
  expect(born).toHaveLength(0);
  expect(
    await bed.query("select from fleetlens.source_state where source = 'agents' and live_at is not null"),
  ).toHaveLength(0);
});

it('only runs of others are added to; anything else is kept aside and holds up nothing', async () => {
  await using bed = await openLedger();
  await bed.ledger.recordPushed([openRun()]);
  const batch = page([merged]);
  await bed.ledger.recordPulled({
    ...batch,
    records: [{ kind: 'sandbox', source: 'agents', data: { sandboxId: 's' } }, ...batch.records],
  });
  expect(await bed.query('select reason from fleetlens.dead_letter')).toMatchObject([
    { reason: expect.stringMatching(/expected a run/) },
  ]);
  expect(await totalOf(bed, 'fleet_ci_checks_finished_total')).toBe(1);
});

it('a webhook adds to every run of its pull request; delivered again it is a duplicate', async () => {
  await using bed = await openLedger();
  await bed.ledger.recordPushed([openRun('r1'), openRun('r2')]);
  const done = delivery(
    'd1',
    30,
    { ci: { headSha: 'a', checks: [{ name: 'build', id: 1, status: 'completed', conclusion: 'success', url: 'c1' }] } },
    true,
  );
  expect(await bed.ledger.recordPushed([done])).toEqual([{ result: 'accepted' }]);
  const records = await recordsOf(bed);
  expect(records.run).toMatchObject([{ doc: { ci: { status: 'passing' } } }, { doc: { ci: { status: 'passing' } } }]);
  expect(await bed.ledger.recordPushed([done])).toEqual([{ result: 'duplicate' }]);
  expect(await recordsOf(bed)).toEqual(records);
  expect(await bed.query("select from fleetlens.source_state where source = 'github'")).toHaveLength(0);
  // Of a pull request that no run made, and of a source that it may not add to.
  const stranger = delivery('d2', 20, { pullRequest: { status: 'closed' } });
  await bed.ledger.recordPushed([
    { ...stranger, about: { ...stranger.about, url: 'https://github.com/acme/app/pull/70' } },
    { ...stranger, id: 'd3', about: { ...stranger.about, runsOf: ['others'] } },
  ]);
  expect(await recordsOf(bed)).toEqual(records);
});

it('webhooks of two replicas at once lose no check', async () => {
  await using bed = await openLedger();
  await bed.ledger.recordPushed([openRun()]);
  const other = bed.replica();
  const names = Array.from({ length: 12 }, (_, i) => `check ${i}`);
  await Promise.all(
    names.map((name, i) =>
      (i % 2 === 0 ? bed.ledger : other).recordPushed([
        delivery(
          `d${i}`,
          30 - i,
          { ci: { headSha: 'a', checks: [{ name, id: i + 1, status: 'completed', conclusion: 'success' }] } },
          true,
        ),
      ]),
    ),
  );
  const [run] = await bed.query<{ names: string[] }>(
    `select array(select c ->> 'name' from jsonb_array_elements(doc #> '{ci,checks}') c order by (c ->> 'id')::int) as names from fleetlens.run`,
  );
  expect(run?.names).toEqual(names);
  expect(await totalOf(bed, 'fleet_ci_checks_finished_total')).toBe(12);
});

it('lists open pull requests with what is known of them, by an index', async () => {
  await using bed = await openLedger();
  await bed.ledger.recordPushed([
    openRun('r1', 300),
    event('p', 'project', ago(400), { project: 'acme', repository: 'https://github.com/acme/app' }, 'agents'),
    event(
      'b',
      'run',
      ago(200),
      {
        runId: 'r2',
        project: 'acme',
        status: 'running',
        createdAt: ago(200),
        pullRequest: { number: 8, status: 'blocked_on_ci' },
      },
      'agents',
    ),
    event('m', 'run', ago(100), { runId: 'r3', pullRequest: { number: 9, status: 'merged' } }, 'agents'),
    event('o', 'run', ago(100), { runId: 'r4', pullRequest: { number: 10, status: 'created' } }, 'others'),
  ]);
  const open = await bed.ledger.openPullRequests(['agents']);
  expect(open.map(({ runId, pullRequest, repository }) => [runId, pullRequest.number, repository])).toEqual([
    ['r2', 8, 'https://github.com/acme/app'],
    ['r1', 7, 'https://github.com/acme/app'],
  ]);
  await bed.query('set enable_seqscan = off');
  const plan = await bed.query<{ 'QUERY PLAN': string }>(
    `explain select key from fleetlens.run where source = any(array['agents']) and doc #>> '{pullRequest,status}' in ('created', 'blocked_on_ci')`,
  );
  expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('run_open_pull_request');
});
