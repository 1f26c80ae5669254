import { FINISHED_STATUSES } from '../../contract/status.ts';
import { SLOT_MS } from '../budgets/slot.ts';
import { type FAILURE_MEASURES, MEASURES, type Measure } from './measures.ts';

/** Before the key of a usage record whose money belongs to no run. */
export const WITHOUT_RUN = '\u001f';

const words = (list: readonly string[]) => list.map((word) => `'${word}'`).join(', ');
/** SQL: milliseconds since 1970 of a canonical time; as double precision, which is faster than numeric and exact here, too. */
const ms = (time: string) => `(date_part('epoch', (${time})::timestamptz) * 1000)::bigint`;
/** SQL: as the columns have it. An amount that no money has must not end the upkeep of all figures. */
const nano = (amount: string) =>
  `case when ${amount} < 1e290 then round(${amount} * 1000000000)::float8 when ${amount} >= 1e290 then 1e299 end`;
const one = (condition: string) => `case when ${condition} then 1::float8 end`;
const bytes = (milliseconds: string) => `substring(int8send(${milliseconds}) from 3)`;

/** SQL: a key, in the collation of usage.run_id: in another one its index is of no use, and each run would read all usage. */
const runId = (key: string) => `${key} collate "default"`;

/** Money that was counted, of the column `counted`: see StoredCounted. */
const SPENT = (counted: string) => `json_array_elements(${counted}) as c(entry)
      cross join lateral (select (c.entry -> 4)::jsonb as money offset 0) m
      where jsonb_typeof(m.money) = 'array'`;
const SPENT_FIELDS = `(m.money ->> 0)::numeric as nano, (m.money ->> 1)::int as slot, coalesce(m.money ->> 2, '') as project,
        coalesce(m.money ->> 3, '') as persona`;

const OF_FAILURE: Readonly<Record<(typeof FAILURE_MEASURES)[number], string>> = {
  runs: '1',
  failed: one("t.status = 'failed'"),
  timed_out: one("t.status = 'timed_out'"),
  lost: nano('t.cost'),
};
const FAILED: { readonly [M in Measure]?: string } = OF_FAILURE;

/**
 * SQL: what runs add to the figures, from their records: the rows of fleetlens.run_fact with texts for dimensions.
 * $1 sources and $2 keys: runs, or usage records without a run (see {@link WITHOUT_RUN}).
 *
 * - A failure has a second row of its category, so that figures of all runs need not add up categories.
 * - The end of a run is its finishedAt, else when the event happened that told its status.
 * - Its cost is that of its usage where the ledger counts usage of it, else its own: as `fleet_run_cost_usd` has it.
 * - The wait is that of the first attempt; of a later one, when the first began is not known any more.
 * - First pass: of each role that gave verdicts the first verdict counts, and all of them have to be passed. Where nobody gave
 *   one, the run passed if it succeeded in one attempt and one iteration. A cancelled run says nothing.
 * - Each run is looked at by itself, through indexes: joins of lists of runs would be planned for one run, and take the square of the time.
 * - Money is what the ledger counted (as budgets have it), when it was spent; where a usage record names no project, persona or
 *   model, those of its run stand in.
 */
