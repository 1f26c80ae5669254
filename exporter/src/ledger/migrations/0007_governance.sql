-- Up Migration

-- The audit trail is only added to: whoever writes the ledger can neither change an entry nor take one away before its time.
-- While there is no row here, entries are kept for ever. What is younger than 90 days stays whatever the row says.
create table fleetlens.audit_retention (
  one boolean primary key default true check (one),
  keep interval not null check (keep >= interval '90 days')
);

create function fleetlens.keep_audit() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'DELETE' and old.at < now() - (select r.keep from fleetlens.audit_retention r) then
    return old;
  end if;
  raise exception 'fleetlens.audit: found %, expected nothing but new entries: the audit trail is only added to', tg_op
    using errcode = 'insufficient_privilege',
      hint = 'Entries past audit.retention are removed by fleetlens.prune_audit().';
end $$;
create trigger audit_keep before update or delete on fleetlens.audit for each row execute function fleetlens.keep_audit();
create trigger audit_keep_all before truncate on fleetlens.audit for each statement execute function fleetlens.keep_audit();

-- The way in which entries past their retention go. It runs as the owner of the schema, so that a role without the right to
-- delete can prune. @param most entries to remove
create function fleetlens.prune_audit(most integer)
  returns table (source text, key text, counted json, held json)
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from fleetlens.audit a where a.ctid = any(array(
    select o.ctid from fleetlens.audit o where o.at < now() - (select r.keep from fleetlens.audit_retention r) limit most))
  returning a.source, a.key, a.counted, a.held
$$;
revoke all on function fleetlens.prune_audit(integer) from public;

-- For a role of its own that writes the ledger and owns nothing of it: who owns the schema runs this once. It can neither
-- change the audit trail nor switch off what keeps it.
create function fleetlens.grant_writer(writer name) returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  execute format('grant usage on schema fleetlens to %I', writer);
  execute format('grant select, insert, update, delete on all tables in schema fleetlens to %I', writer);
  execute format('grant usage, select, update on all sequences in schema fleetlens to %I', writer);
  execute format('revoke update, delete, truncate on fleetlens.audit from %I', writer);
  execute format('revoke insert, update, delete on fleetlens.migration from %I', writer);
  execute format('grant execute on function fleetlens.prune_audit(integer) to %I', writer);
  -- What later migrations of this owner add.
  execute format('alter default privileges in schema fleetlens grant select, insert, update, delete on tables to %I', writer);
  execute format('alter default privileges in schema fleetlens grant usage, select, update on sequences to %I', writer);
end $$;
revoke all on function fleetlens.grant_writer(name) from public;

-- How far the audit trail was handed on, in the order of commits: the last entry that a receiver has taken.
create table fleetlens.audit_delivery (
  receiver text primary key,
  seq bigint not null,
  source text collate "C" not null,
  key text collate "C" not null,
  delivered_at timestamptz not null default now()
) with (fillfactor = 50);

-- The notifications of a person, newest first, and those that they have not read. The expressions are those of
-- exporter/src/ledger/read/listRecords.ts.
create index notification_user on fleetlens.notification
  ((doc ->> 'user'), (coalesce(doc ->> 'createdAt', '') collate "C") desc, source, key);
create index notification_unread on fleetlens.notification ((doc ->> 'user'), (doc ->> 'project'))
  where not doc ?| array['readAt', 'dismissedAt'];
-- Approvals that wait for somebody: few of many.
create index approval_pending on fleetlens.approval (source, key) where not doc ?| array['decision', 'decidedAt'];

-- Down Migration

drop index fleetlens.approval_pending;
drop index fleetlens.notification_unread;
drop index fleetlens.notification_user;
drop table fleetlens.audit_delivery;
drop function fleetlens.grant_writer(name);
drop function fleetlens.prune_audit(integer);
drop trigger audit_keep_all on fleetlens.audit;
drop trigger audit_keep on fleetlens.audit;
drop function fleetlens.keep_audit();
drop table fleetlens.audit_retention;
