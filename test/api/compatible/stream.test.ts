import { type IncomingMessage, get as request } from 'node:http';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitFor } from '../../support/waitFor.ts';
import { type ServedLedger, serveLedger, TOKENS } from '../servedLedger.ts';

/** Long enough that the buffers of a connection hold a part of it, not all. */
const NAME = `metric-${'x'.repeat(400)}`;
const RUNS = 50_000;
const ROWS = 2 * RUNS;

let served: ServedLedger;

beforeAll(async () => {
  served = await serveLedger(['octo/cli']);
  // As ingest leaves them: two metrics a run, the second of them for the sake of the bytes.
  await served.ledger.pool.query(
    `insert into fleetlens.run (source, key, doc, stamps, at, seq)
       select 'gt', 'run-' || i, jsonb_build_object('source', 'gt', 'runId', 'run-' || i, 'attributes', jsonb_build_object(
         'metricsRecordedAt', at, 'metrics.duration_ms', i, 'metricsRecorded.duration_ms', jsonb_build_object('id', i::text, 'at', at),
         'metrics.' || $1, -i, 'metricsRecorded.' || $1, jsonb_build_object('at', at))), '[]', now(), 1
       from (select i, to_char(timestamptz '2026-01-01Z' at time zone 'UTC' + i * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS".000Z"') as at
         from generate_series(1, ${RUNS}) i) made`,
    [NAME],
  );
});
afterAll(async () => served?.close());

function open(path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(`${served.url}${path}`, { headers: { authorization: `Bearer ${TOKENS.all}` }, agent: false }, resolve).on(
      'error',
      reject,
    );
  });
}

/** The exports that Postgres holds a cursor for, and how many rows each has handed out so far. */
async function cursors(): Promise<string[]> {
  const { rows } = await served.ledger.pool.query<{ state: string }>(
    `select state from pg_stat_activity where datname = current_database() and query like 'fetch %'
       and state in ('active', 'idle in transaction')`,
  );
  return rows.map(({ state }) => state);
}

/** Counts the rows that leave the database. */
function countFetched(): { readonly rows: number; readonly most: number; stop(): void } {
  const { pool } = served.ledger;
  const counted = { rows: 0, most: 0, stop: () => {} };
  const wrapped = new Set<unknown>();
  const onAcquire = (client: { query: (...args: unknown[]) => unknown }) => {
    if (wrapped.has(client)) return;
    wrapped.add(client);
    const query = client.query.bind(client);
    client.query = (...args) => {
      const answer = query(...args);
      if (typeof args[0] === 'string' && args[0].startsWith('fetch ')) {
        (answer as Promise<{ rows: unknown[] }>).then(
          ({ rows }) => {
            counted.rows += rows.length;
            counted.most = Math.max(counted.most, rows.length);
          },
          () => {},
        );
      }
      return answer;
    };
    restore.push(() => {
      client.query = query;
    });
  };
  const restore: (() => void)[] = [];
  pool.on('acquire', onAcquire);
  counted.stop = () => {
    pool.off('acquire', onAcquire);
    for (const undo of restore.reverse()) undo();
  };
  return counted;
}

it('100,000 rows flow as their reader takes them: while it waits, the rest stays in the database', async () => {
  const fetched = countFetched();
  try {
    const answer = await open('/api/analytics/export');
    expect(answer.statusCode).toBe(200);
    // Nobody reads: the server stops asking the database once the buffers of the connection are full.
    let before = -1;
    await waitFor(
      async () => {
        const isStill =
          fetched.rows > 0 && fetched.rows === before && (await cursors()).join() === 'idle in transaction';
        before = fetched.rows;
        return isStill;
      },
      { what: 'the export to wait for its reader', intervalMs: 250 },
    );
    expect(fetched.rows).toBeLessThan(ROWS / 2);

    let lines = 0;
    let sum = 0;
    for await (const line of createInterface({ input: answer })) {
      lines += 1;
      if (line.includes(',duration_ms,')) sum += Number(line.split(',')[3]);
    }
    expect(lines).toBe(ROWS + 1);
    expect(sum).toBe((RUNS * (RUNS + 1)) / 2);
    expect(fetched.rows).toBe(ROWS);
    // No more than a page of them was in memory at a time.
    expect(fetched.most).toBeLessThanOrEqual(1_000);
    await waitFor(async () => (await cursors()).length === 0, { what: 'the end of the transaction' });
  } finally {
    fetched.stop();
  }
});

it('a reader that goes away frees its connection; of many at once some are asked to come again', async () => {
  const readers = await Promise.all([open('/api/analytics/export'), open('/api/analytics/export')]);
  expect(readers.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
  const refused = await open('/api/analytics/export');
  expect(refused.statusCode).toBe(503);
  expect(refused.headers['retry-after']).toBe('2');
  refused.resume();
  // The other reads have connections left meanwhile.
  expect((await served.get('/api/v1/runs?limit=1')).status).toBe(200);
  for (const reader of readers) reader.destroy();
  await waitFor(async () => (await cursors()).length === 0, {
    what: 'the transactions of readers that went away to end',
  });
  const last = await waitFor(
    async () => {
      const answer = await open(`/api/analytics/export?metricName=duration_ms&limit=3`);
      return answer.statusCode === 200 && answer;
    },
    { what: 'the next export' },
  );
  const lines = [];
  for await (const line of createInterface({ input: last })) lines.push(line);
  expect(lines.map((line) => line.split(',')[1])).toEqual(['run_id', 'run-49998', 'run-49999', 'run-50000']);
});

it('exports that fail before their first row are over: those that come after them find their connections', async () => {
  const { pool } = served.ledger;
  await pool.query('alter table fleetlens.adapter rename to adapter_away');
  try {
    for (let i = 0; i < 3; i++) {
      const failed = await open('/api/analytics/export');
      failed.resume();
      expect(failed.statusCode).toBe(500);
    }
  } finally {
    await pool.query('alter table fleetlens.adapter_away rename to adapter');
  }
  const last = await open('/api/analytics/export?metricName=duration_ms&limit=1');
  last.resume();
  expect(last.statusCode).toBe(200);
});

it('the figures of 50,000 runs are exact', async () => {
  const { body } = await served.get('/api/analytics/metrics?metricName=duration_ms&aggregation=stddev');
  expect(body).toMatchObject({ count: RUNS, min: 1, max: RUNS });
  // Of 1 to n: n (n + 1) / 12 is the variance of a sample.
  expect((body as { value: number }).value).toBeCloseTo(Math.sqrt((RUNS * (RUNS + 1)) / 12), 6);
});
