/** A record's known fields, `source` and `attributes`. */
export type Doc = { source: string; attributes?: Record<string, unknown> } & Record<string, unknown>;

/**
 * Who set which fields: (event time, event id, fields). The first entry names no fields: it owns every field of the
 * document that no other entry names. A field that was cleared is always named.
 */
export type Stamp = readonly [at: string, id: string, fields?: readonly string[]];

export interface Merged {
  readonly doc: Doc;
  readonly stamps: readonly Stamp[];
}

export interface MergeResult extends Merged {
  /** Something in document or stamps is not as before. */
  readonly changed: boolean;
  /** Fields of the event that a later event had already set. */
  readonly late: readonly string[];
}

const ATTRIBUTE = 'attributes.';

function readField(doc: Doc, field: string): unknown {
  if (!field.startsWith(ATTRIBUTE)) return doc[field];
  const { attributes } = doc;
  const name = field.slice(ATTRIBUTE.length);
  // An attribute may be called `constructor`: what every object inherits is no attribute.
  return attributes !== undefined && Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}

function writeField(doc: Doc, field: string, value: unknown): void {
  if (!field.startsWith(ATTRIBUTE)) {
    if (value === null || value === undefined) delete doc[field];
    else doc[field] = value;
    return;
  }
  const name = field.slice(ATTRIBUTE.length);
  const attributes = { ...doc.attributes };
  if (value === null || value === undefined) delete attributes[name];
  else attributes[name] = value;
  if (Object.keys(attributes).length > 0) doc.attributes = attributes;
  else delete doc.attributes;
}

/** @returns the document with the fields set, whoever set them before: what would have been, had this event been the last. */
export function overlay(doc: Doc, fields: Readonly<Record<string, unknown>>): Doc {
  const copy: Doc = { ...doc };
  for (const field in fields) writeField(copy, field, fields[field]);
  return copy;
}

/** @returns when the event happened that last set the field, and that event's id; undefined where none did. */
export function stampOf(merged: Merged, field: string): Stamp | undefined {
  for (let i = 1; i < merged.stamps.length; i++) {
    const stamp = merged.stamps[i] as Stamp;
    if (stamp[2]?.includes(field)) return stamp;
  }
  return readField(merged.doc, field) === undefined ? undefined : merged.stamps[0];
}

/**
 * Applies an event field by field: the later `at` wins, equal `at`: the greater id. So any order of the same events gives
 * the same record. `null` clears, an absent field leaves.
 */
export function mergeEvent(
  before: Merged | undefined,
  event: { source: string; at: string; id: string; fields: Readonly<Record<string, unknown>> },
): MergeResult {
  const { at, id, fields } = event;
  if (before === undefined) {
    const doc: Doc = { source: event.source };
    const cleared: string[] = [];
    for (const field in fields) {
      if (fields[field] === null) cleared.push(field);
      else writeField(doc, field, fields[field]);
    }
    const stamps: Stamp[] = [[at, id]];
    if (cleared.length > 0) stamps.push([at, id, cleared.sort()]);
    return { doc, stamps, changed: true, late: [] };
  }
  const won: string[] = [];
  const late: string[] = [];
  for (const field in fields) {
    const stamp = stampOf(before, field);
    const wins = stamp === undefined || at > stamp[0] || (at === stamp[0] && id >= stamp[1]);
    (wins ? won : late).push(field);
  }
  if (won.length === 0) return { ...before, changed: false, late };
  return {
    doc: overlay(before.doc, pick(fields, won)),
    stamps: restamp(before, [at, id], won, fields),
    changed: true,
    late,
  };
}

function pick(fields: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const name of names) picked[name] = fields[name];
  return picked;
}

/** Canonical, so that two orders of the same events give equal stamps: base = the stamp that owns most, ties by (at, id). */
function restamp(
  before: Merged,
  stamp: readonly [string, string],
  won: readonly string[],
  fields: Readonly<Record<string, unknown>>,
): Stamp[] {
  const taken = new Set(won);
  const owners = new Map<string, { at: string; id: string; present: string[]; cleared: string[] }>();
  const own = (at: string, id: string, field: string, present: boolean) => {
    const key = `${at} ${id}`;
    let owner = owners.get(key);
    if (owner === undefined) {
      owner = { at, id, present: [], cleared: [] };
      owners.set(key, owner);
    }
    (present ? owner.present : owner.cleared).push(field);
  };
  const [base] = before.stamps as [Stamp];
  const named = new Set<string>();
  for (const [at, id, list] of before.stamps.slice(1)) {
    for (const field of list ?? []) {
      named.add(field);
      if (!taken.has(field)) own(at, id, field, readField(before.doc, field) !== undefined);
    }
  }
  for (const field of fieldsOf(before.doc)) {
    if (!named.has(field) && !taken.has(field)) own(base[0], base[1], field, true);
  }
  for (const field of won) own(stamp[0], stamp[1], field, fields[field] !== null);

  const list = [...owners.values()].sort(
    (a, b) => b.present.length - a.present.length || (a.at < b.at || (a.at === b.at && a.id < b.id) ? 1 : -1),
  );
  const stamps: Stamp[] = [];
  list.forEach((owner, index) => {
    if (index === 0) {
      stamps.push([owner.at, owner.id]);
      if (owner.cleared.length > 0) stamps.push([owner.at, owner.id, owner.cleared.sort()]);
    } else stamps.push([owner.at, owner.id, [...owner.present, ...owner.cleared].sort()]);
  });
  return stamps;
}

function fieldsOf(doc: Doc): string[] {
  const fields: string[] = [];
  for (const field in doc) {
    if (field === 'source') continue;
    if (field === 'attributes') for (const name in doc.attributes) fields.push(ATTRIBUTE + name);
    else fields.push(field);
  }
  return fields;
}
