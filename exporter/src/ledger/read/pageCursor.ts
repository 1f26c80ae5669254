import { z } from 'zod';

/** Where a page ended: the list and order that it belongs to, and the sort values of its last record. */
const cursorSchema = z.tuple([z.string(), z.array(z.string()).min(1).max(4)]);

/** The cursor of a request is no cursor of this list. */
export class BadCursor extends Error {
  override readonly name = 'BadCursor';
}

/** @param list what the cursor is good for (`runs created_at desc`): another list refuses it. */
export function writeCursor(list: string, values: readonly string[]): string {
  return Buffer.from(JSON.stringify([list, values])).toString('base64url');
}

/** @throws BadCursor */
export function readCursor(list: string, cursor: string, length: number): string[] {
  let parsed: z.infer<typeof cursorSchema>;
  try {
    parsed = cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new BadCursor(
      `cursor: found ${JSON.stringify(cursor.slice(0, 40))}, expected the nextCursor of an earlier page`,
      { cause },
    );
  }
  const [found, values] = parsed;
  // Postgres takes no NUL in a text; no cursor that was handed out has one.
  if (found !== list || values.length !== length || values.some((value) => value.includes('\0'))) {
    throw new BadCursor(
      `cursor: found one of another list or sort (${found.slice(0, 60)}), expected one of ${list}; begin again without a cursor`,
    );
  }
  return values;
}
