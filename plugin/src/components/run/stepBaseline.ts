import type { Step } from './orderSteps';

/** How long steps of a kind took in earlier successful runs of the workflow: seconds. */
export interface StepBaseline {
  readonly p50: number;
  readonly p95: number;
  /** Of so many steps. */
  readonly count: number;
}

/** Steps of one role and name are of a kind. */
export function baselineKey({ role, name }: Pick<Step, 'role' | 'name'>): string {
  return JSON.stringify([role ?? null, name ?? null]);
}
