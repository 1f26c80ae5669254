/** A field of a platform's document, the record field that holds it, and where it can be seen. */
interface Covered {
  readonly document: string;
  readonly field: string;
  readonly record: string;
  readonly shows: string;
}

const MONITORING = 'codecourier-monitoring.md, CI checks';
const FACTS = 'facts.md, GitHub';

export const coverage: readonly Covered[] = [
  { document: MONITORING, field: 'ciChecks.status', record: 'run.ci.status', shows: 'API run, fleet_ci_status' },
  {
    document: MONITORING,
    field: 'ciChecks.checks[].name',
    record: 'run.ci.checks[].name',
    shows: 'API run, fleet_ci_checks_finished_total',
  },
  { document: MONITORING, field: 'ciChecks.checks[].status', record: 'run.ci.checks[].status', shows: 'API run' },
  { document: MONITORING, field: 'ciChecks.checks[].url', record: 'run.ci.checks[].url', shows: 'API run' },
  { document: MONITORING, field: 'ciChecks.checkedAt', record: 'run.ci.checkedAt', shows: 'API run' },
  {
    document: MONITORING,
    field: 'prStatus',
    record: 'run.pullRequest.status',
    shows: 'API run, fleet_pull_requests_total, fleet_pull_requests_blocked_on_ci',
  },
  { document: FACTS, field: 'pull.html_url', record: 'run.pullRequest.url', shows: 'API run' },
  { document: FACTS, field: 'pull.number', record: 'run.pullRequest.number', shows: 'API run' },
  { document: FACTS, field: 'pull.draft', record: 'run.pullRequest.draft', shows: 'API run' },
  {
    document: FACTS,
    field: 'pull.created_at',
    record: 'run.pullRequest.createdAt',
    shows: 'API run, fleet_pull_request_merge_seconds',
  },
  { document: FACTS, field: 'pull.closed_at', record: 'run.pullRequest.closedAt', shows: 'API run' },
  {
    document: FACTS,
    field: 'pull.merged_at',
    record: 'run.pullRequest.mergedAt',
    shows: 'API run, fleet_pull_request_merge_seconds',
  },
  { document: FACTS, field: 'pull.head.sha', record: 'run.ci.headSha', shows: 'API run' },
  { document: FACTS, field: 'check_run.id', record: 'run.ci.checks[].id', shows: 'API run' },
  {
    document: FACTS,
    field: 'check_run.conclusion',
    record: 'run.ci.checks[].conclusion',
    shows: 'API run, fleet_ci_checks_finished_total',
  },
  { document: FACTS, field: 'check_run.check_suite.id', record: 'run.ci.checks[].suiteId', shows: 'API run' },
  { document: FACTS, field: 'check_run.app.slug', record: 'run.ci.checks[].app', shows: 'API run' },
  { document: FACTS, field: 'check_run.started_at', record: 'run.ci.checks[].startedAt', shows: 'API run' },
  { document: FACTS, field: 'check_run.completed_at', record: 'run.ci.checks[].completedAt', shows: 'API run' },
  {
    document: FACTS,
    field: 'status.context',
    record: 'run.ci.checks[].name',
    shows: 'API run, fleet_ci_checks_finished_total',
  },
  {
    document: FACTS,
    field: 'status.state',
    record: 'run.ci.checks[].conclusion',
    shows: 'API run, fleet_ci_checks_finished_total',
  },
  { document: FACTS, field: 'status.target_url', record: 'run.ci.checks[].url', shows: 'API run' },
  { document: FACTS, field: 'status.updated_at', record: 'run.ci.checks[].completedAt', shows: 'API run' },
];
