import { z } from 'zod';
import type { ConfigPath } from './problem.ts';

/** What a text of the configuration names; its own schema cannot tell whether that is there. */
export const named = z.registry<{ readonly what: 'file' | 'source' }>();

interface NamedText {
  readonly path: ConfigPath;
  readonly text: string;
}

/** @returns the texts in `value` that name a file, or a source, by the fields of `schema` that are registered in {@link named}. */
export function namedTexts(
  schema: z.core.$ZodType,
  value: unknown,
  what: 'file' | 'source',
  path: ConfigPath = [],
): NamedText[] {
  if (named.get(schema)?.what === what) return typeof value === 'string' ? [{ path, text: value }] : [];
  if (schema instanceof z.ZodObject && typeof value === 'object' && value !== null) {
    return Object.entries(schema.shape as Record<string, z.core.$ZodType>).flatMap(([key, field]) =>
      namedTexts(field, Reflect.get(value, key), what, [...path, key]),
    );
  }
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    return value.flatMap((item, index) => namedTexts(schema.element, item, what, [...path, index]));
  }
  const isWrapper =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault;
  return isWrapper ? namedTexts(schema.unwrap(), value, what, path) : [];
}
