import { type CoverageRow, section } from '../coverage.ts';

export const coverage: readonly CoverageRow[] = [
  ...section('CodeCourier: Monitoring, CI Checks Monitoring', [
    ['ciChecks.status', 'run.ci.status', 'fleet_ci_status'],
    ['ciChecks.checks[].name', 'run.ci.checks[].name', 'fleet_ci_checks_finished_total'],
    ['ciChecks.checks[].status', 'run.ci.checks[].status'],
    ['ciChecks.checks[].url', 'run.ci.checks[].url'],
    ['ciChecks.checkedAt', 'run.ci.checkedAt'],
    ['prStatus', 'run.pullRequest.status', 'fleet_pull_requests_total', 'fleet_pull_requests_blocked_on_ci'],
  ]),
  ...section('GitHub REST API, pulls, checks, commit statuses', [
    ['pull.html_url', 'run.pullRequest.url'],
    ['pull.number', 'run.pullRequest.number'],
    ['pull.draft', 'run.pullRequest.draft'],
    ['pull.created_at', 'run.pullRequest.createdAt', 'fleet_pull_request_merge_seconds'],
    ['pull.closed_at', 'run.pullRequest.closedAt'],
    ['pull.merged_at', 'run.pullRequest.mergedAt', 'fleet_pull_request_merge_seconds'],
    ['pull.head.sha', 'run.ci.headSha'],
    ['check_run.id', 'run.ci.checks[].id'],
    ['check_run.conclusion', 'run.ci.checks[].conclusion', 'fleet_ci_checks_finished_total'],
    ['check_run.check_suite.id', 'run.ci.checks[].suiteId'],
    ['check_run.app.slug', 'run.ci.checks[].app'],
    ['check_run.started_at', 'run.ci.checks[].startedAt'],
    ['check_run.completed_at', 'run.ci.checks[].completedAt'],
    ['status.context', 'run.ci.checks[].name', 'fleet_ci_checks_finished_total'],
    ['status.state', 'run.ci.checks[].conclusion', 'fleet_ci_checks_finished_total'],
    ['status.target_url', 'run.ci.checks[].url'],
    ['status.updated_at', 'run.ci.checks[].completedAt'],
  ]),
];
