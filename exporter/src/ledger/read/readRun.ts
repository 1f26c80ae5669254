import type pg from 'pg';
import type { ExecutingJob, RunAnswer, RunQuery, SpentBy } from '../../contract/api.ts';
import { remedyOf } from '../../contract/errorCategories.ts';
import type { RecordOf, RunRecord } from '../../contract/records.ts';
import { withJudgement } from '../quality/withJudgement.ts';
import { keyRange } from './keyRange.ts';
import { answeredDoc } from './listRecords.ts';
import type { VisibleProjects } from './listRuns.ts';
import { readSnapshot } from './readSnapshot.ts';

/** A run, or when retention removed it. */
export type FoundRun = { readonly run: RunAnswer } | { readonly prunedAt: string } | undefined;

/** More than any run has; the lists of steps and usage have pages. */
const MAX_INCLUDED = 20_000;

const RUN = `select ${withJudgement('r', 'r.doc')} as doc from fleetlens.run r
  where r.source = $1 and r.key = $2 and ($3::text[] is null or r.project = any($3))`;

/** A tombstone does not know its project: who sees some projects only is not told of it. */
const TOMBSTONE = `select pruned_at from fleetlens.tombstone where source = $1 and run_id = $2 and $3::text[] is null`;

const STEPS = `select doc from fleetlens.step where source = $1 and key >= $2 and key < $3
  order by (doc ->> 'index')::numeric nulls last, doc ->> 'startedAt' nulls last, key limit $4`;

const USAGE = `select doc from fleetlens.usage where source = $1 and run_id = $2
  order by doc ->> 'date', key limit $3`;

const SPENT_SUMS = [
  'costUsd',
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
  'reasoningTokens',
] as const;

const SPENT = `select jsonb_strip_nulls(jsonb_build_object('stepId', step, 'service', service, 'model', model, 'records', records,
    ${SPENT_SUMS.map((field) => `'${field}', ${field}`).join(', ')})) as doc
  from (select doc ->> 'stepId' as step, doc ->> 'service' as service, doc ->> 'model' as model, count(*)::int as records,
      ${SPENT_SUMS.map((field) => `sum((doc ->> '${field}')::numeric) as ${field}`).join(', ')}
    from fleetlens.usage where source = $1 and run_id = $2 group by 1, 2, 3) sums
  order by costUsd desc nulls last, step, service, model limit $3`;

const CHAIN = 'select doc from fleetlens.chain where source = $1 and key = $2';
/** The one that the run names, and those that name the run. Whoever may see a run may see what it ran in. */
const SANDBOXES = `select doc from fleetlens.sandbox where source = $1 and (key = $3 or (doc ? 'runId' and doc ->> 'runId' = $2))
  order by doc ->> 'createdAt' nulls last, key limit $4`;
const APPROVALS = `select ${answeredDoc('approvals')} as doc from fleetlens.approval t
  where t.source = $1 and t.doc ? 'runId' and t.doc ->> 'runId' = $2 order by t.doc ->> 'requestedAt' nulls last, t.key limit $3`;

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
    const read = async <T>(name: (typeof include)[number], text: string, values: readonly unknown[]) =>
      include.includes(name)
        ? (await client.query<{ doc: T }>(text, [...values])).rows.map(({ doc }) => doc)
        : undefined;
    const spent = await read<SpentBy>('spent', SPENT, [source, runId, MAX_INCLUDED]);
    const { chainId, sandboxId, error } = row.doc;
    const [chain] = (await read<RecordOf<'chain'>>('chain', CHAIN, [source, chainId ?? null])) ?? [];
    const sandboxes = await read<RecordOf<'sandbox'>>('sandboxes', SANDBOXES, [
      source,
      runId,
      sandboxId ?? null,
      MAX_INCLUDED,
    ]);
    const approvals = await read<RecordOf<'approval'>>('approvals', APPROVALS, [source, runId, MAX_INCLUDED]);
    const job = include.includes('job') ? await readJob(client, source, row.doc.triggerRunId) : undefined;
    return {
      run: {
        ...row.doc,
        ...(steps === undefined ? {} : { steps: steps.rows.map((step) => step.doc) }),
        ...(usage === undefined ? {} : { usage: usage.rows.map((record) => record.doc) }),
        ...(job === undefined ? {} : { job }),
        ...(spent === undefined ? {} : { spent }),
        ...(chain === undefined ? {} : { chain }),
        ...(sandboxes === undefined ? {} : { sandboxes }),
        ...(approvals === undefined ? {} : { approvals }),
        ...(error?.category === undefined ? {} : { remedy: remedyOf(error.category) }),
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
