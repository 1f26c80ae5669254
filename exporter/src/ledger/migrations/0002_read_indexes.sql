-- Up Migration

-- Keys compare byte by byte, whatever the database's collation: the records of a run (steps, output) share the beginning of
-- their key, so the primary key finds them as one range. Only the indexes are built anew, not the tables.
do $$
declare kind text;
begin
  foreach kind in array array['run', 'step', 'output', 'chain', 'sandbox', 'usage', 'queue', 'job', 'error_group', 'approval',
    'notification', 'audit', 'store', 'adapter', 'rate_limit', 'platform_error', 'project', 'daily_stat', 'workflow', 'persona']
  loop
    execute format('alter table fleetlens.%I alter column source type text collate "C", alter column key type text collate "C"', kind);
  end loop;
end $$;

-- What lists of runs sort by and search in, outside of doc: a doc with a long prompt lies in TOAST, and a look at each would
-- fetch it (at 200,000 runs: a sort by cost 1.1 s instead of 80 ms, a search that finds nothing 2.0 s instead of 150 ms).
alter table fleetlens.run
  add column started_at text collate "C" generated always as (doc ->> 'startedAt') stored,
  add column finished_at text collate "C" generated always as (doc ->> 'finishedAt') stored,
  add column cost_usd double precision generated always as ((doc ->> 'costUsd')::double precision) stored,
  add column search_text text generated always as (left(
    key || E'\n' || coalesce(doc ->> 'name', '') || E'\n' || coalesce(doc #>> '{error,message}', '') || E'\n'
      || coalesce(doc ->> 'promptPreview', ''), 2000)) stored;
create index run_source_created on fleetlens.run (source, created_at desc, key);
create index run_status_created on fleetlens.run (status, created_at desc, source, key);
create index run_chain on fleetlens.run (source, (doc ->> 'chainId')) where doc ? 'chainId';

-- The lists of the other kinds, newest first. The expressions are those of exporter/src/ledger/read/listRecords.ts.
create index chain_time on fleetlens.chain ((coalesce(doc ->> 'createdAt', '') collate "C") desc, source, key);
create index sandbox_time on fleetlens.sandbox ((coalesce(doc ->> 'createdAt', '') collate "C") desc, source, key);
create index usage_time on fleetlens.usage ((coalesce(doc ->> 'date', '') collate "C") desc, source, key);
create index job_time on fleetlens.job ((coalesce(doc ->> 'enqueuedAt', '') collate "C") desc, source, key);
create index approval_time on fleetlens.approval ((coalesce(doc ->> 'requestedAt', '') collate "C") desc, source, key);
create index notification_time on fleetlens.notification ((coalesce(doc ->> 'createdAt', '') collate "C") desc, source, key);
create index audit_time on fleetlens.audit ((coalesce(doc ->> 'at', '') collate "C") desc, source, key);
create index platform_error_time on fleetlens.platform_error ((coalesce(doc ->> 'at', '') collate "C") desc, source, key);
create index adapter_time on fleetlens.adapter ((coalesce(doc ->> 'at', '') collate "C") desc, source, key);
create index rate_limit_time on fleetlens.rate_limit ((coalesce(doc ->> 'at', '') collate "C") desc, source, key);
create index error_group_time on fleetlens.error_group ((coalesce(doc ->> 'lastSeenAt', '') collate "C") desc, source, key);
create index daily_stat_time on fleetlens.daily_stat ((coalesce(doc ->> 'date', '') collate "C") desc, source, key);
-- An export that goes on where it stopped follows the order of commits: an entry that arrives late is not missed.
create index audit_seq on fleetlens.audit (seq, source, key);

-- Down Migration

drop index fleetlens.audit_seq, fleetlens.daily_stat_time, fleetlens.error_group_time, fleetlens.rate_limit_time, fleetlens.adapter_time,
  fleetlens.platform_error_time, fleetlens.audit_time, fleetlens.notification_time, fleetlens.approval_time, fleetlens.job_time,
  fleetlens.usage_time, fleetlens.sandbox_time, fleetlens.chain_time, fleetlens.run_chain, fleetlens.run_status_created,
  fleetlens.run_source_created;
alter table fleetlens.run drop column search_text, drop column cost_usd, drop column finished_at, drop column started_at;
