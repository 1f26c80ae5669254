import type pg from 'pg';
import type { RunRecord } from '../contract/records.ts';

/** A pull request that a run has open, as the ledger holds it. */
export interface OpenPullRequest {
  readonly source: string;
  readonly runId: string;
  readonly pullRequest: NonNullable<RunRecord['pullRequest']>;
  readonly ci: RunRecord['ci'];
  /** The project's repository (its page), for a pull request of which only the number is known. */
  readonly repository: string | undefined;
}

/** Pull requests that are created or blocked on CI, newest run first. Uses the index run_open_pull_request. */
export async function listOpenPullRequests(
  pool: pg.Pool,
  sources: readonly string[],
): Promise<readonly OpenPullRequest[]> {
  const { rows } = await pool.query<{
    source: string;
    key: string;
    pull_request: OpenPullRequest['pullRequest'];
    ci: NonNullable<OpenPullRequest['ci']> | null;
    repository: string | null;
  }>({
    name: 'open_pull_requests',
    text: `select r.source, r.key, r.doc -> 'pullRequest' as pull_request, r.doc -> 'ci' as ci, p.doc ->> 'repository' as repository
      from fleetlens.run r left join fleetlens.project p on p.source = r.source and p.key = r.project
      where r.source = any($1) and r.doc #>> '{pullRequest,status}' in ('created', 'blocked_on_ci')
      order by r.created_at desc, r.key`,
    values: [sources],
  });
  return rows.map(({ source, key, pull_request, ci, repository }) => ({
    source,
    runId: key,
    pullRequest: pull_request,
    ci: ci ?? undefined,
    repository: repository ?? undefined,
  }));
}
