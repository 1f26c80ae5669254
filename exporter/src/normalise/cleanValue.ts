import { MAX_NAME_LENGTH } from '../contract/fields.ts';
import { isSecretName, REDACTED, redactText } from './redactSecrets.ts';

/** Bounds of one event's data; an event beyond them is rejected, not cut. */
export interface ValueLimits {
  /** Levels of objects and arrays. */
  readonly maxDepth: number;
  /** Longest string, UTF-16 code units. */
  readonly maxTextLength: number;
}

/** A path that is as deep as the limit tells no more than its beginning does. */
const MAX_SHOWN_PATH = 60;

/** Why a value was refused; `path` says where. */
export class ValueRefused extends Error {
  override readonly name = 'ValueRefused';
}

// Postgres stores neither NUL nor half a surrogate pair, and the unit separator joins the parts of keys and label sets; U+FFFD
// is the standard's stand-in for what cannot be shown.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these two are what it is about
const UNFIT = /[\0\u001f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above; without g it keeps no place
const HAS_UNFIT = /[\0\u001f]/;

function cleanText(text: string, path: string, limits: ValueLimits): string {
  if (text.length > limits.maxTextLength) {
    throw new ValueRefused(
      `${path}: found a text of ${text.length} characters, expected at most ${limits.maxTextLength}; split it over several events`,
    );
  }
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return redactText(HAS_UNFIT.test(wellFormed) ? wellFormed.replace(UNFIT, '�') : wellFormed);
}

/** JSON.parse reads 1e999 as Infinity, which JSON cannot write. */
function refuseNumber(value: number, path: string): never {
  throw new ValueRefused(`${path}: found ${value}, expected a number of at most 1.8e308; leave out what is unknown`);
}

interface FieldName {
  readonly clean: string;
  readonly isSecret: boolean;
}

/** Senders use few field names, over and over; beyond so many of them they are looked at each time anew. */
const REMEMBERED_NAMES = 5_000;
const fieldNames = new Map<string, FieldName>();

function fieldName(name: string, path: string, limits: ValueLimits): FieldName {
  const known = fieldNames.get(name);
  if (known !== undefined && name.length <= limits.maxTextLength) return known;
  const found = { clean: cleanText(name, path, limits), isSecret: isSecretName(name) };
  if (name.length <= MAX_NAME_LENGTH && fieldNames.size < REMEMBERED_NAMES) fieldNames.set(name, found);
  return found;
}

/**
 * Walks a parsed JSON value once: bounds its depth and texts, replaces what Postgres cannot store, and redacts secrets.
 * @returns the same value where nothing changed, a cleaned copy otherwise.
 * @throws ValueRefused
 */
export function cleanValue(value: unknown, limits: ValueLimits, path = 'data', depth = 1): unknown {
  if (typeof value === 'string') return cleanText(value, path, limits);
  if (typeof value === 'number' && !Number.isFinite(value)) refuseNumber(value, path);
  if (value === null || typeof value !== 'object') return value;
  if (depth > limits.maxDepth) {
    throw new ValueRefused(
      `${path.slice(0, MAX_SHOWN_PATH)}…: nested deeper than ${limits.maxDepth} levels; flatten it`,
    );
  }
  if (Array.isArray(value)) {
    let copy: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const cleaned = cleanValue(value[i], limits, `${path}.${i}`, depth + 1);
      if (cleaned !== value[i]) {
        copy ??= value.slice();
        copy[i] = cleaned;
      }
    }
    return copy ?? value;
  }
  let copy: Record<string, unknown> | undefined;
  for (const [field, inner] of Object.entries(value)) {
    if (field === '__proto__') throw new ValueRefused(`${path}: the field name __proto__ is not allowed; rename it`);
    const { clean, isSecret } = fieldName(field, path, limits);
    let cleaned =
      typeof inner === 'string' || (inner !== null && typeof inner === 'object')
        ? cleanValue(inner, limits, `${path}.${field}`, depth + 1)
        : inner;
    if (typeof inner === 'number' && !Number.isFinite(inner)) refuseNumber(inner, `${path}.${field}`);
    if (isSecret && typeof cleaned === 'string' && cleaned !== '') cleaned = REDACTED;
    if (cleaned !== inner || clean !== field) {
      copy ??= { ...(value as Record<string, unknown>) };
      if (clean !== field) delete copy[field];
      copy[clean] = cleaned;
    }
  }
  return copy ?? value;
}
