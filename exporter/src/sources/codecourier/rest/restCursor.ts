import { z } from 'zod';
import { platformState } from '../platform.ts';

/** How far a list was read. `top`: the newest ids of the last complete walk; a walk ends where it meets one of them. */
const listPlace = z.object({
  /** The platform's cursor of the next page of a first walk; absent where that has ended. */
  next: z.string().optional(),
  done: z.boolean(),
  top: z.array(z.string()),
});
export type ListPlace = z.infer<typeof listPlace>;

export const restCursor = z.object({
  v: z.literal(1),
  api: z.literal('rest'),
  lists: z.record(z.string(), listPlace),
  state: platformState,
});
export type RestCursor = z.infer<typeof restCursor>;
