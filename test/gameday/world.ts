import type { ADAPTER_RESULTS } from '../../exporter/src/contract/records.ts';

export type AdapterResult = (typeof ADAPTER_RESULTS)[number];

/** The simulated fleet: four platforms, small and large projects. `runsPerHour` by day; at night a tenth of it. */
export interface Project {
  readonly source: string;
  readonly project: string;
  readonly workflows: readonly string[];
  readonly personas: readonly string[];
  readonly runsPerHour: number;
  /** A project that works day and night. */
  readonly isSteady?: true;
  /** Its runs are evaluated. */
  readonly quality?: true;
}

export const COURIER = 'codecourier-main';
export const DEMITON = 'demiton-main';
export const TINKER = 'tinker-main';
/** The only one that is polled. */
export const CRUCIBLE = 'crucible-main';
/** Pushes little, but regularly. */
export const HOOKS = 'hooks-main';
/** Not there at the beginning: it is read for the first time in the course of the month. */
export const LEGACY = 'legacy-main';

export const SHOP: Project = {
  source: COURIER,
  project: 'acme/shop',
  workflows: ['feature', 'bugfix'],
  personas: ['builder'],
  runsPerHour: 5,
};
export const TOOLS: Project = {
  source: COURIER,
  project: 'acme/tools',
  workflows: ['feature'],
  personas: ['fixer'],
  runsPerHour: 0.5,
  quality: true,
};
export const ERP: Project = {
  source: DEMITON,
  project: 'erp',
  workflows: ['order-sync'],
  personas: [''],
  runsPerHour: 1,
  isSteady: true,
};
export const INFRA: Project = {
  source: TINKER,
  project: 'acme/infra',
  workflows: ['handleIssueComment'],
  personas: [''],
  runsPerHour: 1,
};
export const LAB: Project = {
  source: CRUCIBLE,
  project: 'lab',
  workflows: ['search'],
  personas: [''],
  runsPerHour: 0.5,
};
export const PROJECTS: readonly Project[] = [SHOP, TOOLS, ERP, INFRA, LAB];

/** A workflow of every project that only failures nobody looks at are about: no run of another story mends them. */
export const RARE_WORKFLOW = 'release';

export const QUEUE = 'arq:queue';
export const ADAPTERS = ['odoo', 'shopify'] as const;
/** Handlers whose errors are on the critical path, and some that are not. */
export const CRITICAL = ['handleIssueComment', 'handlePullRequest'] as const;
export const HANDLERS = ['renderDiff', 'publishStatus'] as const;
export const APPROVAL_SLA_SECONDS = 3_600;
/** No month of a simulated fleet comes near it. */
export const BUDGETS_USD = { workspace_monthly: 100_000, repo_daily: 200, persona_run: 25 } as const;
/** Label sets of fleet_errors_total; past it new ones are folded. A tenth more is for what sources fold into: one place. */
export const ERROR_SERIES_CAP = 10;

export const REPLICAS = ['exporter-0:9960', 'exporter-1:9960'] as const;
/** When the exporter polls. */
export const POLL_MS = 15_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
/** Late usage of a finished run is waited for so long; only then is it known to be missing. */
export const SETTLE_MS = 5 * MINUTE_MS;
