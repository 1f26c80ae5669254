/**
 * What CodeCourier keeps, by the names that this source uses for it: in REST a list, in Convex a table. The order is that of a
 * first read: names before what is labelled with them, evaluations before the run that they judge, a chain before its sprints.
 */
export const DOCUMENT_KINDS = [
  'projects',
  'projectCounters',
  'personas',
  'workflows',
  'usageRecords',
  'sprintChains',
  'runSteps',
  'runs',
  'sandboxes',
  'messages',
  'notifications',
  'auditLogs',
  'dailyStats',
] as const;
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

export type Document = Readonly<Record<string, unknown>>;
