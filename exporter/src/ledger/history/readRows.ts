import type pg from 'pg';

/** Rows fetched at a time: some megabytes. */
const PAGE = 2_000;

let cursors = 0;

/** The rows of a query one after the other, in the memory of a page. Call within a transaction. */
export async function* readRows<Row extends pg.QueryResultRow>(
  client: pg.ClientBase,
  query: string,
  values: readonly unknown[] = [],
): AsyncGenerator<Row> {
  cursors += 1;
  const cursor = `history_${cursors}`;
  await client.query(`declare ${cursor} no scroll cursor for ${query}`, [...values]);
  try {
    for (;;) {
      const { rows } = await client.query<Row>(`fetch ${PAGE} from ${cursor}`);
      yield* rows;
      if (rows.length < PAGE) return;
    }
  } finally {
    await client.query(`close ${cursor}`);
  }
}
