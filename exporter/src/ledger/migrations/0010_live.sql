-- Up Migration

-- Every change after this number is kept: who has seen up to it can go on without loss.
alter table fleetlens.head add column changes_from bigint not null default 0;
update fleetlens.head h set changes_from = coalesce((select min(c.seq) - 1 from fleetlens.change c), h.seq);

-- Down Migration

alter table fleetlens.head drop column changes_from;
