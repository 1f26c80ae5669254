import pg from 'pg';

/** in_failed_sql_transaction: an earlier statement failed, and says why. */
const ABORTED = '25P02';

const isAborted = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === ABORTED;

/**
 * Waits for statements of one transaction that were sent together. Where one fails, those behind it fail too, with nothing
 * to say but that; their rejections may be heard first.
 * @throws the error of the statement that failed by itself.
 */
export async function allStatements<T extends readonly unknown[]>(
  statements: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(statements).then((settled) => {
    const errors = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    if (errors.length > 0) throw errors.find((error) => !isAborted(error)) ?? errors[0];
  });
  return await Promise.all(statements);
}
