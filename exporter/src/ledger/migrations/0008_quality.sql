-- Up Migration

-- A row for each evaluation: an attempt of a run that was counted in fleet_quality_score. The scores are those of the run's
-- record; weights and threshold are those of the time when it was evaluated, whatever persona and workflow say later.
create table fleetlens.evaluation (
  source text collate "C" not null,
  run_id text collate "C" not null,
  attempt integer not null,
  project text collate "C" not null,
  workflow text collate "C" not null,
  persona text collate "C" not null,
  -- when the run ended, canonical RFC 3339
  at text collate "C" not null,
  composite double precision not null,
  correctness double precision,
  type_safety double precision,
  code_style double precision,
  test_coverage double precision,
  completeness double precision,
  threshold double precision,
  threshold_met boolean,
  weights json,
  -- the baseline that it was judged by, and the margin; null: there was none for it
  baseline double precision,
  margin double precision,
  -- it is judged when the source's backfill is done
  waits boolean not null default false,
  primary key (source, run_id, attempt)
) with (fillfactor = 90);
create index evaluation_workflow on fleetlens.evaluation (source, project, workflow, at, run_id, attempt);
create index evaluation_waits on fleetlens.evaluation (source) where waits;

-- The baselines of a workflow, one after the other. Without a row the first one is still to be made.
create table fleetlens.quality_baseline (
  id bigint generated always as identity primary key,
  source text collate "C" not null,
  project text collate "C" not null,
  workflow text collate "C" not null,
  how text not null check (how in ('computed', 'pinned', 'rebased')),
  -- evaluations from this time on are judged by it, up to where the next one begins; '' for the first
  begins text collate "C" not null,
  -- made of the first evaluations from this time on; null: pinned
  collects_from text collate "C",
  -- null while it is being made
  score double precision,
  -- what it is made of: [[run, attempt, time, composite], …] in the order of time
  runs json,
  fixed_at timestamptz,
  actor text,
  reason text,
  -- of fleet_quality_baseline_score, while it is the one in force
  series integer,
  unique (source, project, workflow, begins)
);

-- What was evaluated before is there to make baselines of; it was counted long ago and is not judged.
insert into fleetlens.evaluation (source, run_id, attempt, project, workflow, persona, at, composite, correctness, type_safety,
    code_style, test_coverage, completeness, threshold, threshold_met, weights)
  select source, key, greatest(1, coalesce((doc ->> 'attempts')::int, 1)), coalesce(project, ''), coalesce(workflow, ''),
    coalesce(persona, ''),
    coalesce(finished_at, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
    (q ->> 'composite')::float8, (q ->> 'correctness')::float8, (q ->> 'typeSafety')::float8, (q ->> 'codeStyle')::float8,
    (q ->> 'testCoverage')::float8, (q ->> 'completeness')::float8, (q ->> 'threshold')::float8, (q ->> 'thresholdMet')::boolean,
    (q -> 'weights')::json
  from fleetlens.run cross join lateral (select doc -> 'quality' as q) quality
  where q ? 'composite' and status in ('succeeded', 'failed', 'timed_out', 'cancelled');

-- Down Migration

drop table fleetlens.quality_baseline;
drop table fleetlens.evaluation;
