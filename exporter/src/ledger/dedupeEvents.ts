import { hash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { int4Array, uuidArray } from './binaryArrays.ts';
import type { PushedEvent } from './findAddedTo.ts';

const DAY_MS = 86_400_000;

export type DedupeResult = 'new' | 'duplicate' | 'conflict';

/** 128 bits of SHA-256, written as a uuid: the smallest type of Postgres that holds them. */
export function digest(text: string): string {
  const hex = hash('sha256', text, 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** JSON whose text does not depend on the order of fields: a sender may write the same body in another order. */
export function stableJson(value: unknown): string {
  return JSON.stringify(inOrder(value)) ?? 'null';
}

/** Built once in order and written by the engine: half the time of writing it piece by piece. */
function inOrder(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const object = value as Record<string, unknown>;
  const ordered: Record<string, unknown> = {};
  for (const field of Object.keys(object).sort()) {
    const inner = object[field];
    ordered[field] = inner !== null && typeof inner === 'object' ? inOrder(inner) : inner;
  }
  return ordered;
}

export interface EventDigest {
  /** 16 bytes as latin1, as {@link uuidArray} takes them. */
  readonly id: string;
  readonly body: string;
}

/** 128 bits of SHA-256 as 16 latin1 characters (Node's older name for that encoding is `binary`). */
function shortDigest(text: string): string {
  return hash('sha256', text, 'binary').slice(0, 16);
}

export function digestEvent({ source, id, kind, at, fields, said }: PushedEvent): EventDigest {
  const body = said ?? `${kind}\0${at}\0${stableJson(fields)}`;
  return { id: shortDigest(`${source}\0${id}`), body: shortDigest(body) };
}

interface EventToDedupe {
  readonly digest: EventDigest;
  readonly atMs: number;
}

/** What a batch says of itself: the second event of one id is a duplicate of the first, or contradicts it. */
export function dedupeWithin(events: readonly EventToDedupe[]): DedupeResult[] {
  const first = new Map<string, EventDigest>();
  return events.map(({ digest }) => {
    const earlier = first.get(digest.id);
    if (earlier !== undefined) return earlier.body === digest.body ? 'duplicate' : 'conflict';
    first.set(digest.id, digest);
    return 'new';
  });
}

const columns = (events: readonly EventToDedupe[]): Buffer[] => [
  uuidArray(events.map((e) => e.digest.id)),
  uuidArray(events.map((e) => e.digest.body)),
  int4Array(events.map((e) => Math.floor(e.atMs / DAY_MS))),
];

/**
 * Remembers ids that nobody has sent before, each named once.
 * @throws unique_violation where one is known after all. Half the work of `on conflict do nothing`, which writes twice.
 */
export async function rememberNewEvents(client: ClientBase, events: readonly EventToDedupe[]): Promise<void> {
  await client.query({
    name: 'dedupe_new',
    text: 'insert into fleetlens.dedupe (id, body, at_day) select * from unnest($1::uuid[], $2::uuid[], $3::int[])',
    values: columns(events),
  });
}

/** Remembers the ids of pushed events and says which are new. Call under the writer lock. */
export async function dedupeEvents(client: ClientBase, events: readonly EventToDedupe[]): Promise<DedupeResult[]> {
  const results = dedupeWithin(events);
  const candidates = events.filter((_, index) => results[index] === 'new');
  const { rows } = await client.query<{ id: string }>({
    name: 'dedupe_insert',
    text: `insert into fleetlens.dedupe (id, body, at_day) select * from unnest($1::uuid[], $2::uuid[], $3::int[])
      on conflict (id) do nothing returning id`,
    values: columns(candidates),
  });
  if (rows.length === candidates.length) return results;
  const inserted = new Set(rows.map((row) => fromUuid(row.id)));
  const known = candidates.filter((e) => !inserted.has(e.digest.id)).map((e) => e.digest.id);
  const bodies = await client.query<{ id: string; body: string }>({
    name: 'dedupe_bodies',
    text: 'select id, body from fleetlens.dedupe where id = any($1::uuid[])',
    values: [uuidArray(known)],
  });
  const bodyOf = new Map(bodies.rows.map((row) => [fromUuid(row.id), fromUuid(row.body)]));
  events.forEach((event, index) => {
    const body = inserted.has(event.digest.id) ? undefined : bodyOf.get(event.digest.id);
    if (body !== undefined) results[index] = body === event.digest.body ? 'duplicate' : 'conflict';
  });
  return results;
}

/** A uuid as Postgres writes it -> 16 bytes as latin1. */
function fromUuid(uuid: string): string {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('latin1');
}
