import { MAX_NAME_LENGTH } from '../contract/fields.ts';
import { amountOf, isObject, type JsonObject, utcInstant } from './rows/textValues.ts';

/**
 * Takes the known fields out of one JSON object of a vendor's API. A field that is not of the type it is asked for stays
 * where it is, like those that nobody asks for: {@link rest} has them all, so that nothing that the vendor says is dropped.
 */
export class JsonFields {
  readonly #left: Map<string, unknown>;

  constructor(object: JsonObject) {
    this.#left = new Map(Object.entries(object).filter(([, value]) => value !== null && value !== undefined));
  }

  /** An identifier or label: text that is not empty and short enough; a number becomes its digits. */
  name(field: string): string | undefined {
    return this.#take(field, (value) => {
      const text = typeof value === 'number' ? String(value) : value;
      return typeof text === 'string' && text !== '' && text.length <= MAX_NAME_LENGTH ? text : undefined;
    });
  }

  text(field: string): string | undefined {
    return this.#take(field, (value) => (typeof value === 'string' && value !== '' ? value : undefined));
  }

  /** A number that is not negative, times `factor`: units are converted here and nowhere else. */
  amount(field: string, factor = 1): number | undefined {
    return this.#take(field, (value) => {
      const amount = typeof value === 'number' ? amountOf(value) : undefined;
      return amount === undefined ? undefined : toNano(amount * factor);
    });
  }

  count(field: string): number | undefined {
    return this.#take(field, (value) =>
      typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined,
    );
  }

  /** @returns canonical RFC 3339. */
  instant(field: string): string | undefined {
    return this.#take(field, utcInstant);
  }

  object(field: string): JsonObject | undefined {
    return this.#take(field, (value) => (isObject(value) ? value : undefined));
  }

  /** A value of any type. */
  value(field: string): unknown {
    return this.#take(field, (value) => value);
  }

  /** Leaves fields out on purpose: the caller says why. */
  skip(...fields: readonly string[]): void {
    for (const field of fields) this.#left.delete(field);
  }

  /** What nobody has taken. */
  rest(): JsonObject {
    return Object.fromEntries(this.#left);
  }

  #take<T>(field: string, read: (value: unknown) => T | undefined): T | undefined {
    if (!this.#left.has(field)) return undefined;
    const value = read(this.#left.get(field));
    if (value !== undefined) this.#left.delete(field);
    return value;
  }
}

/** The ledger counts in units of 1e-9; floats must not invent digits beyond. */
export function toNano(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}
