import pg from 'pg';
import { OWN_SOURCE } from '../../exporter/src/contract/ownSource.ts';
import { waitFor } from './waitFor.ts';

/**
 * All that came of the events that a ledger took: rollups by label set, and records with who set their fields. What the exporter
 * notes of itself (each start is an audit entry) came of none.
 */
export async function ledgerContents(connectionString: string): Promise<Record<string, unknown[]>> {
  return await withClient(connectionString, async (client) => {
    const rows = async (sql: string) => (await client.query(sql)).rows as unknown[];
    const records = (table: string) =>
      rows(`select source, key, doc, stamps::text from fleetlens.${table} order by 1, 2`);
    return {
      rollups: await rows(
        `select family, labels, value, count, buckets from fleetlens.rollup
          where labels[1] is distinct from '${OWN_SOURCE}' order by family, labels`,
      ),
      runs: await records('run'),
      steps: await records('step'),
      usage: await records('usage'),
      jobs: await records('job'),
      output: await records('output'),
    };
  });
}

/** Finished runs wait for late usage; then their cost is counted. Makes the time pass for those that are there, all of them finished. */
export async function endWaiting(connectionString: string): Promise<void> {
  await withClient(connectionString, (client) =>
    client.query('update fleetlens.run set due_at = now() where due_at > now()'),
  );
}

/** {@link endWaiting}, and waits until the exporter has looked at every run. */
export async function settleRuns(connectionString: string): Promise<void> {
  await endWaiting(connectionString);
  await withClient(connectionString, (client) =>
    waitFor(async () => (await client.query('select from fleetlens.run where due_at is not null')).rowCount === 0, {
      what: 'all runs to be settled',
    }),
  );
}

/** The value of a counter, summed over its label sets. */
export async function rollupTotal(connectionString: string, family: string): Promise<number> {
  return await withClient(connectionString, async (client) => {
    const { rows } = await client.query<{ total: string | null }>(
      'select sum(value) / 1000000000 as total from fleetlens.rollup where family = $1',
      [family],
    );
    return Number(rows[0]?.total ?? 0);
  });
}

export async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
