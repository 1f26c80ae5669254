import type pg from 'pg';

/** A read that takes longer is cut: it would hold up the writers that share the server. */
const STATEMENT_TIMEOUT_MS = 15_000;
const QUERY_CANCELED = '57014';

/** A query took too long. */
export class ReadTooSlow extends Error {
  override readonly name = 'ReadTooSlow';
}

/** Queries after this see one moment of the ledger, and cannot write. */
export const BEGIN_SNAPSHOT = `begin isolation level repeatable read read only; set local statement_timeout = ${STATEMENT_TIMEOUT_MS}`;

/**
 * Runs queries that see one moment of the ledger and cannot write.
 * @throws ReadTooSlow after 15 s.
 */
export async function readSnapshot<T>(pool: pg.Pool, read: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isDone = false;
  try {
    await client.query(BEGIN_SNAPSHOT);
    const answer = await read(client);
    await client.query('commit');
    isDone = true;
    return answer;
  } catch (error) {
    throw toReadError(error);
  } finally {
    await releaseClient(client, isDone);
  }
}

export function toReadError(error: unknown): Error {
  const failure = error instanceof Error ? error : new Error(String(error));
  if (!('code' in failure && failure.code === QUERY_CANCELED)) return failure;
  return new ReadTooSlow(
    `the query took more than ${STATEMENT_TIMEOUT_MS / 1000} s; narrow it with since, source, project or status`,
    { cause: error },
  );
}

/** A transaction that was not ended is ended before others use the connection; one that cannot be is closed. */
export async function releaseClient(client: pg.PoolClient, isDone: boolean): Promise<void> {
  const isEnded =
    isDone ||
    (await client.query('rollback').then(
      () => true,
      () => false,
    ));
  client.release(!isEnded);
}
