import { z } from 'zod';
import { platformState } from '../platform.ts';

const digits = z.string().regex(/^-?\d+$/);

/** How far a table was read. Moments are nanoseconds since 1970, as digits. */
const tablePlace = z.discriminatedUnion('phase', [
  /** The first read, of the table as it was at `snapshot`; `next` is Convex' cursor in it. */
  z.object({ phase: z.literal('snapshot'), table: z.string(), snapshot: digits, next: z.string().optional() }),
  z.object({ phase: z.literal('deltas'), table: z.string(), cursor: digits }),
]);
export type TablePlace = z.infer<typeof tablePlace>;

export const convexCursor = z.object({
  v: z.literal(1),
  api: z.literal('convex'),
  tables: z.record(z.string(), tablePlace),
  state: platformState,
});
export type ConvexCursor = z.infer<typeof convexCursor>;
