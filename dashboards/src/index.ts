import { chains } from './dashboards/chains.ts';
import { ci } from './dashboards/ci.ts';
import { cost } from './dashboards/cost.ts';
import { exporter } from './dashboards/exporter.ts';
import { integrations } from './dashboards/integrations.ts';
import { overview } from './dashboards/overview.ts';
import { quality } from './dashboards/quality.ts';
import { queues } from './dashboards/queues.ts';
import { review } from './dashboards/review.ts';
import { runs } from './dashboards/runs.ts';

/** Every dashboard, in the order in which they lead on. */
export const DASHBOARDS = [overview, runs, quality, ci, chains, queues, cost, integrations, exporter, review];
