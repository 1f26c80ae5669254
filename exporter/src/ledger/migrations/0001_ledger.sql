-- Up Migration

-- The one row that numbers the changes. Every writer holds the advisory lock of lockLedger.ts, so numbers become visible in order.
create table fleetlens.head (
  one boolean primary key default true check (one),
  ledger_id uuid not null default gen_random_uuid(),
  seq bigint not null default 0,
  -- differences that the last verification found; null before the first
  mismatches integer,
  verified_at timestamptz
) with (fillfactor = 10);
insert into fleetlens.head default values;

-- A table for each kind of record, all of one shape. doc is the merged record; the other JSON columns are read by Node alone,
-- so they are json (kept as text), which is cheaper to write than jsonb.
do $$
declare kind text;
begin
  foreach kind in array array['run', 'step', 'output', 'chain', 'sandbox', 'usage', 'queue', 'job', 'error_group', 'approval',
    'notification', 'audit', 'store', 'adapter', 'rate_limit', 'platform_error', 'project', 'daily_stat', 'workflow', 'persona']
  loop
    execute format('create table fleetlens.%I (
      source text not null,
      key text not null,
      doc jsonb not null,
      stamps json not null,
      counted json,
      held json,
      pulled text,
      settled integer,
      due_at timestamptz,
      at timestamptz not null,
      seq bigint not null,
      primary key (source, key))', kind);
    -- Retention prunes by the time of the newest event.
    execute format('create index on fleetlens.%I using brin (at) with (pages_per_range = 32, autosummarize = on)', kind);
  end loop;
end $$;

-- What lists of runs filter and sort by. Times are canonical RFC 3339, so their text sorts as they do.
alter table fleetlens.run
  add column project text generated always as (doc ->> 'project') stored,
  add column workflow text generated always as (doc ->> 'workflow') stored,
  add column persona text generated always as (doc ->> 'persona') stored,
  add column status text generated always as (doc ->> 'status') stored,
  add column created_at text collate "C" generated always as (coalesce(doc ->> 'createdAt', doc ->> 'startedAt', '')) stored;
create index run_created on fleetlens.run (created_at desc, source, key);
create index run_project_created on fleetlens.run (project, created_at desc, source, key);
create index run_open on fleetlens.run (source, created_at) where status in ('queued', 'running', 'waiting');
create index run_due on fleetlens.run (source, due_at) where due_at is not null;
-- A step that waits for its run.
create index step_due on fleetlens.step (source, key collate "C") where due_at is not null;
alter table fleetlens.usage add column run_id text generated always as (doc ->> 'runId') stored;
create index usage_run on fleetlens.usage (source, run_id) where run_id is not null;

-- Readings over time of the kinds whose record is only the latest one.
create table fleetlens.sample (
  kind text not null,
  source text not null,
  key text not null,
  at timestamptz not null,
  doc jsonb not null,
  primary key (kind, source, key, at)
);
create index on fleetlens.sample using brin (at);

-- The rollups: what /metrics reads. labels are the values in the order of the catalogue.
-- No index on what moves (seq, value, …): so an update stays on its page (HOT) and costs two fifths of one that writes to three
-- indexes. A scrape looks through the whole table for what changed; there are as many rows as label sets.
create table fleetlens.rollup (
  id integer primary key,
  family text not null,
  labels text[] not null,
  -- a counter, the sum of a histogram or summary, or a gauge, in units of 1e-9: exact whatever the order of addition
  value numeric(60, 0) not null default 0,
  -- observations; of a gauge: how many records contribute
  count bigint not null default 0,
  buckets bigint[],
  exemplars jsonb,
  -- of a family that takes the least: parts up to this value are settled
  resolved_to double precision,
  -- shown as shown_first until 60 s after born_at; null: shown as it is
  born_at timestamptz,
  shown_first json,
  touched_at timestamptz not null default now(),
  seq bigint not null,
  unique (family, labels)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- The records that take part in a gauge that takes the least.
create table fleetlens.part (
  series integer not null,
  kind text not null,
  source text not null,
  key text not null,
  value double precision not null,
  primary key (series, kind, source, key)
);
create index part_value on fleetlens.part (series, value);

-- What pruned records had counted.
create table fleetlens.rollup_base (
  id integer primary key,
  value numeric(60, 0) not null default 0,
  count bigint not null default 0,
  buckets bigint[]
);

-- Runs that retention pruned: read again they count nothing, and their page says when they went.
create table fleetlens.tombstone (
  source text not null,
  run_id text not null,
  pruned_at timestamptz not null default now(),
  primary key (source, run_id)
);

-- Ids of pushed events, for 35 days. Hash partitions: an id is unique whatever its time, and each index stays small.
create table fleetlens.dedupe (
  id uuid not null,
  body uuid not null,
  at_day integer not null,
  primary key (id)
) partition by hash (id);
do $$
begin
  for i in 0..15 loop
    execute format('create table fleetlens.dedupe_%s partition of fleetlens.dedupe for values with (modulus 16, remainder %s)', i, i);
    execute format('create index on fleetlens.dedupe_%s using brin (at_day) with (pages_per_range = 32)', i);
  end loop;
end $$;

create table fleetlens.source_state (
  source text primary key,
  -- pull: read by a poller; push: sends events
  way text not null check (way in ('pull', 'push')),
  cursor jsonb,
  -- the first complete read is done; runs that ended in it are settled before the source goes live
  backfilled boolean not null default false,
  -- what the source counted is exposed from then on
  live_at timestamptz,
  -- what was read or sent last was more than ten minutes old
  behind boolean not null default false,
  last_event_at timestamptz,
  progress jsonb,
  -- gaps between events, by day: counts by power of two of seconds
  gaps jsonb,
  -- records of a kind whose newest event is older than this were pruned
  pruned_to jsonb,
  updated_at timestamptz not null default now(),
  seq bigint not null default 0
) with (fillfactor = 50);

-- One row a commit; entries: [[kind, source, key], …]. The stream resumes from here.
create table fleetlens.change (
  seq bigint primary key,
  at timestamptz not null default now(),
  entries json not null
);

create table fleetlens.dead_letter (
  id bigint generated always as identity primary key,
  source text not null,
  kind text,
  event_id text,
  received_at timestamptz not null default now(),
  reason text not null,
  payload text not null,
  payload_hash uuid not null,
  unique (source, payload_hash)
);

-- Down Migration

drop schema fleetlens cascade;
