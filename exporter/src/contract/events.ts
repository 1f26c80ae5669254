import { z } from 'zod';
import { instant, name, sourceName } from './fields.ts';
import { definitionOf, KINDS, type Kind } from './records.ts';

/** An event as it is pushed: `data` is a record of `kind`, whole or partial. */
export const eventEnvelope = z.object({
  id: name,
  source: sourceName,
  kind: z.enum(KINDS as readonly [Kind, ...Kind[]]),
  at: instant,
  data: z.record(z.string(), z.unknown()),
});

/** What `POST /api/v1/events` answers, after the commit. `index` counts from 0 in the order of the body. */
export const ingestAnswer = z.object({
  accepted: z.number().int().nonnegative(),
  duplicates: z.number().int().nonnegative(),
  rejected: z.array(z.object({ index: z.number().int().nonnegative(), id: name.optional(), reason: z.string() })),
});
export type IngestAnswer = z.infer<typeof ingestAnswer>;

/** An event that passed validation: canonical times, unknown fields moved to `attributes.*`, secrets redacted. */
export interface NormalisedEvent {
  readonly id: string;
  readonly source: string;
  readonly kind: Kind;
  /** Canonical RFC 3339. */
  readonly at: string;
  /** The record's key, {@link recordKey}. */
  readonly key: string;
  /** Field -> value; `null` clears. Attributes are flattened: `attributes.<name>`. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** One record as a source read it: whole or partial, in the field names of the contract. Unknown fields become attributes. */
export interface PulledRecord {
  readonly kind: Kind;
  readonly data: Readonly<Record<string, unknown>>;
  /** When the source last updated it (RFC 3339); absent: the start of the poll. */
  readonly at?: string;
  /**
   * Whose run it is, where it is not the reading source's own: what is said is added to that run (ledger/addToRun.ts). Only runs
   * that the ledger has can be added to.
   */
  readonly source?: string;
}

/**
 * The known fields of an event's data by name, each also `null` (clears) or absent (leaves), except that a key field cannot
 * be null.
 */
export function eventDataShape(kind: Kind): Readonly<Record<string, z.ZodType>> {
  const { fields, key } = definitionOf(kind);
  const shape: Record<string, z.ZodType> = { attributes: z.record(z.string(), z.unknown()).nullish() };
  for (const [field, type] of Object.entries(fields)) {
    shape[field] = key.includes(field) ? (type as z.ZodType).optional() : (type as z.ZodType).nullish();
  }
  return shape;
}

/** What the data of an event may hold: {@link eventDataShape}; what else there is passes through, to become attributes. */
export function eventDataSchema(kind: Kind): z.ZodType<Record<string, unknown>> {
  return z.looseObject(eventDataShape(kind));
}
