-- Up Migration

-- What was spent, by quarter of an hour (since 1970; days and months of every time zone begin at one) and project, in 1e-9 USD.
-- base: the part that pruned records had counted.
create table fleetlens.spent_slot (
  slot integer not null,
  project text collate "C" not null,
  nano numeric(60, 0) not null default 0,
  base numeric(60, 0) not null default 0,
  primary key (slot, project)
) with (fillfactor = 80);
-- Older quarters are not kept: no window that they are part of is open.
alter table fleetlens.head add column spent_from integer not null default 0;

-- What was spent in a calendar window: the sum of its quarters. raised: the limit that an admin set for it. noticed: the highest
-- limit that is known to have been reached.
create table fleetlens.budget_window (
  scope text not null,
  subject text collate "C" not null,
  starts integer not null,
  ends integer not null,
  spent numeric(60, 0) not null default 0,
  raised numeric(60, 0),
  noticed numeric(60, 0),
  primary key (scope, subject, starts, ends)
) with (fillfactor = 50);

-- The same for a run, the window of a persona's budget. is_open: the run is.
create table fleetlens.budget_run (
  source text collate "C" not null,
  run_id text collate "C" not null,
  persona text not null,
  is_open boolean not null,
  spent numeric(60, 0) not null default 0,
  base numeric(60, 0) not null default 0,
  last_slot integer not null,
  raised numeric(60, 0),
  noticed numeric(60, 0),
  primary key (source, run_id)
) with (fillfactor = 80);
create index budget_run_open on fleetlens.budget_run (persona) where is_open;

create table fleetlens.budget_pause (
  id bigint generated always as identity primary key,
  scope text not null,
  subject text collate "C" not null,
  starts integer,
  ends integer,
  run_source text,
  run_id text,
  cap numeric(60, 0) not null,
  spent numeric(60, 0) not null,
  paused_at timestamptz not null,
  -- null: until somebody acknowledges
  until timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by text,
  reason text,
  raised numeric(60, 0)
);
create index budget_pause_open on fleetlens.budget_pause (scope, subject) where acknowledged_at is null;
create index budget_pause_latest on fleetlens.budget_pause (scope, subject, id desc);

-- What others are to be told; written with what it tells of, delivered by the replica that leads, in order for each receiver.
create table fleetlens.outbox (
  id bigint generated always as identity primary key,
  receiver text not null,
  key text not null,
  message jsonb not null,
  created_at timestamptz not null default now(),
  attempts integer not null default 0,
  next_at timestamptz not null default now(),
  delivered_at timestamptz,
  gave_up_at timestamptz,
  last_error text,
  unique (receiver, key)
);
create index outbox_waiting on fleetlens.outbox (receiver, id) where delivered_at is null and gave_up_at is null;

-- Down Migration

drop table fleetlens.outbox, fleetlens.budget_pause, fleetlens.budget_run, fleetlens.budget_window, fleetlens.spent_slot;
alter table fleetlens.head drop column spent_from;
