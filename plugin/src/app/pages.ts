import { type ComponentType, lazy } from 'react';

interface PageRoute {
  /** Below the app's path, as React Router spells it. */
  readonly path: string;
  readonly Page: ComponentType;
}

/** Every page, a chunk each. */
export const PAGES: readonly PageRoute[] = [
  { path: 'runs', Page: lazy(() => import(/* webpackChunkName: "runs" */ '../pages/runs/RunsPage')) },
  { path: 'run', Page: lazy(() => import(/* webpackChunkName: "run" */ '../pages/run/RunPage')) },
  {
    path: 'sandboxes',
    Page: lazy(() => import(/* webpackChunkName: "sandboxes" */ '../pages/sandboxes/SandboxesPage')),
  },
  { path: 'sandbox', Page: lazy(() => import(/* webpackChunkName: "sandbox" */ '../pages/sandbox/SandboxPage')) },
];
