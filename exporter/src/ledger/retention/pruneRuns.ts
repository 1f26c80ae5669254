import { OPEN_STATUSES } from '../../contract/status.ts';
import { foldRunFacts } from '../analytics/foldFacts.ts';
import { pruneEvaluations } from '../quality/pruneEvaluations.ts';
import { keyRange } from '../read/keyRange.ts';
import type { Transaction } from '../transaction.ts';
import { type DeletedRow, foldRecords } from './foldRecords.ts';

/** Runs in one transaction: with their steps and output some 20,000 rows. */
const CHUNK = 200;

/**
 * Takes runs without an event since `before`, and their steps, usage and output. What they counted stays in the base, what
 * they held of gauges ends, and a tombstone says that they were here. Open runs stay.
 * @returns how many went; fewer than a chunk holds means that none is left.
 */
export async function pruneRuns(tx: Transaction, before: Date): Promise<{ pruned: number; more: boolean }> {
  const { client } = tx;
  const { rows: old } = await client.query<{ source: string; key: string }>({
    name: 'old_runs',
    // Runs whose late usage is still waited for, or whose source is being read for the first time, have their turn later.
    text: `select r.source, r.key from fleetlens.run r join fleetlens.source_state s on s.source = r.source and s.live_at is not null
      where r.at < $1 and r.due_at is null and (r.status is null or r.status <> all($2)) limit $3`,
    values: [before, OPEN_STATUSES, CHUNK],
  });
  if (old.length === 0) return { pruned: 0, more: false };
  await foldRunFacts(client, old);
  const sources = old.map((run) => run.source);
  const keys = old.map((run) => run.key);
  const { rows: runs } = await client.query<DeletedRow>({
    name: 'prune_runs',
    text: `delete from fleetlens.run r using unnest($1::text[], $2::text[]) as w(source, key)
      where r.source = w.source and r.key = w.key returning r.source, r.key, r.counted, r.held`,
    values: [sources, keys],
  });
  const ranges = keys.map((key) => keyRange(key));
  const ofRun = [sources, ranges.map(([from]) => from), ranges.map(([, end]) => end)];
  await client.query({
    name: 'tombstone_write',
    text: `insert into fleetlens.tombstone (source, run_id) select * from unnest($1::text[], $2::text[]) on conflict do nothing`,
    values: [sources, keys],
  });
  const steps = await client.query<DeletedRow>({
    name: 'prune_runs_steps',
    text: `delete from fleetlens.step t using unnest($1::text[], $2::text[], $3::text[]) as w(source, low, high)
      where t.source = w.source and t.key >= w.low and t.key < w.high returning t.source, t.key, t.counted, t.held`,
    values: ofRun,
  });
  const usage = await client.query<DeletedRow>({
    name: 'prune_runs_usage',
    text: `delete from fleetlens.usage u using unnest($1::text[], $2::text[]) as w(source, run_id)
      where u.source = w.source and u.run_id = w.run_id returning u.source, u.key, u.counted, u.held`,
    values: [sources, keys],
  });
  await client.query({
    name: 'prune_runs_output',
    text: `delete from fleetlens.output o using unnest($1::text[], $2::text[], $3::text[]) as w(source, low, high)
      where o.source = w.source and o.key >= w.low and o.key < w.high`,
    values: ofRun,
  });
  await pruneEvaluations(client, sources, keys);
  await foldRecords(tx, 'run', runs);
  await foldRecords(tx, 'step', steps.rows);
  await foldRecords(tx, 'usage', usage.rows);
  return { pruned: runs.length, more: runs.length === CHUNK };
}
