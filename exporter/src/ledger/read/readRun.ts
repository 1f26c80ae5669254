import type pg from 'pg';
import type { ExecutingJob, RunAnswer, RunQuery } from '../../contract/api.ts';
import type { RecordOf, RunRecord } from '../../contract/records.ts';
import { withJudgement } from '../quality/withJudgement.ts';
import { keyRange } from './keyRange.ts';
import type { VisibleProjects } from './listRuns.ts';
import { readSnapshot } from './readSnapshot.ts';

/** A run, or when retention removed it. */
export type FoundRun = { readonly run: RunAnswer } | { readonly prunedAt: string } | undefined;

/** More than any run has; the lists of steps and usage have pages. */
const MAX_INCLUDED = 5_000;

const RUN = `select ${withJudgement('r', 'r.doc')} as doc from fleetlens.run r
  where r.source = $1 and r.key = $2 and ($3::text[] is null or r.project = any($3))`;

/** A tombstone does not know its project: who sees some projects only is not told of it. */
const TOMBSTONE = `select pruned_at from fleetlens.tombstone where source = $1 and run_id = $2 and $3::text[] is null`;

const STEPS = `select doc from fleetlens.step where source = $1 and key >= $2 and key < $3
  order by (doc ->> 'index')::numeric nulls last, doc ->> 'startedAt' nulls last, key limit $4`;

const USAGE = `select doc from fleetlens.usage where source = $1 and run_id = $2
  order by doc ->> 'date', key limit $3`;

/** The job that names the run's source, under the id that the run names it by. Its index is that of migrations/0005. */
const JOB = `select j.doc, j.source from fleetlens.job j
  where j.doc ->> 'jobId' = $1 and j.doc ? 'runSource' and j.doc ->> 'runSource' = $2 order by j.at desc limit 1`;

/** How many jobs of a queue wait before this one. */
const WAITING_BEFORE = `select count(*)::int as before from fleetlens.job j
  where j.source = $1 and j.doc ->> 'queue' = $2 and j.doc ? 'runSource' and not j.doc ?| array['startedAt', 'finishedAt', 'result']
    and (coalesce(j.doc ->> 'enqueuedAt', ''), j.doc ->> 'jobId') < (coalesce($3, ''), $4)`;

/** @returns undefined where there is no such run, or none that the reader may see. */
export async function readRun(
  pool: pg.Pool,
  source: string,
  runId: string,
  include: NonNullable<RunQuery['include']>,
  visible: VisibleProjects,
): Promise<FoundRun> {
  return await readSnapshot(pool, async (client) => {
    const scope = [source, runId, visible ?? null];
    const [row] = (await client.query<{ doc: RunRecord }>(RUN, scope)).rows;
    if (row === undefined) {
      const [tombstone] = (await client.query<{ pruned_at: Date }>(TOMBSTONE, scope)).rows;
      return tombstone && { prunedAt: tombstone.pruned_at.toISOString() };
    }
    const steps = include.includes('steps')
      ? await client.query<{ doc: RecordOf<'step'> }>(STEPS, [source, ...keyRange(runId), MAX_INCLUDED])
      : undefined;
    const usage = include.includes('usage')
      ? await client.query<{ doc: RecordOf<'usage'> }>(USAGE, [source, runId, MAX_INCLUDED])
      : undefined;
    const job = include.includes('job') ? await readJob(client, source, row.doc.triggerRunId) : undefined;
    return {
      run: {
        ...row.doc,
        ...(steps === undefined ? {} : { steps: steps.rows.map((step) => step.doc) }),
        ...(usage === undefined ? {} : { usage: usage.rows.map((record) => record.doc) }),
        ...(job === undefined ? {} : { job }),
      },
    };
  });
}

/** Whoever may see a run may see what executes it: jobs have no project of their own. */
async function readJob(
  client: pg.ClientBase,
  runSource: string,
  jobId: string | undefined,
): Promise<ExecutingJob | undefined> {
  if (jobId === undefined) return undefined;
  const [job] = (await client.query<{ doc: RecordOf<'job'>; source: string }>(JOB, [jobId, runSource])).rows;
  if (job === undefined) return undefined;
  const { doc } = job;
  if (doc.startedAt !== undefined || doc.finishedAt !== undefined || doc.result !== undefined) return doc;
  const { rows } = await client.query<{ before: number }>(WAITING_BEFORE, [
    job.source,
    doc.queue,
    doc.enqueuedAt ?? null,
    jobId,
  ]);
  return { ...doc, queuePosition: (rows[0]?.before ?? 0) + 1 };
}
