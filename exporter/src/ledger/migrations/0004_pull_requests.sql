-- Up Migration

-- The pull requests that a code host is asked about, and whose run a webhook of it is about.
create index run_open_pull_request on fleetlens.run (source, created_at desc, key)
  where doc #>> '{pullRequest,status}' in ('created', 'blocked_on_ci');
create index run_pull_request on fleetlens.run (lower(doc #>> '{pullRequest,url}')) where doc #>> '{pullRequest,url}' is not null;

-- Down Migration

drop index fleetlens.run_pull_request, fleetlens.run_open_pull_request;
