-- Up Migration

-- What a run is found by besides its id. The expressions are those of exporter/src/ledger/read/findRecords.ts; names are compared by
-- their first 100 characters, in lower case.
create index run_name on fleetlens.run ((left(lower(doc ->> 'name'), 100) collate "C")) where doc ? 'name';
create index run_trigger on fleetlens.run ((doc ->> 'triggerRunId')) where doc ? 'triggerRunId';
create index run_sandbox on fleetlens.run ((doc ->> 'sandboxId')) where doc ? 'sandboxId';
-- owner/repo/pull/12, whatever the host.
create index run_pull_request_path on fleetlens.run ((regexp_replace(lower(doc #>> '{pullRequest,url}'), '^https?://[^/]*/', '')))
  where doc #>> '{pullRequest,url}' is not null;
create index run_pull_request_number on fleetlens.run ((doc #>> '{pullRequest,number}'), created_at desc)
  where doc #>> '{pullRequest,number}' is not null;

-- Down Migration

drop index fleetlens.run_pull_request_number, fleetlens.run_pull_request_path, fleetlens.run_sandbox, fleetlens.run_trigger,
  fleetlens.run_name;
