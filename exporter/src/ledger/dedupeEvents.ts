import { hash } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { NormalisedEvent } from '../contract/events.ts';

const DAY_MS = 86_400_000;

export type DedupeResult = 'new' | 'duplicate' | 'conflict';

/** 128 bits of SHA-256, written as a uuid: the smallest type of Postgres that holds them. */
export function digest(text: string): string {
  const hex = hash('sha256', text, 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** JSON whose text does not depend on the order of fields: a sender may write the same body in another order. */
export function stableJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(stableJson).join(',')}]`;
  const object = value as Record<string, unknown>;
  return `{${Object.keys(object)
    .sort()
    .map((field) => `${JSON.stringify(field)}:${stableJson(object[field])}`)
    .join(',')}}`;
}

export interface EventDigest {
  readonly id: string;
  readonly body: string;
}

export function digestEvent({ source, id, kind, at, fields }: NormalisedEvent): EventDigest {
  return { id: digest(`${source}\0${id}`), body: digest(`${kind}\0${at}\0${stableJson(fields)}`) };
}

/** Remembers the ids of pushed events and says which are new. Call under the writer lock. */
export async function dedupeEvents(
  client: ClientBase,
  events: readonly { readonly digest: EventDigest; readonly atMs: number }[],
): Promise<DedupeResult[]> {
  const results = new Array<DedupeResult>(events.length).fill('new');
  const first = new Map<string, number>();
  events.forEach((event, index) => {
    const earlier = first.get(event.digest.id);
    if (earlier === undefined) first.set(event.digest.id, index);
    else results[index] = events[earlier]?.digest.body === event.digest.body ? 'duplicate' : 'conflict';
  });
  const indexes = [...first.values()];
  const candidates = indexes.map((index) => events[index] as (typeof events)[number]);
  const { rows } = await client.query<{ id: string }>({
    name: 'dedupe_insert',
    text: `insert into fleetlens.dedupe (id, body, at_day) select * from unnest($1::uuid[], $2::uuid[], $3::int[])
      on conflict (id) do nothing returning id`,
    values: [
      candidates.map((e) => e.digest.id),
      candidates.map((e) => e.digest.body),
      candidates.map((e) => Math.floor(e.atMs / DAY_MS)),
    ],
  });
  if (rows.length === candidates.length) return results;
  const inserted = new Set(rows.map((row) => row.id));
  const known = candidates.filter((e) => !inserted.has(e.digest.id)).map((e) => e.digest.id);
  const bodies = await client.query<{ id: string; body: string }>({
    name: 'dedupe_bodies',
    text: 'select id, body from fleetlens.dedupe where id = any($1::uuid[])',
    values: [known],
  });
  const bodyOf = new Map(bodies.rows.map((row) => [row.id, row.body]));
  events.forEach((event, index) => {
    const body = inserted.has(event.digest.id) ? undefined : bodyOf.get(event.digest.id);
    if (body !== undefined) results[index] = body === event.digest.body ? 'duplicate' : 'conflict';
  });
  return results;
}
