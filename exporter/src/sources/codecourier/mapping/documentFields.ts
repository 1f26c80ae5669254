import { canonicalInstant } from '../../../contract/fields.ts';
import { isObject, type JsonObject } from '../../rows/textValues.ts';
import type { Document, DocumentKind } from '../documents.ts';

/** The platform's own names of fields, by the name that the mapping asks for; a dot leads into an object. */
export type FieldNames = Readonly<Record<string, string>>;

/** Told of a value that is not what its field should hold; it is kept as an attribute. */
export type OnDrift = (kind: DocumentKind, field: string, found: unknown, expected: string) => void;

const DAY = /^\d{4}-\d{2}-\d{2}/;

/**
 * Reads a document field by field. Each reader takes several names, and the first one that the document has counts: the keys
 * of most documents are not published. What nobody asked for is the {@link rest}, so that nothing is dropped.
 */
export class DocumentFields {
  readonly #kind: DocumentKind;
  readonly #document: Document;
  readonly #names: FieldNames;
  readonly #onDrift: OnDrift;
  readonly #used = new Set<string>();
  /** Every name that was asked for. */
  readonly asked = new Set<string>();

  constructor(kind: DocumentKind, document: Document, names: FieldNames, onDrift: OnDrift) {
    this.#kind = kind;
    this.#document = document;
    this.#names = names;
    this.#onDrift = onDrift;
  }

  has(...names: string[]): boolean {
    return this.#find(names) !== undefined;
  }

  /** The document's own id; every name of it is used up. */
  id(...names: string[]): string | undefined {
    const [first] = names.flatMap((name) => this.name(name) ?? []);
    return first;
  }

  /** A value that stays among the {@link rest}. */
  peek(...names: string[]): unknown {
    return this.#find(names)?.value;
  }

  /** The value as it is. */
  raw(...names: string[]): unknown {
    return this.#read(names, 'anything', (value) => value);
  }

  /** Text; a number or a flag as its text. */
  text(...names: string[]): string | undefined {
    return this.#read(names, 'text', textOf);
  }

  /** A name or an id: text that is not empty. */
  name(...names: string[]): string | undefined {
    return this.#read(names, 'text', (value) => textOf(value) || undefined);
  }

  /** RFC 3339, from that or from milliseconds since 1970 (Convex writes these, with a fraction). */
  instant(...names: string[]): string | undefined {
    return this.#read(names, 'a time: milliseconds since 1970 or RFC 3339', instantOf);
  }

  /** `YYYY-MM-DD`, from that, a time, or milliseconds since 1970. */
  day(...names: string[]): string | undefined {
    return this.#read(names, 'a day', (value) =>
      typeof value === 'string' && DAY.test(value) ? value.slice(0, 10) : instantOf(value)?.slice(0, 10),
    );
  }

  amount(...names: string[]): number | undefined {
    return this.#read(names, 'a number of at least 0', amountOf);
  }

  count(...names: string[]): number | undefined {
    return this.#read(names, 'a whole number of at least 0', (value) => {
      const number = amountOf(value);
      return number !== undefined && Number.isSafeInteger(Math.round(number)) ? Math.round(number) : undefined;
    });
  }

  score(...names: string[]): number | undefined {
    return this.#read(names, 'a score from 0 to 100', (value) => {
      const number = amountOf(value);
      return number !== undefined && number <= 100 ? number : undefined;
    });
  }

  flag(...names: string[]): boolean | undefined {
    return this.#read(names, 'true or false', (value) => (typeof value === 'boolean' ? value : undefined));
  }

  object(...names: string[]): JsonObject | undefined {
    return this.#read(names, 'an object', (value) => (isObject(value) ? value : undefined));
  }

  list(...names: string[]): readonly unknown[] | undefined {
    return this.#read(names, 'a list', (value) => (Array.isArray(value) ? value : undefined));
  }

  /** @returns what nobody asked for; undefined where there is nothing. */
  rest(): Record<string, unknown> | undefined {
    const rest = Object.entries(this.#document).filter(
      // Convex reserves names with an underscore for itself.
      ([key, value]) => !this.#used.has(key) && !key.startsWith('_') && value !== undefined && value !== null,
    );
    const createdAt = this.#used.has('_creationTime') ? undefined : instantOf(this.#document._creationTime);
    if (createdAt !== undefined) rest.unshift(['createdAt', createdAt]);
    return rest.length === 0 ? undefined : Object.fromEntries(rest);
  }

  /** @returns the document without what was read. */
  unread(): Document {
    return Object.fromEntries(Object.entries(this.#document).filter(([key]) => !this.#used.has(key)));
  }

  #read<T>(names: readonly string[], expected: string, read: (value: unknown) => T | undefined): T | undefined {
    const found = this.#find(names);
    if (found === undefined) return undefined;
    const value = read(found.value);
    if (value === undefined) {
      if (found.value !== '') this.#onDrift(this.#kind, found.key, found.value, expected);
    } else this.#used.add(found.key);
    return value;
  }

  #find(names: readonly string[]): { key: string; value: unknown } | undefined {
    for (const name of names) {
      this.asked.add(name);
      const key = this.#names[name] ?? name;
      const value = Object.hasOwn(this.#document, key) ? this.#document[key] : valueAt(this.#document, key);
      if (value !== undefined && value !== null) return { key, value };
    }
    return undefined;
  }
}

function valueAt(document: Document, path: string): unknown {
  if (!path.includes('.')) return undefined;
  let value: unknown = document;
  for (const part of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return value;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

export function instantOf(value: unknown): string | undefined {
  if (typeof value === 'string' && !/^\d+(\.\d+)?$/.test(value)) return canonicalInstant(value);
  const ms = Math.trunc(Number(value));
  const isTime = (typeof value === 'number' || typeof value === 'string') && ms > 0 && ms <= 8.64e15;
  return isTime ? new Date(ms).toISOString() : undefined;
}

function amountOf(value: unknown): number | undefined {
  if (typeof value !== 'number' && (typeof value !== 'string' || value.trim() === '')) return undefined;
  const number = Number(value);
  return Number.isFinite(number) && number >= 0 ? number : undefined;
}
