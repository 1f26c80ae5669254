import { z } from 'zod';
import { text, wholeNumber } from './api.ts';
import { SANDBOX_STATUSES, STATUSES } from './status.ts';

/** `GET /api/v1/find`: what somebody means who has an id, a link or the beginning of a name. */
export const findQuery = z.strictObject({
  q: text.describe(
    'An id of a run, sandbox or chain, the id of the job that executes a run (Trigger.dev), a pull request (its URL, `owner/repo#12`, `#12`), or the beginning of a run’s id or name (at least 2 characters).',
  ),
  limit: wholeNumber(1, 50).default(20),
});

/** What the text was, best first. */
export const FOUND_BY = [
  'id',
  'job',
  'pullRequest',
  'sandbox',
  'chain',
  'name',
  'beginningOfId',
  'beginningOfName',
] as const;

const found = z.object({
  type: z.enum(['run', 'sandbox', 'chain']),
  source: z.string(),
  id: z.string(),
  foundBy: z.enum(FOUND_BY).describe('What the text is of it.'),
  path: z.array(z.string()).describe('Where it is: the parts of its path after `/api/v1/`, not encoded.'),
  project: z.string().optional(),
  title: z.string().optional(),
  status: z.enum([...new Set([...STATUSES, ...SANDBOX_STATUSES])]).optional(),
  createdAt: z.string().optional(),
  prunedAt: z.string().optional().describe('Retention removed the run then; no more is known of it.'),
});
export type Found = z.output<typeof found>;

export const findAnswer = z.object({ data: z.array(found).describe('Exact matches first, newest first.') });
export type FindAnswer = z.output<typeof findAnswer>;
