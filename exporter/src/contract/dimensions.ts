/** What figures can be grouped by. */
export const ANALYTICS_DIMENSIONS = ['source', 'project', 'workflow', 'persona', 'model'] as const;
export type AnalyticsDimension = (typeof ANALYTICS_DIMENSIONS)[number];

/** What is told of the runs of a group. */
export const FIGURES = [
  'runs',
  'succeeded',
  'failed',
  'timedOut',
  'cancelled',
  'successRate',
  'averageIterations',
  'averageDurationSeconds',
  'queueWaitSeconds',
  'costUsd',
  'runsWithCost',
  'costPerRunUsd',
  'costPerSuccessfulRunUsd',
  'costPerMergedPullRequestUsd',
  'costOfFailuresUsd',
  'averageQuality',
  'evaluatedRuns',
  'qualityPerUsd',
  'firstPassRate',
  'firstPass',
  'pullRequests',
  'mergedPullRequests',
  'secondsToMerge',
  'spentUsd',
] as const;
export type FigureName = (typeof FIGURES)[number];
