import { z } from 'zod';
import { categoryOf } from '../contract/errorCategories.ts';
import { eventDataShape, eventEnvelope, type NormalisedEvent } from '../contract/events.ts';
import { quickCheckOf } from '../contract/fields.ts';
import { recordKey } from '../contract/recordKey.ts';
import { definitionOf, isKind, KINDS, type Kind } from '../contract/records.ts';
import { cleanValue, type ValueLimits, ValueRefused } from './cleanValue.ts';

/** An `at` may run this far ahead of our clock. */
export const MAX_FUTURE_MS = 5 * 60_000;

export const DEFAULT_VALUE_LIMITS: ValueLimits = { maxDepth: 64, maxTextLength: 1_000_000 };

/** Why one event was refused; the others of its batch go on. */
export class EventRejected extends Error {
  override readonly name = 'EventRejected';
}

const envelopeHead = eventEnvelope.pick({ id: true, source: true, at: true });
const isFineId = quickCheckOf(eventEnvelope.shape.id);
const isFineSource = quickCheckOf(eventEnvelope.shape.source);
const isFineInstant = quickCheckOf(eventEnvelope.shape.at);

/** By field, not as one object: an object schema asks for each field it knows, and a run has 42 of which an event sets a few. */
const dataTypes = new Map(
  KINDS.map((kind) => [
    kind,
    new Map(Object.entries(eventDataShape(kind)).map(([field, type]) => [field, { type, isFine: quickCheckOf(type) }])),
  ]),
);

/** The list of statuses is closed: a word that is not on it becomes `unknown`, and the source's own word stays beside it. */
function canonicalStatus(kind: Kind, data: Record<string, unknown>): Record<string, unknown> {
  const found = data.status;
  if (typeof found !== 'string') return data;
  const status = dataTypes.get(kind)?.get('status');
  if (status === undefined || status.isFine(found) || status.type.safeParse(found).success) return data;
  return { ...data, status: 'unknown', rawStatus: data.rawStatus ?? found };
}

/** Label texts that are empty say nothing: they clear the field, as null does. */
function withoutEmptyNames(data: Record<string, unknown>): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const field in data) {
    if (data[field] === '') {
      copy ??= { ...data };
      copy[field] = null;
    }
  }
  return copy ?? data;
}

/** Where, what was expected, and what was found there. */
function describeIssues(issues: readonly z.core.$ZodIssue[], prefix: string, value: unknown): string {
  return issues
    .slice(0, 3)
    .map(({ path, message }) => {
      const where = [prefix, ...path].filter((p) => p !== '').join('.');
      const found = path.reduce<unknown>(
        (inner, step) => (inner !== null && typeof inner === 'object' ? Reflect.get(inner, step) : undefined),
        value,
      );
      return `${where}: ${message}${message.includes('found') ? '' : `, found ${describeFound(found)}`}`;
    })
    .join('; ');
}

function describeFound(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') {
    const length = value.length > 40 ? ` of ${value.length} characters` : '';
    return `${JSON.stringify(value.slice(0, 40))}${length}`;
  }
  if (value === null || typeof value !== 'object') return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

const SPANS: readonly [string, string][] = [
  ['startedAt', 'finishedAt'],
  ['createdAt', 'finishedAt'],
  ['enqueuedAt', 'finishedAt'],
  ['startedAt', 'endedAt'],
  ['requestedAt', 'decidedAt'],
];

function refuseBackwardSpans(data: Record<string, unknown>): void {
  for (const [start, end] of SPANS) {
    const from = data[start];
    const to = data[end];
    if (typeof from === 'string' && typeof to === 'string' && to < from) {
      throw new EventRejected(`data.${end}: found ${to}, expected a time not before data.${start} (${from})`);
    }
  }
}

/**
 * Turns an untrusted data object of a kind into fields: validates, cleans, redacts, derives what the contract says.
 * @param at canonical RFC 3339, the event's time.
 * @throws EventRejected
 */
