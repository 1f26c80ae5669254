-- Up Migration

-- What lists of runs are filtered by besides, outside of doc as the others (migrations/0002_read_indexes.sql).
alter table fleetlens.run
  add column pull_request_status text generated always as (doc #>> '{pullRequest,status}') stored,
  add column ci_status text generated always as (doc #>> '{ci,status}') stored,
  add column error_category text generated always as (doc #>> '{error,category}') stored,
  add column score double precision generated always as ((doc #>> '{quality,composite}')::double precision) stored;

-- What belongs to a run, for its page.
create index sandbox_run on fleetlens.sandbox (source, (doc ->> 'runId')) where doc ? 'runId';
create index approval_run on fleetlens.approval (source, (doc ->> 'runId')) where doc ? 'runId';

-- Down Migration

drop index fleetlens.approval_run, fleetlens.sandbox_run;
alter table fleetlens.run drop column score, drop column error_category, drop column ci_status, drop column pull_request_status;
