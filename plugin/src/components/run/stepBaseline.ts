import type { StepBaselinesAnswer } from '@contract/overview.ts';

/** How long steps of a kind took in the last successful runs of the workflow. */
export type StepBaseline = StepBaselinesAnswer['data'][number];
