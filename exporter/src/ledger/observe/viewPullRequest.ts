import { createHash } from 'node:crypto';
import { categoryOf } from '../../contract/errorCategories.ts';
import type { RunRecord } from '../../contract/records.ts';
import { type Fact, type Part, secondsBetween, unixSeconds } from './recordView.ts';

type PullRequest = RunRecord['pullRequest'];
type Ci = RunRecord['ci'];

/** One check run: GitHub gives each its own URL, so a check that runs again is another one. */
function checkKey(name: string, url: string | undefined, conclusion: string): string {
  const run = url === undefined ? '' : createHash('sha1').update(url).digest('base64url').slice(0, 8);
  return `check:${name}:${run}:${conclusion}:`;
}

/** What is counted of a pull request and its checks; `passing`, since a failed creation can be tried again. */
export function pullRequestFacts(pullRequest: PullRequest, ci: Ci, source: string, project: string): Fact[] {
  const facts: Fact[] = [];
  if (pullRequest !== undefined) {
    const { status } = pullRequest;
    const event = (name: string, key: string): Fact => ({
      family: 'fleet_pull_requests_total',
      key,
      labels: [source, project, name],
      passing: true,
      field: 'pullRequest',
    });
    const exists = status === 'created' || status === 'merged' || status === 'blocked_on_ci' || status === 'closed';
    if (exists) facts.push(event('created', 'pr_created'));
    if (status === 'merged') {
      facts.push(event('merged', 'pr_merged'));
      const seconds = secondsBetween(pullRequest.createdAt, pullRequest.mergedAt);
      if (seconds !== undefined) {
        facts.push({
          family: 'fleet_pull_request_merge_seconds',
          key: 'pr_merge',
          labels: [source, project],
          value: seconds,
        });
      }
    }
    if (status === 'failed') facts.push(event('failed', 'pr_failed'));
    if (pullRequest.error !== undefined && status !== 'merged') {
      facts.push({
        family: 'fleet_run_errors_total',
        key: 'pr_error',
        passing: true,
        field: 'pullRequest',
        labels: [source, project, 'pr', categoryOf(pullRequest.error)],
      });
    }
  }
  for (const { name, conclusion, url } of ci?.checks ?? []) {
    if (conclusion !== undefined) {
      facts.push({
        family: 'fleet_ci_checks_finished_total',
        key: checkKey(name, url, conclusion),
        labels: [source, project, name, conclusion],
        passing: true,
        field: 'ci',
      });
    }
  }
  return facts;
}

export function pullRequestParts(
  pullRequest: PullRequest,
  ci: Ci,
  source: string,
  project: string,
  stampedAt: string | undefined,
): Part[] {
  const parts: Part[] = [];
  const blocked = pullRequest?.status === 'blocked_on_ci';
  if (ci?.status !== undefined && (blocked || pullRequest?.status === 'created')) {
    parts.push({ family: 'fleet_ci_status', labels: [source, project, ci.status], value: 1 });
  }
  if (blocked) {
    parts.push({ family: 'fleet_pull_requests_blocked_on_ci', labels: [source, project], value: 1 });
    const since = pullRequest.blockedSince ?? stampedAt;
    if (since !== undefined) {
      parts.push({
        family: 'fleet_pull_request_oldest_blocked_timestamp_seconds',
        labels: [source, project],
        value: unixSeconds(since),
      });
    }
  }
  return parts;
}
