/** What figures can be grouped by. */
export const ANALYTICS_DIMENSIONS = ['source', 'project', 'workflow', 'persona', 'model'] as const;
export type AnalyticsDimension = (typeof ANALYTICS_DIMENSIONS)[number];
