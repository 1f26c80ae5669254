import type { z } from 'zod';

/**
 * Cursors are JSON in a text, not JSON: jsonb gives the keys of an object back in another order, and a poll that finds nothing
 * new has to give back the very cursor that it got.
 * @returns undefined for a cursor of another version or way of reading: then the source is read from its beginning, which
 *   counts nothing twice.
 */
export function readCursorText<T>(schema: z.ZodType<T>, cursor: unknown): T | undefined {
  if (typeof cursor !== 'string') return undefined;
  const parsed = schema.safeParse(JSON.parse(cursor));
  return parsed.success ? parsed.data : undefined;
}
