-- Up Migration

-- Evaluations of a window, whatever the source and the project: the trend of all quality.
create index evaluation_at on fleetlens.evaluation (at);
-- Figures of a few dimensions, as of one project or of the groups with the most runs: the others of a node are not read.
create index run_sum_dim on fleetlens.run_sum (dim, level, n);

-- Down Migration

drop index fleetlens.run_sum_dim, fleetlens.evaluation_at;