export function normaliseData(
  kind: Kind,
  rawData: Readonly<Record<string, unknown>>,
  at: string,
  limits: ValueLimits = DEFAULT_VALUE_LIMITS,
): { key: string; fields: Record<string, unknown> } {
  let cleaned: Record<string, unknown>;
  try {
    cleaned = cleanValue(rawData, limits) as Record<string, unknown>;
  } catch (cause) {
    if (cause instanceof ValueRefused) throw new EventRejected(cause.message, { cause });
    throw cause;
  }
  const definition = definitionOf(kind);
  const types = dataTypes.get(kind) as NonNullable<ReturnType<typeof dataTypes.get>>;
  const data = canonicalStatus(kind, withoutEmptyNames(cleaned));
  const fields: Record<string, unknown> = {};
  let attributes: Record<string, unknown> | null | undefined;
  const issues: z.core.$ZodIssue[] = [];
  for (const field in data) {
    const value = data[field];
    const known = types.get(field);
    if (known === undefined) {
      if (field !== 'source' && value !== undefined) fields[`attributes.${field}`] = value;
      continue;
    }
    if (field !== 'attributes' && known.isFine(value)) {
      fields[field] = value;
      continue;
    }
    const parsed = known.type.safeParse(value);
    if (!parsed.success) {
      issues.push(...parsed.error.issues.map((issue) => ({ ...issue, path: [field, ...issue.path] })));
    } else if (field === 'attributes') attributes = parsed.data as Record<string, unknown> | null | undefined;
    else if (parsed.data !== undefined) fields[field] = parsed.data;
  }
  if (issues.length > 0)
    throw new EventRejected(describeIssues(issues, 'data', data), { cause: new z.ZodError(issues) });
  refuseBackwardSpans(fields);
  if (attributes) for (const [field, value] of Object.entries(attributes)) fields[`attributes.${field}`] = value;
  if (definition.at && (fields.at === undefined || fields.at === null)) fields.at = at;

  const error = fields.error as { category?: string; message?: string; surface?: string } | null | undefined;
  if (error && 'error' in definition.fields && kind !== 'store' && kind !== 'service' && error.category === undefined) {
    fields.error = { ...error, category: categoryOf(error.message) };
  }
  const key = recordKey(kind, fields);
  if (key === undefined || (kind === 'output' && fields.runId === undefined && fields.sandboxId === undefined)) {
    const names = definition.key.filter((f) => !definition.optionalKey?.includes(f)).join(', ');
    throw new EventRejected(
      `data: a ${kind} is identified by ${kind === 'output' ? 'runId or sandboxId, and seq' : names}; at least one of them is missing`,
    );
  }
  return { key, fields };
}

function readHead(raw: object): { id: string; source: string; at: string } {
  const { id, source, at, data } = raw as { id?: unknown; source?: unknown; at?: unknown; data?: unknown };
  const isObject = data !== null && typeof data === 'object' && !Array.isArray(data);
  if (isObject && isFineId(id) && isFineSource(source) && isFineInstant(at)) return { id, source, at };
  // The whole envelope copies data, field by field: it is asked where it has something to say.
  const envelope = (isObject ? envelopeHead : eventEnvelope).safeParse(raw);
  if (!envelope.success)
    throw new EventRejected(describeIssues(envelope.error.issues, '', raw), { cause: envelope.error });
  return envelope.data;
}

/**
 * Validates one pushed event.
 * @param nowMs our clock, milliseconds since the epoch.
 * @throws EventRejected with what was found and what was expected.
 */
export function normaliseEvent(
  raw: unknown,
  nowMs: number,
  limits: ValueLimits = DEFAULT_VALUE_LIMITS,
): NormalisedEvent {
  if (raw === null || typeof raw !== 'object' || Array.isArray(raw)) {
    throw new EventRejected(
      `expected an event object, found ${raw === null ? 'null' : Array.isArray(raw) ? 'an array' : typeof raw}`,
    );
  }
  const { kind } = raw as { kind?: unknown };
  if (!isKind(kind)) {
    // Only a text is quoted: a nested value could be too deep to be written out.
    const found = typeof kind === 'string' ? JSON.stringify(kind.slice(0, 60)) : typeof kind;
    throw new EventRejected(`kind: found ${found}, expected one of ${KINDS.join(', ')}`);
  }
  const { data } = raw as { data?: unknown };
  const { id, source, at } = readHead(raw);
  if (id.includes('\0') || !id.isWellFormed())
    throw new EventRejected('id: contains NUL or half a surrogate pair; use printable text');
  if (Date.parse(at) > nowMs + MAX_FUTURE_MS) {
    throw new EventRejected(
      `at: found ${at}, expected a time at most 5 minutes ahead of ${new Date(nowMs).toISOString()}; check the sender's clock`,
    );
  }
  const { key, fields } = normaliseData(kind, data as Record<string, unknown>, at, limits);
  return { id, source, kind, at, key, fields };
}
