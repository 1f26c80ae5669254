import { createHash } from 'node:crypto';
import { z } from 'zod';
import { stableJson } from '../../ledger/dedupeEvents.ts';
import type { OpenPullRequest } from '../../ledger/openPullRequests.ts';
import { normaliseData } from '../../normalise/normaliseEvent.ts';
import type { CiPart, PullRequestPart } from './mapPullRequest.ts';

const followed = z.object({
  /** The commit whose checks were read. */
  sha: z.string(),
  /** Digest of what GitHub said ({@link digestOf}), to see whether the ledger still holds it. */
  said: z.string(),
  /** Of the pull request, of each page of its check runs, of each page of its commit statuses. */
  etags: z.object({ pull: z.string(), checks: z.array(z.string()), statuses: z.array(z.string()) }).optional(),
});
/** What is remembered of an open pull request between two looks. */
export type Followed = z.output<typeof followed>;

const cursorType = z.object({
  followed: z.record(z.string(), followed),
  /** Pull requests that GitHub does not show this token, and when it was asked (RFC 3339). */
  missing: z.record(z.string(), z.string()),
});
export type Cursor = z.output<typeof cursorType>;

/** A cursor of another shape is no loss: everything is looked at anew. */
export function readCursor(cursor: unknown): Cursor {
  const parsed = cursorType.safeParse(cursor);
  return parsed.success ? parsed.data : { followed: {}, missing: {} };
}

/**
 * Digest of that part of a run which GitHub alone says, as the ledger keeps it. The run's own source writes the same fields: where
 * it did since, the digest is another one, and GitHub has to be asked for an answer that is no 304.
 */
export function digestOf({ pullRequest, ci }: Pick<OpenPullRequest, 'ci'> & { pullRequest: object }): string {
  const { createdAt, draft, number } = pullRequest as Record<string, unknown>;
  const { headSha, checks, status } = { ...ci };
  const text = stableJson({ createdAt, draft, number, headSha, checks, status });
  return createHash('sha1').update(text).digest('base64');
}

/** The digest that a run will have once it says this. */
export function digestOfSaid(pullRequest: PullRequestPart, ci: CiPart): string {
  const { fields } = normaliseData('run', { runId: '-', pullRequest, ci }, new Date(0).toISOString());
  return digestOf(JSON.parse(JSON.stringify(fields)));
}
