import { categoryOf } from '@contract/errorCategories.ts';
import type { ErrorCategory } from '@contract/records.ts';
import type { Listed } from '../../api/FleetApi';
import type { Step } from './orderSteps';

/** What a run failed of, and where. */
export interface Cause {
  /** As it was recorded, to the letter. */
  readonly message: string | undefined;
  /** The failing step's own words, where they say something else. */
  readonly stepMessage: string | undefined;
  readonly surface: string | undefined;
  readonly category: ErrorCategory;
  readonly stepId: string | undefined;
  readonly step: Step | undefined;
}

const FAILED: ReadonlySet<string | undefined> = new Set(['failed', 'timed_out']);

/**
 * @param isWhole these are all steps; until then only the one that the error names is told
 * @returns the step that made the run fail: the one that its error names, else the last one that failed; undefined where none did.
 */
export function failingStepOf(run: Listed<'run'>, ordered: readonly Step[], isWhole = true): Step | undefined {
  if (!FAILED.has(run.status)) return undefined;
  const named = run.error?.stepId;
  const found = ordered.find(({ stepId }) => stepId === named);
  return found ?? (isWhole ? ordered.findLast(({ status }) => FAILED.has(status)) : undefined);
}

/** @returns undefined of a run that did not fail and has no error recorded. */
export function causeOf(run: Listed<'run'>, ordered: readonly Step[], isWhole = true): Cause | undefined {
  if (!FAILED.has(run.status) && run.error === undefined) return undefined;
  const step = failingStepOf(run, ordered, isWhole);
  const error = run.error ?? step?.error;
  const message = error?.message ?? step?.error?.message;
  const category = error?.category ?? step?.error?.category ?? categoryOf(message);
  return {
    message,
    stepMessage: step?.error?.message === message ? undefined : step?.error?.message,
    surface: error?.surface ?? (step === undefined ? undefined : 'step'),
    category,
    stepId: step?.stepId ?? run.error?.stepId,
    step,
  };
}
