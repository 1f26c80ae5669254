import type { ClientBase } from 'pg';
import { digest } from './dedupeEvents.ts';

/** A record that could not be read, kept for a person to look at. */
export interface DeadLetter {
  readonly source: string;
  readonly kind?: string;
  readonly eventId?: string;
  readonly reason: string;
  readonly payload: string;
}

/** A letter holds the beginning of what was sent; whole bodies could fill the disk. */
const MAX_PAYLOAD = 65_536;

/** @returns how many are new; what was kept before moves to now. */
export async function writeDeadLetters(client: ClientBase, letters: readonly DeadLetter[]): Promise<number> {
  const payloads = letters.map((l) => l.payload.slice(0, MAX_PAYLOAD).toWellFormed().replaceAll('\0', '\uFFFD'));
  const { rows } = await client.query<{ is_new: boolean }>(
    `insert into fleetlens.dead_letter (source, kind, event_id, reason, payload, payload_hash)
      select distinct on (source, hash) source, kind, event_id, reason, payload, hash
      from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[]) as l(source, kind, event_id, reason, payload, hash)
      on conflict (source, payload_hash) do update set received_at = now(), reason = excluded.reason
      returning xmax = 0 as is_new`,
    [
      letters.map((l) => l.source),
      letters.map((l) => l.kind ?? null),
      letters.map((l) => l.eventId ?? null),
      letters.map((l) => l.reason.replaceAll('\0', '\uFFFD')),
      payloads,
      payloads.map((p) => digest(p)),
    ],
  );
  return rows.filter((row) => row.is_new).length;
}
