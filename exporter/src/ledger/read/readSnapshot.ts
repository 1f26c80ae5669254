import type pg from 'pg';

/** A read that takes longer is cut: it would hold up the writers that share the server. */
const STATEMENT_TIMEOUT_MS = 15_000;
const QUERY_CANCELED = '57014';

/** A query took too long. */
export class ReadTooSlow extends Error {
  override readonly name = 'ReadTooSlow';
}

/**
 * Runs queries that see one moment of the ledger and cannot write.
 * @throws ReadTooSlow after 15 s.
 */
export async function readSnapshot<T>(pool: pg.Pool, read: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query(
      `begin isolation level repeatable read read only; set local statement_timeout = ${STATEMENT_TIMEOUT_MS}`,
    );
    const answer = await read(client);
    await client.query('commit');
    return answer;
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    if ('code' in failure && failure.code === QUERY_CANCELED) {
      throw new ReadTooSlow(
        `the query took more than ${STATEMENT_TIMEOUT_MS / 1000} s; narrow it with since, source, project or status`,
        { cause: error },
      );
    }
    throw error;
  } finally {
    if (failure === undefined) client.release();
    else {
      // A transaction that failed is ended before others use the connection; one that cannot be is closed.
      const ended = await client.query('rollback').then(
        () => true,
        () => false,
      );
      client.release(!ended);
    }
  }
}