export const RUN_FACTS = `wanted as materialized (
    select distinct w.source collate "C" as source, w.key collate "C" as key from unnest($1::text[], $2::text[]) as w(source, key)),
  run as materialized (
    select r.source, r.key, r.counted, r.status, coalesce(r.project, '') as project, coalesce(r.workflow, '') as workflow,
      coalesce(r.persona, '') as persona, coalesce(x.model, '') as model, x."createdAt", x."startedAt", x.iterations,
      coalesce(x.attempts, 1) as attempts, x."pullRequest" as pr, x.quality ->> 'composite' as composite, x.error ->> 'category' as category,
      coalesce(used.cost, x."costUsd") as cost, judged.passed as judged_passed,
      case when r.status in (${words(FINISHED_STATUSES)}) then coalesce(x."finishedAt",
        (select s.stamp ->> 0 from json_array_elements(r.stamps) with ordinality as s(stamp, i)
          where s.i > 1 and (s.stamp -> 2)::jsonb ? 'status' limit 1),
        r.stamps #>> '{0,0}') end as ended
    from wanted w join fleetlens.run r on r.source = w.source and r.key = w.key
    cross join lateral jsonb_to_record(r.doc) as x("createdAt" text, "startedAt" text, "finishedAt" text, model text,
      iterations numeric, attempts numeric, "costUsd" numeric, "pullRequest" jsonb, quality jsonb, error jsonb)
    left join lateral (
      select sum((u.doc ->> 'costUsd')::numeric) as cost from fleetlens.usage u where u.source = r.source and u.run_id = ${runId('r.key')}
        having bool_or(exists (select from ${SPENT('u.counted')}))) used on true
    cross join lateral (
      select bool_and(first.passed) as passed from (
        select distinct on (v.role) v.passed from fleetlens.step t
        cross join lateral jsonb_to_record(t.doc) as s(role text, verb text, name text, iteration numeric, index numeric, verdict jsonb, quality jsonb)
        cross join lateral (select coalesce(s.role, s.verb, s.name, '') as role, coalesce((s.verdict ->> 'passed')::boolean,
          (s.quality ->> 'thresholdMet')::boolean, (s.quality ->> 'composite')::numeric >= (s.quality ->> 'threshold')::numeric) as passed) v
        where r.status in ('succeeded', 'failed', 'timed_out') and v.passed is not null
          and t.source = r.source and t.key >= r.key || E'\\x1f' and t.key < r.key || E'\\x20'
        order by v.role, coalesce(s.iteration, 1), s.index nulls first, t.key) first) judged),
  timed as materialized (
    select r.*, ${ms('r.ended')} as ended_ms, ${ms('r."startedAt"')} as started_ms, ${ms('r."createdAt"')} as created_ms,
      ${ms("r.pr ->> 'createdAt'")} as pr_created_ms, ${ms("r.pr ->> 'mergedAt'")} as merged_ms, r.pr ->> 'status' as pr_status,
      r.status in ('failed', 'timed_out') as is_failure, r.status in ('succeeded', 'failed', 'timed_out') as is_outcome,
      r.composite::numeric as score
    from run r),
  money as (
    select r.source, r.key, s.slot, coalesce(nullif(s.project, ''), r.project) as project, r.workflow,
      coalesce(nullif(s.persona, ''), r.persona) as persona, coalesce(p.model, r.model) as model, s.nano
    from run r
    cross join lateral (
      select r.counted, null as model
      union all select u.counted, u.doc ->> 'model' from fleetlens.usage u where u.source = r.source and u.run_id = ${runId('r.key')}) p
    cross join lateral (select ${SPENT_FIELDS} from ${SPENT('p.counted')}) s
    union all
    select w.source, w.key, s.slot, s.project, '', s.persona, coalesce(u.doc ->> 'model', ''), s.nano
    from wanted w
    cross join lateral (
      select of_run.counted, of_run.doc from fleetlens.usage of_run where of_run.source = w.source and of_run.run_id = ${runId('w.key')}
        and not exists (select from fleetlens.run r where r.source = of_run.source and r.key = of_run.run_id)
      union all
      select alone.counted, alone.doc from fleetlens.usage alone where starts_with(w.key, E'\\x1f')
        and alone.source = w.source and alone.key = substr(w.key, 2) and alone.run_id is null) u
    cross join lateral (select ${SPENT_FIELDS} from ${SPENT('u.counted')}) s),
  facts as (
    select t.source, t.key, 0 as part, t.ended_ms as at_ms, coalesce(t.started_ms, t.created_ms, t.ended_ms) as used_ms,
      t.project, t.workflow, t.persona, t.model,
      '' as category,
      ${one('t.ended is not null')} as runs, ${one("t.status = 'succeeded'")} as succeeded, ${one("t.status = 'failed'")} as failed,
      ${one("t.status = 'timed_out'")} as timed_out, ${one("t.status = 'cancelled'")} as cancelled,
      ${one('t.ended_ms >= t.started_ms')} as timed,
      case when t.ended_ms >= t.started_ms then (t.ended_ms - t.started_ms)::float8 end as duration_ms,
      ${one('t.ended is not null and t.iterations is not null')} as iterated, case when t.ended is not null then t.iterations::float8 end as iterations,
      ${one('t.ended is not null and t.cost is not null')} as costed, case when t.ended is not null then ${nano('t.cost')} end as cost,
      case when t.is_failure then ${nano('t.cost')} end as lost,
      ${one('t.ended is not null and t.score is not null')} as evaluated, case when t.ended is not null then ${nano('t.score')} end as quality,
      case when t.ended is not null and t.cost is not null then ${nano('t.score')} end as rated_quality,
      case when t.ended is not null and t.score is not null then ${nano('t.cost')} end as rated_cost,
      ${one('t.is_outcome and t.judged_passed is not null')} as verdicts, ${one('t.is_outcome and t.judged_passed')} as verdicts_passed,
      ${one('t.is_outcome and t.judged_passed is null')} as outcomes,
      ${one("t.judged_passed is null and t.status = 'succeeded' and coalesce(t.iterations, 1) <= 1 and t.attempts <= 1")} as outcomes_passed,
      ${one("t.ended is not null and t.pr_status in ('created', 'merged', 'blocked_on_ci', 'closed')")} as pull_requests,
      ${one("t.ended is not null and t.pr_status = 'merged'")} as merged,
      case when t.ended is not null and t.attempts <= 1 and t.started_ms >= t.created_ms
        then ${bytes('t.started_ms - t.created_ms')} end as waits,
      case when t.ended is not null and t.pr_status = 'merged' and t.merged_ms >= t.pr_created_ms
        then ${bytes('t.merged_ms - t.pr_created_ms')} end as merges,
      null::float8 as spent
    from timed t
    union all
    select t.source, t.key, -1, t.ended_ms, null, t.project, t.workflow, t.persona, t.model,
      coalesce(t.category, case t.status when 'timed_out' then 'timeout' else 'other' end),
      ${MEASURES.map((measure) => FAILED[measure] ?? 'null').join(', ')}
    from timed t where t.is_failure
    union all
    select source, key, row_number() over (partition by source, key order by slot, project, workflow, persona, model)::int,
      slot * ${SLOT_MS}::bigint, null, project, workflow, persona, model, '',
      ${MEASURES.slice(0, -1)
        .map(() => 'null')
        .join(', ')}, least(sum(nano), 1e300)::float8
    from money group by source, key, slot, project, workflow, persona, model)`;
