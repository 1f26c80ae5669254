import pg from 'pg';

/** The ledger cannot take a write now: the sender keeps the event and tries again. */
export class LedgerUnavailable extends Error {
  override readonly name = 'LedgerUnavailable';
}

// 08 connection, 25P0x, 53 resources (disk full, memory), 55P03 lock, 57 operator intervention (shutdown), 58 I/O, 40 serialization.
const UNAVAILABLE_CLASSES = ['08', '40', '53', '55', '57', '58', 'XX'];
// 22 data exceptions, 54 program limits: one record's value does not fit.
const UNIQUE_VIOLATION = '23505';
const DATA_CLASSES = ['22', '54', '23'];

function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** @returns whether Postgres refused a value, so that one record of the batch is to blame. */
export function isDataError(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && DATA_CLASSES.includes(state.slice(0, 2));
}

/** @returns the table, `schema.name`, that has a row of this key already; undefined where the error is another one. */
export function tableOfUniqueViolation(error: unknown): string | undefined {
  if (!(error instanceof pg.DatabaseError) || error.code !== UNIQUE_VIOLATION) return undefined;
  return `${error.schema}.${error.table}`;
}

/** @returns the error as LedgerUnavailable where waiting can help: the server is gone, full or starting; else as it is. */
export function asLedgerError(error: unknown): unknown {
  if (error instanceof LedgerUnavailable) return error;
  const state = sqlState(error);
  const message = error instanceof Error ? error.message : String(error);
  if (state === undefined ? isConnectionError(error) : UNAVAILABLE_CLASSES.includes(state.slice(0, 2))) {
    return new LedgerUnavailable(
      `ledger: the database cannot take the write (${state ?? 'connection'}: ${message}); the sender should try again`,
      { cause: error },
    );
  }
  return error;
}

// pg reports a lost connection as a plain Error, by message or by the socket's code.
function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: string };
  return (
    (code !== undefined && /^E(CONN|PIPE|TIMEDOUT|NOENT|HOST|NET)/.test(code)) ||
    /connection (terminated|ended|timeout)|not queryable|timeout (exceeded|expired)|client has encountered/i.test(
      error.message,
    )
  );
}
