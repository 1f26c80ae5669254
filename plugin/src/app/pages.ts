import { type ComponentType, lazy } from 'react';

interface PageRoute {
  /** Below the app's path, as React Router spells it. */
  readonly path: string;
  readonly Page: ComponentType;
}

/** Every page, a chunk each. */
export const PAGES: readonly PageRoute[] = [
  { path: 'fleet', Page: lazy(() => import(/* webpackChunkName: "fleet" */ '../pages/fleet/FleetPage')) },
  { path: 'find', Page: lazy(() => import(/* webpackChunkName: "find" */ '../pages/find/FindPage')) },
  { path: 'runs', Page: lazy(() => import(/* webpackChunkName: "runs" */ '../pages/runs/RunsPage')) },
  { path: 'run', Page: lazy(() => import(/* webpackChunkName: "run" */ '../pages/run/RunPage')) },
  { path: 'chains', Page: lazy(() => import(/* webpackChunkName: "chains" */ '../pages/chains/ChainsPage')) },
  { path: 'chain', Page: lazy(() => import(/* webpackChunkName: "chain" */ '../pages/chain/ChainPage')) },
  {
    path: 'sandboxes',
    Page: lazy(() => import(/* webpackChunkName: "sandboxes" */ '../pages/sandboxes/SandboxesPage')),
  },
  { path: 'sandbox', Page: lazy(() => import(/* webpackChunkName: "sandbox" */ '../pages/sandbox/SandboxPage')) },
  {
    path: 'workflows',
    Page: lazy(() => import(/* webpackChunkName: "workflows" */ '../pages/workflows/WorkflowsPage')),
  },
  { path: 'cost', Page: lazy(() => import(/* webpackChunkName: "cost" */ '../pages/cost/CostPage')) },
  { path: 'quality', Page: lazy(() => import(/* webpackChunkName: "quality" */ '../pages/quality/QualityPage')) },
  { path: 'queues', Page: lazy(() => import(/* webpackChunkName: "queues" */ '../pages/queues/QueuesPage')) },
  { path: 'budgets', Page: lazy(() => import(/* webpackChunkName: "budgets" */ '../pages/budgets/BudgetsPage')) },
  {
    path: 'approvals',
    Page: lazy(() => import(/* webpackChunkName: "approvals" */ '../pages/approvals/ApprovalsPage')),
  },
  { path: 'history', Page: lazy(() => import(/* webpackChunkName: "history" */ '../pages/history/HistoryPage')) },
  { path: 'inbox', Page: lazy(() => import(/* webpackChunkName: "inbox" */ '../pages/inbox/InboxPage')) },
  { path: 'audit', Page: lazy(() => import(/* webpackChunkName: "audit" */ '../pages/audit/AuditPage')) },
];
