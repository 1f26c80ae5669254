-- Up Migration

-- Figures of an hour, a day, 8 days and 64 days, so that a window of any length is a few nodes; and of hours and days not only
-- by all dimensions, but by none and by each alone too, so that a series reads about as many rows as it has points.
-- Records are read anew: the figures' columns change. What retention pruned stays.
drop table fleetlens.run_hour, fleetlens.run_dirty;
truncate fleetlens.run_fact, fleetlens.run_day;

-- mask: the dimensions that a row of run_dim is about, by bits: source 1, project 2, workflow 4, persona 8, model 16, category 32; the
-- others are ''. A fact is about the first five, that of a failure's category about all.
alter table fleetlens.run_dim
  add column mask smallint,
  -- of a row about the first five: the rows about none, source, project, workflow, persona and model
  add column marginals integer[];
update fleetlens.run_dim set mask = case when category = '' then 31 else 63 end;
alter table fleetlens.run_dim
  alter column mask set not null,
  drop constraint run_dim_source_project_workflow_persona_model_category_key,
  add unique (mask, source, project, workflow, persona, model, category);

create function fleetlens.run_dim_about(wanted integer, text, text, text, text, text, text) returns integer language plpgsql as $$
declare found_id integer;
begin
  select d.id into found_id from fleetlens.run_dim d where d.mask = wanted and d.source = $2 and d.project = $3 and d.workflow = $4
    and d.persona = $5 and d.model = $6 and d.category = $7;
  if found_id is not null then
    return found_id;
  end if;
  insert into fleetlens.run_dim (mask, source, project, workflow, persona, model, category, marginals)
    values (wanted, $2, $3, $4, $5, $6, $7, case when wanted = 31 then array[
      fleetlens.run_dim_about(0, '', '', '', '', '', ''),
      fleetlens.run_dim_about(1, $2, '', '', '', '', ''), fleetlens.run_dim_about(2, '', $3, '', '', '', ''),
      fleetlens.run_dim_about(4, '', '', $4, '', '', ''), fleetlens.run_dim_about(8, '', '', '', $5, '', ''),
      fleetlens.run_dim_about(16, '', '', '', '', $6, '')] end)
    returning id into found_id;
  return found_id;
end $$;
create or replace function fleetlens.run_dim_of(text, text, text, text, text, text) returns integer language sql as $$
  select fleetlens.run_dim_about(case when $6 = '' then 31 else 63 end, $1, $2, $3, $4, $5, $6)
$$;
update fleetlens.run_dim set marginals = array[
    fleetlens.run_dim_about(0, '', '', '', '', '', ''),
    fleetlens.run_dim_about(1, source, '', '', '', '', ''), fleetlens.run_dim_about(2, '', project, '', '', '', ''),
    fleetlens.run_dim_about(4, '', '', workflow, '', '', ''), fleetlens.run_dim_about(8, '', '', '', persona, '', ''),
    fleetlens.run_dim_about(16, '', '', '', '', model, '')] where mask = 31;

-- Every figure as a whole number in double precision: exact up to 2^53 (9 million USD in 1e-9), and added up in a fifth of the time
-- that numeric takes. What the columns mean is said in 0009. Values one after the other hardly shrink, so they are not compressed.
alter table fleetlens.run_day rename to run_sum;
alter table fleetlens.run_sum rename column day to n;
alter table fleetlens.run_sum
  -- 0: n is an hour (UTC, numbered since 1970), 1: a day, 2: 8 days, 3: 64 days
  add column level smallint not null,
  -- that of dim
  add column mask smallint not null,
  drop constraint run_day_pkey,
  add primary key (level, mask, n, dim);
do $$
declare
  part text;
  sums text[] := array['runs', 'succeeded', 'failed', 'timed_out', 'cancelled', 'timed', 'duration_ms', 'iterated', 'iterations', 'costed',
    'cost', 'lost', 'evaluated', 'quality', 'rated_quality', 'rated_cost', 'verdicts', 'verdicts_passed', 'outcomes', 'outcomes_passed',
    'pull_requests', 'merged', 'spent'];
begin
  foreach part in array array['run_fact', 'run_sum', 'run_hour_pruned'] loop
    execute format('alter table fleetlens.%I %s, alter column waits set storage external, alter column merges set storage external', part,
      (select string_agg(format('alter column %I type double precision', name), ', ') from unnest(sums) as name));
  end loop;
end $$;

-- Nodes whose rows are not what the facts add up to any more (or never were): they are answered from what is below them.
create table fleetlens.run_dirty (
  level smallint not null,
  n integer not null,
  touched_at timestamptz not null default clock_timestamp(),
  primary key (level, n)
) with (fillfactor = 50);
insert into fleetlens.run_dirty (level, n)
  select distinct l.level, p.hour / l.hours from fleetlens.run_hour_pruned p
    cross join (values (0, 1), (1, 24), (2, 192), (3, 1536)) as l(level, hours);

update fleetlens.run_fact_state
  set scan_kind = case when exists (select from fleetlens.run) or exists (select from fleetlens.usage) then 'run' end,
    scan_source = '', scan_key = '';

-- Down Migration

truncate fleetlens.run_fact, fleetlens.run_sum;
delete from fleetlens.run_dim where mask not in (31, 63);
drop function fleetlens.run_dim_of(text, text, text, text, text, text);
drop function fleetlens.run_dim_about(integer, text, text, text, text, text, text);
alter table fleetlens.run_dim drop column mask, drop column marginals,
  add unique (source, project, workflow, persona, model, category);
alter table fleetlens.run_sum rename to run_day;
alter table fleetlens.run_day rename column n to day;
alter table fleetlens.run_day drop column level, drop column mask, add primary key (day, dim);
drop table fleetlens.run_dirty;
create table fleetlens.run_dirty (
  is_day boolean not null,
  n integer not null,
  touched_at timestamptz not null default clock_timestamp(),
  primary key (is_day, n)
) with (fillfactor = 50);
create table fleetlens.run_hour (like fleetlens.run_hour_pruned including all);
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
update fleetlens.run_fact_state set scan_kind = 'run', scan_source = '', scan_key = '';
