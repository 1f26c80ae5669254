import type pg from 'pg';
import { definitionOf, KINDS, type Kind } from '../../contract/records.ts';
import { digest } from '../dedupeEvents.ts';
import type { Doc } from '../mergeEvent.ts';
import { recordTable } from '../recordTable.ts';
import { readRows } from './readRows.ts';

/** A record as an event that says all of it, at the time of its newest event. */
export interface ExportedEvent {
  readonly id: string;
  readonly source: string;
  readonly kind: Kind;
  /** RFC 3339 */
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface ExportRange {
  /** Records whose newest event is at this time or later, RFC 3339. */
  readonly since?: string | undefined;
  /** …or before this one. */
  readonly until?: string | undefined;
  readonly kinds?: readonly Kind[] | undefined;
}

const RANGE = '($1::timestamptz is null or at >= $1) and ($2::timestamptz is null or at < $2)';

/** All records as events, kind by kind; readings over time (queues, stores) one event each. Call within a transaction. */
export async function* exportEvents(client: pg.ClientBase, range: ExportRange): AsyncGenerator<ExportedEvent> {
  const bounds = [range.since ?? null, range.until ?? null];
  for (const kind of range.kinds ?? KINDS) {
    if (definitionOf(kind).sample) {
      // The latest reading comes below, as the record.
      const samples = readRows<{ source: string; key: string; at: Date; doc: Record<string, unknown> }>(
        client,
        `select source, key, at, doc from fleetlens.sample s where kind = '${kind}' and ${RANGE}
          and not exists (select from ${recordTable(kind)} r where r.source = s.source and r.key = s.key and r.at = s.at)
          order by at, source, key`,
        bounds,
      );
      for await (const { source, key, at, doc } of samples) yield toEvent(kind, source, key, at, unflatten(doc));
    }
    const records = readRows<{ source: string; key: string; at: Date; doc: Doc }>(
      client,
      `select source, key, at, doc from ${recordTable(kind)} where ${RANGE} order by source, key`,
      bounds,
    );
    for await (const { source, key, at, doc } of records) {
      const { source: _, ...data } = doc;
      yield toEvent(kind, source, key, at, data);
    }
  }
}

function toEvent(
  kind: Kind,
  source: string,
  key: string,
  at: Date,
  data: Readonly<Record<string, unknown>>,
): ExportedEvent {
  const time = at.toISOString();
  // The same record exported again has the same id, so that it is a duplicate where it is pushed.
  const id = `export:${kind}:${digest(`${key}\0${time}\0${JSON.stringify(data)}`)}`;
  return { id, source, kind, at: time, data };
}

/** Samples are kept as their events were: attributes flattened. */
function unflatten(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  const attributes: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(fields)) {
    if (field.startsWith('attributes.')) attributes[field.slice('attributes.'.length)] = value;
    else data[field] = value;
  }
  return Object.keys(attributes).length === 0 ? data : { ...data, attributes };
}
