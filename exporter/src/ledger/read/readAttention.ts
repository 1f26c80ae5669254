import type pg from 'pg';
import type { AttentionItem, AttentionQuery } from '../../contract/overview.ts';
import { projectsOf, UNATTENDED, type VisibleProjects } from './listRuns.ts';
import { readSnapshot } from './readSnapshot.ts';

/** Runs that are named; the others are counted. */
const NAMED = 5;
/** FleetRunStuck, FleetPullRequestBlockedOnCi. */
const STUCK = '2 hours';
const BLOCKED = '1 hour';

interface Row {
  readonly source: string;
  readonly key: string;
  readonly title: string | null;
  readonly since: string | null;
  readonly total: number;
}

/** $1 projects, $2 sources. The oldest first, and how many there are. */
const runsWhere = (since: string, condition: string) => `select r.source, r.key,
    coalesce(r.doc ->> 'name', r.doc ->> 'promptPreview') as title, ${since} as since, count(*) over ()::int as total
  from fleetlens.run r where ($1::text[] is null or r.project = any($1)) and ($2::text[] is null or r.source = any($2)) and ${condition}
  order by ${since} nulls last, r.source, r.key limit ${NAMED}`;

const BEGAN = `coalesce(r.started_at, nullif(r.created_at, ''))`;
const WAYS: readonly { kind: AttentionItem['kind']; severity: AttentionItem['severity']; text: string }[] = [
  {
    kind: 'failures_unattended',
    severity: 'warning',
    text: runsWhere(`coalesce(r.finished_at, nullif(r.created_at, ''))`, `(r.source, r.key) in (${UNATTENDED})`),
  },
  {
    kind: 'runs_stuck',
    severity: 'ticket',
    text: runsWhere(BEGAN, `r.status = 'running' and ${BEGAN}::timestamptz < now() - interval '${STUCK}'`),
  },
  {
    kind: 'blocked_on_ci',
    severity: 'ticket',
    text: runsWhere(
      `r.doc #>> '{pullRequest,blockedSince}'`,
      `r.doc #>> '{pullRequest,status}' in ('created', 'blocked_on_ci') and r.pull_request_status = 'blocked_on_ci'
        and (r.doc #>> '{pullRequest,blockedSince}')::timestamptz < now() - interval '${BLOCKED}'`,
    ),
  },
];

/** @returns runs that somebody should look at, by why. */
export async function readWaitingRuns(
  pool: pg.Pool,
  { source, project }: AttentionQuery,
  visible: VisibleProjects,
): Promise<AttentionItem[]> {
  return await readSnapshot(pool, async (client) => {
    const items: AttentionItem[] = [];
    for (const { kind, severity, text } of WAYS) {
      const { rows } = await client.query<Row>(text, [projectsOf(project, visible), source ?? null]);
      const [oldest] = rows;
      if (oldest === undefined) continue;
      items.push({
        kind,
        severity,
        count: oldest.total,
        ...(oldest.since === null ? {} : { since: oldest.since }),
        runs: rows.map(({ source: of, key, title, since }) => ({
          source: of,
          runId: key,
          ...(title === null ? {} : { title }),
          ...(since === null ? {} : { since }),
        })),
      });
    }
    return items;
  });
}
