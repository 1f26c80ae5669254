-- Up Migration

-- Evaluations of a window, whatever the source and the project: the trend of all quality.
create index evaluation_at on fleetlens.evaluation (at);

-- Down Migration

drop index fleetlens.evaluation_at;
