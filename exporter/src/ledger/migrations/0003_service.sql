-- Up Migration

-- What the services of the platforms say about themselves; of the same shape as the tables of the other kinds.
create table fleetlens.service (
  source text collate "C" not null,
  key text collate "C" not null,
  doc jsonb not null,
  stamps json not null,
  counted json,
  held json,
  pulled text,
  settled integer,
  due_at timestamptz,
  at timestamptz not null,
  seq bigint not null,
  primary key (source, key)
);
create index on fleetlens.service using brin (at) with (pages_per_range = 32, autosummarize = on);

-- Down Migration

drop table fleetlens.service;
