-- Up Migration

-- When a live source last counted what happened more than ten minutes before; rules over windows leave it out for a while.
-- `behind` was of the last batch alone: one fresh event in or after it hid the history that came with it.
alter table fleetlens.source_state add column history_at timestamptz;
alter table fleetlens.source_state drop column behind;

-- Down Migration

alter table fleetlens.source_state add column behind boolean not null default false;
alter table fleetlens.source_state drop column history_at;
