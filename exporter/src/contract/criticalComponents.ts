/**
 * Handlers of GitTinkerer that nothing works without: FleetCriticalPathFailing names them. Their errors keep a series of their own
 * however many components a source has.
 */
export const CRITICAL_COMPONENTS = ['handleIssueComment', 'handlePullRequest'] as const;
