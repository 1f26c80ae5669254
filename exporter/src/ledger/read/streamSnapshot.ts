import type pg from 'pg';
import { BEGIN_SNAPSHOT, releaseClient, toReadError } from './readSnapshot.ts';

/** Rows fetched at a time. */
const PAGE = 1_000;
/** A reader that takes nothing for so long loses its connection: others wait for it, and the ledger cannot be cleaned behind it. */
const IDLE_MS = 60_000;

/**
 * The rows of one query at one moment of the ledger, page by page through a cursor of the server. Ends the transaction when the
 * reader stops early, too.
 * @throws ReadTooSlow where a page takes more than 15 s.
 */
export async function* streamSnapshot<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  text: string,
  values: readonly unknown[],
): AsyncGenerator<readonly Row[]> {
  const client = await pool.connect();
  let isDone = false;
  try {
    await client.query(`${BEGIN_SNAPSHOT}; set local idle_in_transaction_session_timeout = ${IDLE_MS}`);
    await client.query(`declare pages no scroll cursor for ${text}`, [...values]);
    for (let hasMore = true; hasMore; ) {
      const { rows } = await client.query<Row>(`fetch ${PAGE} from pages`);
      hasMore = rows.length === PAGE;
      if (rows.length > 0) yield rows;
    }
    await client.query('commit');
    isDone = true;
  } catch (error) {
    throw toReadError(error);
  } finally {
    await releaseClient(client, isDone);
  }
}
