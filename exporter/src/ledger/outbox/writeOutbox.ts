import type { ClientBase } from 'pg';

/** Something that a receiver is to be told, once. */
export interface OutboxEntry {
  /** `notify:<name>` of a receiver, `source:<name>` of a source. */
  readonly receiver: string;
  /** The same thing has the same key, which is sent along: no receiver is told twice. */
  readonly key: string;
  readonly message: object;
}

/** Puts entries into the outbox, in the transaction that does what they tell of. What is there already stays as it is. */
export async function writeOutbox(client: ClientBase, entries: readonly OutboxEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await client.query(
    `insert into fleetlens.outbox (receiver, key, message)
      select e ->> 'receiver', e ->> 'key', e -> 'message' from jsonb_array_elements($1::jsonb) with ordinality as t(e, n)
      order by n on conflict (receiver, key) do nothing`,
    [JSON.stringify(entries)],
  );
}
