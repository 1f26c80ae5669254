import type pg from 'pg';
import { CATCHING_UP_FOR } from '../historyTally.ts';
import { usualGapSeconds } from '../sourceState.ts';
import type { VisibleProjects } from './listRuns.ts';
import { readSnapshot } from './readSnapshot.ts';

/** What the ledger knows of a source. */
export interface LedgerSource {
  readonly source: string;
  readonly way: 'pull' | 'push';
  readonly backfilled: boolean;
  readonly catchingUp: boolean;
  readonly progress: { readonly done: number; readonly total: number } | undefined;
  readonly lastEventAt: string | undefined;
  readonly recordedAt: string;
  readonly usualGapSeconds: number | undefined;
  readonly deadLetters: number;
  /** Of a pushing one: nothing came for much longer than usual. */
  readonly isSilent: boolean;
}

interface Row {
  readonly source: string;
  readonly way: 'pull' | 'push';
  readonly backfilled: boolean;
  readonly catching_up: boolean;
  readonly progress: LedgerSource['progress'] | null;
  readonly last_event_at: Date | null;
  readonly updated_at: Date;
  readonly gaps: Readonly<Record<string, readonly number[]>> | null;
  readonly dead_letters: number;
  readonly silent_seconds: number;
}

/** As `fleetlens_source_catching_up` has it. A source belongs to no project: who sees some sees those that have a run of these. */
const SOURCES = `select s.source, s.way, s.backfilled, s.live_at is null or coalesce(s.history_at > now() - ${CATCHING_UP_FOR}, false) as catching_up,
    s.progress, s.last_event_at, s.updated_at, case when s.way = 'push' then s.gaps end as gaps,
    (select count(*)::int from fleetlens.dead_letter d where d.source = s.source) as dead_letters,
    extract(epoch from now() - s.last_event_at)::float8 as silent_seconds
  from fleetlens.source_state s
  where $1::text[] is null or exists (select from unnest($1) as p(project) cross join lateral (
    select from fleetlens.run r where r.project = p.project and r.source = s.source limit 1) r)
  order by s.source`;

/** FleetIngestSilent: so many times the usual gap, and at least so long. */
const SILENT_GAPS = 3;
const SILENT_SECONDS = 3_600;

export async function readSources(pool: pg.Pool, visible: VisibleProjects): Promise<LedgerSource[]> {
  const { rows } = await readSnapshot(pool, (client) => client.query<Row>(SOURCES, [visible ?? null]));
  return rows.map((row) => {
    const usual = row.gaps === null ? undefined : usualGapSeconds(row.gaps);
    return {
      source: row.source,
      way: row.way,
      backfilled: row.backfilled,
      catchingUp: row.catching_up,
      progress: row.progress ?? undefined,
      lastEventAt: row.last_event_at?.toISOString(),
      recordedAt: row.updated_at.toISOString(),
      usualGapSeconds: usual,
      deadLetters: row.dead_letters,
      isSilent: usual !== undefined && row.silent_seconds > Math.max(SILENT_GAPS * usual, SILENT_SECONDS),
    };
  });
}
