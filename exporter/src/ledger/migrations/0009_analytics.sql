-- Up Migration

-- What runs are counted by. Figures refer to it by a number: so rows are narrow, and a filter looks at few texts. '' is unknown;
-- category is that of a failure, else ''.
create table fleetlens.run_dim (
  id integer generated always as identity primary key,
  source text collate "C" not null,
  project text collate "C" not null,
  workflow text collate "C" not null,
  persona text collate "C" not null,
  model text collate "C" not null,
  category text collate "C" not null,
  unique (source, project, workflow, persona, model, category)
);

create function fleetlens.run_dim_of(text, text, text, text, text, text) returns integer language plpgsql as $$
declare found_id integer;
begin
  select d.id into found_id from fleetlens.run_dim d
    where d.source = $1 and d.project = $2 and d.workflow = $3 and d.persona = $4 and d.model = $5 and d.category = $6;
  if found_id is null then
    insert into fleetlens.run_dim (source, project, workflow, persona, model, category) values ($1, $2, $3, $4, $5, $6)
      returning id into found_id;
  end if;
  return found_id;
end $$;

-- Four tables of the same figures, which are added up: of one record (run_fact), of an hour and of a day (UTC, numbered since
-- 1970) by dimension, and of what retention pruned, by hour. null is 0. Money and scores are in 1e-9; waits and merges hold one
-- value each, milliseconds in 6 bytes, so that percentiles are exact.
do $$
declare part record;
begin
  for part in select * from (values
    -- part 0 is the run: at its end (null while it goes on); -1 a failure by its category; the others are its money, at the quarter of an hour in which it was
    -- spent. Money of usage without a run stands under E'\x1f' and the key of the usage record.
    ('run_fact', 'source text collate "C" not null, key text collate "C" not null, part integer not null, at_ms bigint, used_ms bigint',
      'source, key, part'),
    ('run_hour', 'hour integer not null', 'hour, dim'),
    ('run_day', 'day integer not null', 'day, dim'),
    ('run_hour_pruned', 'hour integer not null', 'hour, dim')) as t(name, own, key)
  loop
    execute format('create table fleetlens.%I (%s, dim integer not null,
      runs bigint, succeeded bigint, failed bigint, timed_out bigint, cancelled bigint,
      -- runs whose duration, iterations, cost, quality is known, and the sums
      timed bigint, duration_ms numeric, iterated bigint, iterations numeric, costed bigint, cost numeric,
      -- the cost of failed and timed-out runs
      lost numeric,
      evaluated bigint, quality numeric,
      -- of the evaluated runs whose cost is known
      rated_quality numeric, rated_cost numeric,
      -- first pass: decided by verdicts, or by the outcome where there was no verdict
      verdicts bigint, verdicts_passed bigint, outcomes bigint, outcomes_passed bigint,
      pull_requests bigint, merged bigint,
      waits bytea, merges bytea,
      spent numeric,
      primary key (%s))', part.name, part.own, part.key);
  end loop;
end $$;
create index run_fact_at on fleetlens.run_fact (at_ms);
-- When a persona was used last.
create index run_fact_used on fleetlens.run_fact (dim, used_ms) where used_ms is not null;

-- Hours and days whose rows are not what the facts add up to any more (or never were): they are answered from the facts.
create table fleetlens.run_dirty (
  is_day boolean not null,
  n integer not null,
  touched_at timestamptz not null default clock_timestamp(),
  primary key (is_day, n)
) with (fillfactor = 50);

-- How far the facts follow the records. The lock of this table is held by whoever changes facts or figures.
create table fleetlens.run_fact_state (
  one boolean primary key default true check (one),
  -- the facts hold every change up to this number, which was committed at as_of
  seq bigint not null,
  as_of timestamptz not null default clock_timestamp(),
  -- the first reading of all records: null when it is done
  scan_kind text,
  scan_source text collate "C" not null default '',
  scan_key text collate "C" not null default ''
) with (fillfactor = 10);
insert into fleetlens.run_fact_state (seq, scan_kind)
  select h.seq, case when exists (select from fleetlens.run) or exists (select from fleetlens.usage) then 'run' end
  from fleetlens.head h;

-- Down Migration

drop table fleetlens.run_fact_state, fleetlens.run_dirty, fleetlens.run_hour_pruned, fleetlens.run_day, fleetlens.run_hour,
  fleetlens.run_fact;
drop function fleetlens.run_dim_of(text, text, text, text, text, text);
drop table fleetlens.run_dim;
