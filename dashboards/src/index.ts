import { overview } from './dashboards/overview.ts';
import { runs } from './dashboards/runs.ts';

/** Every dashboard, in the order in which they lead on. */
export const DASHBOARDS = [overview, runs];
