-- Up Migration

-- The job that executes the run of another source, found from that run, and the jobs that wait before it. Partial: the jobs of
-- other queues, which are many, do not pay for them. The expressions are those of exporter/src/ledger/read/readRun.ts.
create index job_executes on fleetlens.job ((doc ->> 'jobId')) where doc ? 'runSource';
create index job_waits on fleetlens.job (source, (doc ->> 'queue'))
  where doc ? 'runSource' and not doc ?| array['startedAt', 'finishedAt', 'result'];

-- Down Migration

drop index fleetlens.job_waits;
drop index fleetlens.job_executes;
