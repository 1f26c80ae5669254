-- Up Migration

-- What a run is found by besides its id. The expressions are those of exporter/src/ledger/read/findRecords.ts; names are compared by
-- their first 100 characters, in lower case. created_at, so that the newest of many are at hand: else the newest runs of all would
-- be looked through for what none of them may be.
create index run_name on fleetlens.run ((left(lower(doc ->> 'name'), 100) collate "C"), created_at desc) where doc ? 'name';
create index run_trigger on fleetlens.run ((doc ->> 'triggerRunId'), created_at desc) where doc ? 'triggerRunId';
create index run_sandbox on fleetlens.run ((doc ->> 'sandboxId'), created_at desc) where doc ? 'sandboxId';
-- owner/repo/pull/12, whatever the host.
create index run_pull_request_path on fleetlens.run ((regexp_replace(lower(doc #>> '{pullRequest,url}'), '^https?://[^/]*/', '')), created_at desc)
  where doc #>> '{pullRequest,url}' is not null;
create index run_pull_request_number on fleetlens.run ((doc #>> '{pullRequest,number}'), created_at desc)
  where doc #>> '{pullRequest,number}' is not null;

-- Down Migration

drop index fleetlens.run_pull_request_number, fleetlens.run_pull_request_path, fleetlens.run_sandbox, fleetlens.run_trigger,
  fleetlens.run_name;
