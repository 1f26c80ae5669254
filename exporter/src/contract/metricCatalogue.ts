import { CRITICAL_COMPONENTS } from './criticalComponents.ts';
import { ADAPTER_RESULTS, CI_STATUSES, NOTIFICATION_TYPES } from './records.ts';
import {
  CHAIN_FINISHED_STATUSES,
  CHAIN_OPEN_STATUSES,
  FINISHED_STATUSES,
  OPEN_STATUSES,
  SANDBOX_OPEN_STATUSES,
} from './status.ts';

/**
 * Every metric family, once: the exposition, METRICS.md and the drift checks of dashboards and rules come from here.
 * Bucket edges are interface: dashboards and recorded history depend on them.
 */
export const DURATION_BUCKETS = [1, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800] as const;
export const WAIT_BUCKETS = [0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600] as const;
export const QUALITY_BUCKETS = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100] as const;
export const COST_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 25, 50, 100] as const;
export const ITERATION_BUCKETS = [1, 2, 3, 4, 5, 8, 13, 21] as const;

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary';

export interface MetricFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly labels: readonly string[];
  readonly help: string;
  readonly section: string;
  /** OpenMetrics unit: the last part of the name before `_total`. */
  readonly unit?: 'seconds' | 'usd' | 'bytes';
  readonly buckets?: readonly number[];
  /** The histogram keeps a run id with its buckets. */
  readonly exemplar?: true;
  /**
   * ledger: a rollup of records, equal on every replica. least: a ledger gauge, the least value among the records that
   * take part (the oldest open run, say). self: this process about itself.
   */
  readonly from: 'ledger' | 'least' | 'self';
  /** All values of this label are born together, at 0. */
  readonly siblings?: { readonly label: string; readonly values: readonly string[] };
  /** A ledger gauge without any contributing record: shown as 0, or absent (the default). */
  readonly emptyIsZero?: true;
  /** Labels with a closed set of values: the cap never folds them into `__other__`. */
  readonly closed?: readonly string[];
  /** A label set with one of these values is never folded and takes no room in the family's share: alerts are about it by name. */
  readonly reserved?: { readonly label: string; readonly values: readonly string[] };
}

const runs = { section: 'Runs', from: 'ledger' } as const;
const quality = { section: 'Quality, CI, pull requests', from: 'ledger' } as const;
const chains = { section: 'Chains and sandboxes', from: 'ledger' } as const;
const queues = { section: 'Queues', from: 'ledger' } as const;
const cost = { section: 'Cost and budgets', from: 'ledger' } as const;
const governance = { section: 'Integrations, stores, governance', from: 'ledger' } as const;
const self = { section: 'The exporter about itself', from: 'self' } as const;
const selfLedger = { section: 'The exporter about itself', from: 'ledger' } as const;

const families = [
  {
    name: 'fleet_runs_created_total',
    type: 'counter',
    labels: ['source', 'project', 'workflow', 'trigger'],
    ...runs,
    help: "Runs first seen. trigger is the run's trigger (user, schedule, api), else its origin (workflow, sprint, sandbox, merge_agent, issue, pr, web, other).",
  },
  {
    name: 'fleet_runs_finished_total',
    type: 'counter',
    labels: ['source', 'project', 'workflow', 'persona', 'status'],
    ...runs,
    help: 'Runs that reached succeeded, failed, timed_out or cancelled.',
    siblings: { label: 'status', values: FINISHED_STATUSES },
    closed: ['status'],
  },
  {
    name: 'fleet_runs',
    type: 'gauge',
    labels: ['source', 'project', 'workflow', 'status'],
    ...runs,
    help: 'Runs that are queued, running or waiting now.',
    siblings: { label: 'status', values: OPEN_STATUSES },
    emptyIsZero: true,
    closed: ['status'],
  },
  {
    name: 'fleet_run_oldest_timestamp_seconds',
    type: 'gauge',
    labels: ['source', 'project', 'workflow', 'status'],
    ...runs,
    from: 'least',
    help: 'Since when the oldest run in that state has been in it, Unix time; absent when there is none.',
    closed: ['status'],
  },
  {
    name: 'fleet_run_oldest_unresolved_failure_timestamp_seconds',
    type: 'gauge',
    labels: ['source', 'project', 'workflow'],
    ...runs,
    from: 'least',
    help: 'End of the oldest failed or timed_out run that nobody acknowledged and no later success of the same workflow and project resolved, Unix time.',
  },
  {
    name: 'fleet_runs_lost_total',
    type: 'counter',
    labels: ['source', 'project', 'workflow'],
    ...runs,
    help: 'Runs that went silent (no event for 24 h, configurable, or gone from their source) and were set to unknown.',
  },
  {
    name: 'fleet_run_duration_seconds',
    type: 'histogram',
    labels: ['source', 'project', 'workflow', 'status'],
    ...runs,
    help: 'From start to end of finished runs.',
    buckets: DURATION_BUCKETS,
    exemplar: true,
    unit: 'seconds',
    closed: ['status'],
  },
  {
    name: 'fleet_run_queue_seconds',
    type: 'histogram',
    labels: ['source', 'project', 'workflow'],
    ...runs,
    help: 'From creation to start of runs.',
    buckets: WAIT_BUCKETS,
    exemplar: true,
    unit: 'seconds',
  },
  {
    name: 'fleet_run_iterations',
    type: 'histogram',
    labels: ['source', 'project', 'workflow'],
    ...runs,
    help: 'Loops that a finished run took.',
    buckets: ITERATION_BUCKETS,
  },
  {
    name: 'fleet_run_cost_usd',
    type: 'histogram',
    labels: ['source', 'project', 'workflow'],
    ...runs,
    help: 'Cost of a finished run, observed 5 minutes after its end, when late usage has come.',
    buckets: COST_BUCKETS,
    exemplar: true,
    unit: 'usd',
  },
  {
    name: 'fleet_run_errors_total',
    type: 'counter',
    labels: ['source', 'project', 'surface', 'category'],
    ...runs,
    help: 'Errors by where they surfaced (sandbox, run, step, pr, learning_extraction) and category.',
    closed: ['surface', 'category'],
  },
  {
    name: 'fleet_run_usage_missing_total',
    type: 'counter',
    labels: ['source', 'project', 'provider'],
    ...runs,
    help: 'Finished runs whose source gave no token or cost figures.',
  },
  {
    name: 'fleet_run_artifacts_missing_total',
    type: 'counter',
    labels: ['source', 'project'],
    ...runs,
    help: 'Finished runs without an artifacts directory.',
  },
  {
    name: 'fleet_steps_finished_total',
    type: 'counter',
    labels: ['source', 'project', 'step', 'status'],
    ...runs,
    help: "Steps that finished. step is the step's role or verb.",
    closed: ['status'],
  },
  {
    name: 'fleet_step_duration_seconds',
    type: 'histogram',
    labels: ['source', 'step', 'status'],
    ...runs,
    help: 'From start to end of finished steps.',
    buckets: DURATION_BUCKETS,
    unit: 'seconds',
    closed: ['status'],
  },
  {
    name: 'fleet_checker_verdicts_total',
    type: 'counter',
    labels: ['source', 'project', 'workflow', 'verdict'],
    ...runs,
    help: 'Verdicts of checker steps.',
    siblings: { label: 'verdict', values: ['pass', 'fail'] },
    closed: ['verdict'],
  },
  {
    name: 'fleet_quality_score',
    type: 'histogram',
    labels: ['source', 'project', 'workflow'],
    ...quality,
    help: 'Composite score of evaluated runs, 0 to 100.',
    buckets: QUALITY_BUCKETS,
    exemplar: true,
  },
  {
    name: 'fleet_quality_dimension_score',
    type: 'summary',
    labels: ['source', 'project', 'workflow', 'dimension'],
    ...quality,
    help: 'Scores of evaluated runs by dimension (sum and count): correctness, type_safety, code_style, test_coverage, completeness.',
    closed: ['dimension'],
  },
  {
    name: 'fleet_quality_baseline_score',
    type: 'gauge',
    labels: ['source', 'project', 'workflow'],
    ...quality,
    help: 'The baseline score that the ledger holds for the workflow.',
  },
  {
    name: 'fleet_quality_regressions_total',
    type: 'counter',
    labels: ['source', 'project', 'workflow'],
    ...quality,
    help: 'Evaluated runs more than the configured margin (10 points) below the baseline.',
  },
  {
    name: 'fleet_quality_threshold_results_total',
    type: 'counter',
    labels: ['source', 'project', 'workflow', 'result'],
    ...quality,
    help: 'Evaluated runs by whether they met their threshold.',
    siblings: { label: 'result', values: ['met', 'missed'] },
    closed: ['result'],
  },
  {
    name: 'fleet_ci_status',
    type: 'gauge',
    labels: ['source', 'project', 'status'],
    ...quality,
    help: 'Open pull requests whose checks are passing, failing or pending.',
    siblings: { label: 'status', values: CI_STATUSES },
    emptyIsZero: true,
    closed: ['status'],
  },
  {
    name: 'fleet_ci_checks_finished_total',
    type: 'counter',
    labels: ['source', 'project', 'check', 'conclusion'],
    ...quality,
    help: 'CI checks that finished, by conclusion.',
  },
  {
    name: 'fleet_pull_requests_total',
    type: 'counter',
    labels: ['source', 'project', 'event'],
    ...quality,
    help: 'Pull requests created or merged, and creations that failed.',
    siblings: { label: 'event', values: ['created', 'merged', 'failed'] },
    closed: ['event'],
  },
  {
    name: 'fleet_pull_requests_blocked_on_ci',
    type: 'gauge',
    labels: ['source', 'project'],
    ...quality,
    help: 'Pull requests that CI blocks now.',
    emptyIsZero: true,
  },
  {
    name: 'fleet_pull_request_oldest_blocked_timestamp_seconds',
    type: 'gauge',
    labels: ['source', 'project'],
    ...quality,
    from: 'least',
    help: 'Since when the longest-blocked pull request has been blocked on CI, Unix time; absent when there is none.',
  },
  {
    name: 'fleet_pull_request_merge_seconds',
    type: 'histogram',
    labels: ['source', 'project'],
    ...quality,
    help: 'From creation to merge of pull requests.',
    buckets: DURATION_BUCKETS,
    unit: 'seconds',
  },
  {
    name: 'fleet_chains',
    type: 'gauge',
    labels: ['source', 'project', 'status'],
    ...chains,
    help: 'Sprint chains that are queued or running now.',
    siblings: { label: 'status', values: CHAIN_OPEN_STATUSES },
    emptyIsZero: true,
    closed: ['status'],
  },
  {
    name: 'fleet_chains_finished_total',
    type: 'counter',
    labels: ['source', 'project', 'status'],
    ...chains,
    help: 'Sprint chains that finished.',
    siblings: { label: 'status', values: CHAIN_FINISHED_STATUSES },
    closed: ['status'],
  },
  {
    name: 'fleet_sprints_finished_total',
    type: 'counter',
    labels: ['source', 'project', 'status'],
    ...chains,
    help: 'Sprints of chains that finished.',
    siblings: { label: 'status', values: FINISHED_STATUSES },
    closed: ['status'],
  },
  {
    name: 'fleet_sprint_duration_seconds',
    type: 'histogram',
    labels: ['source', 'project', 'status'],
    ...chains,
    help: 'From start to end of finished sprints.',
    buckets: DURATION_BUCKETS,
    unit: 'seconds',
    closed: ['status'],
  },
  {
    name: 'fleet_sandboxes',
    type: 'gauge',
    labels: ['source', 'project', 'status'],
    ...chains,
    help: 'Sandboxes that are being created, running or paused now.',
    siblings: { label: 'status', values: SANDBOX_OPEN_STATUSES },
    emptyIsZero: true,
    closed: ['status'],
  },
  {
    name: 'fleet_sandboxes_created_total',
    type: 'counter',
    labels: ['source', 'project'],
    ...chains,
    help: 'Sandboxes first seen.',
  },
  {
    name: 'fleet_sandbox_errors_total',
    type: 'counter',
    labels: ['source', 'project', 'stage'],
    ...chains,
    help: 'Sandbox errors by stage.',
    siblings: { label: 'stage', values: ['provision', 'run', 'learning_extraction'] },
    closed: ['stage'],
  },
  {
    name: 'fleet_queue_depth',
    type: 'gauge',
    labels: ['source', 'queue', 'state'],
    ...queues,
    help: 'Jobs in the queue by state; a job in progress is not counted as due.',
    closed: ['state'],
  },
  {
    name: 'fleet_queue_oldest_due_timestamp_seconds',
    type: 'gauge',
    labels: ['source', 'queue'],
    ...queues,
    from: 'least',
    help: 'Since when the oldest due job has been due, Unix time; absent when there is none.',
  },
  {
    name: 'fleet_queue_wait_seconds',
    type: 'histogram',
    labels: ['source', 'queue'],
    ...queues,
    help: 'From enqueueing to the start of execution.',
    buckets: WAIT_BUCKETS,
    unit: 'seconds',
  },
  {
    name: 'fleet_queue_jobs_enqueued_total',
    type: 'counter',
    labels: ['source', 'queue'],
    ...queues,
    help: 'Jobs enqueued.',
  },
  {
    name: 'fleet_queue_jobs_finished_total',
    type: 'counter',
    labels: ['source', 'queue', 'result'],
    ...queues,
    help: 'Jobs that ended; retried is an attempt that will be tried again.',
    siblings: { label: 'result', values: ['complete', 'failed', 'retried'] },
    closed: ['result'],
  },
  {
    name: 'fleet_queue_workers',
    type: 'gauge',
    labels: ['source', 'queue'],
    ...queues,
    help: 'Workers seen alive.',
  },
  {
    name: 'fleet_cost_usd_total',
    type: 'counter',
    labels: ['source', 'project', 'service', 'model', 'step'],
    ...cost,
    help: 'Money spent by service (anthropic, openai, openrouter, e2b, trigger_dev, convex, other), model and step.',
  },
  {
    name: 'fleet_tokens_total',
    type: 'counter',
    labels: ['source', 'project', 'service', 'model', 'direction'],
    ...cost,
    help: 'Tokens. cache_read, cache_write and reasoning are parts of input and output: never sum all five directions.',
    closed: ['direction'],
  },
  {
    name: 'fleet_usage_quantity_total',
    type: 'counter',
    labels: ['source', 'project', 'service', 'unit'],
    ...cost,
    help: 'Quantity used, in the unit of the label.',
  },
  {
    name: 'fleet_persona_cost_usd_total',
    type: 'counter',
    labels: ['source', 'project', 'persona'],
    ...cost,
    help: 'Money spent by agent persona.',
  },
  {
    name: 'fleet_budget_limit_usd',
    type: 'gauge',
    labels: ['budget', 'scope', 'subject'],
    ...cost,
    unit: 'usd',
    help: 'The limit of a budget. scope: workspace_monthly, repo_daily, persona_run.',
  },
  {
    name: 'fleet_budget_spent_usd',
    type: 'gauge',
    labels: ['budget', 'scope', 'subject'],
    ...cost,
    unit: 'usd',
    help: 'Spent in the window that is open now (persona_run: the dearest run now open).',
  },
  {
    name: 'fleet_budget_paused',
    type: 'gauge',
    labels: ['budget', 'scope', 'subject'],
    ...cost,
    help: '1 while the scope is paused, until an admin acknowledges.',
  },
  {
    name: 'fleet_budget_window_end_timestamp_seconds',
    type: 'gauge',
    labels: ['budget', 'scope', 'subject'],
    ...cost,
    help: 'When the open window of the budget ends, Unix time.',
  },
  {
    name: 'fleet_adapter_requests_total',
    type: 'counter',
    labels: ['source', 'adapter', 'result'],
    ...governance,
    help: 'Calls of adapters to external systems by result.',
    siblings: { label: 'result', values: ADAPTER_RESULTS },
    closed: ['result'],
  },
  {
    name: 'fleet_rate_limited_total',
    type: 'counter',
    labels: ['source', 'layer', 'project'],
    ...governance,
    help: 'Responses that were rate limited (429). layer: ip or repo.',
    closed: ['layer'],
  },
  {
    name: 'fleet_errors_total',
    type: 'counter',
    labels: ['source', 'component'],
    ...governance,
    help: 'Errors that the platform itself logged. component: the bare handler or stage name; those that an alert names are never folded.',
    reserved: { label: 'component', values: CRITICAL_COMPONENTS },
  },
  {
    name: 'fleet_store_up',
    type: 'gauge',
    labels: ['source', 'store'],
    ...governance,
    help: "1 where the platform's store (redis, postgres) answers.",
  },
  {
    name: 'fleet_store_errors_total',
    type: 'counter',
    labels: ['source', 'store', 'kind'],
    ...governance,
    help: "Errors of the platform's stores.",
    siblings: { label: 'kind', values: ['connection', 'timeout', 'other'] },
    closed: ['kind'],
  },
  {
    name: 'fleet_store_latency_seconds',
    type: 'gauge',
    labels: ['source', 'store'],
    ...governance,
    unit: 'seconds',
    help: "Latency of the platform's store at its last reading.",
  },
  {
    name: 'fleet_error_groups_total',
    type: 'counter',
    labels: ['source', 'component', 'kind'],
    ...governance,
    help: 'Error groups that are new or came back.',
    siblings: { label: 'kind', values: ['new', 'regressed'] },
    closed: ['kind'],
  },
  {
    name: 'fleet_cache_hits_total',
    type: 'counter',
    labels: ['source'],
    ...governance,
    help: 'Hits of the platform cache.',
  },
  {
    name: 'fleet_cache_misses_total',
    type: 'counter',
    labels: ['source'],
    ...governance,
    help: 'Misses of the platform cache.',
  },
  {
    name: 'fleet_cache_evictions_total',
    type: 'counter',
    labels: ['source'],
    ...governance,
    help: 'Keys that the platform cache evicted.',
  },
  {
    name: 'fleet_cache_memory_bytes',
    type: 'gauge',
    labels: ['source'],
    ...governance,
    unit: 'bytes',
    help: 'Memory that the platform cache uses.',
  },
  {
    name: 'fleet_cache_keys',
    type: 'gauge',
    labels: ['source'],
    ...governance,
    help: 'Run-status keys in the platform cache.',
  },
  {
    name: 'fleet_service_up',
    type: 'gauge',
    labels: ['source', 'service'],
    ...governance,
    help: "1 where the platform's own /health says that it is well.",
  },
  {
    name: 'fleet_approvals_pending',
    type: 'gauge',
    labels: ['source', 'project', 'workflow'],
    ...governance,
    help: 'Approvals that are asked for and not decided.',
    emptyIsZero: true,
  },
  {
    name: 'fleet_approval_oldest_pending_timestamp_seconds',
    type: 'gauge',
    labels: ['source', 'project', 'workflow'],
    ...governance,
    from: 'least',
    help: 'Since when the oldest pending approval has been asked for, Unix time; absent when there is none.',
  },
  {
    name: 'fleet_approval_sla_seconds',
    type: 'gauge',
    labels: ['source', 'project', 'workflow'],
    ...governance,
    unit: 'seconds',
    from: 'least',
    help: 'The configured time within which an approval should be decided.',
  },
  {
    name: 'fleet_approval_wait_seconds',
    type: 'histogram',
    labels: ['source', 'project', 'workflow'],
    ...governance,
    help: 'From request to decision of approvals.',
    buckets: DURATION_BUCKETS,
    unit: 'seconds',
  },
  {
    name: 'fleet_notifications_total',
    type: 'counter',
    labels: ['source', 'project', 'type'],
    ...governance,
    help: `Notifications that the platform sent: ${NOTIFICATION_TYPES.join(', ')}.`,
    closed: ['type'],
  },
  {
    name: 'fleet_audit_events_total',
    type: 'counter',
    labels: ['source', 'action'],
    ...governance,
    help: 'Audit events: session_launch, persona_edit, budget_override, pr_merge, budget_acknowledge, other.',
    closed: ['action'],
  },
  {
    name: 'fleet_persona_last_used_timestamp_seconds',
    type: 'gauge',
    labels: ['source', 'project', 'persona'],
    ...governance,
    from: 'least',
    help: 'When the persona was last used, Unix time.',
  },
  {
    name: 'fleet_project_workflows',
    type: 'gauge',
    labels: ['source', 'project'],
    ...governance,
    help: 'Workflow blueprints of the project.',
  },
  {
    name: 'fleet_project_members',
    type: 'gauge',
    labels: ['source', 'project'],
    ...governance,
    help: 'Members of the project.',
  },
  {
    name: 'fleet_project_pending_invitations',
    type: 'gauge',
    labels: ['source', 'project'],
    ...governance,
    help: 'Invitations that nobody accepted yet.',
  },

  {
    name: 'fleetlens_build_info',
    type: 'gauge',
    labels: ['version', 'revision', 'node'],
    ...self,
    help: 'The exporter and its runtime; always 1.',
  },
  {
    name: 'fleetlens_source_up',
    type: 'gauge',
    labels: ['source'],
    ...self,
    help: '1 where the last poll of the source worked.',
  },
  {
    name: 'fleetlens_source_last_success_timestamp_seconds',
    type: 'gauge',
    labels: ['source'],
    ...self,
    help: "When a poll of the source last worked, Unix time; starts at the exporter's start.",
  },
  {
    name: 'fleetlens_source_poll_duration_seconds',
    type: 'histogram',
    labels: ['source'],
    ...self,
    unit: 'seconds',
    help: 'How long polls of the source take.',
    buckets: WAIT_BUCKETS,
  },
  {
    name: 'fleetlens_source_requests_total',
    type: 'counter',
    labels: ['source', 'result'],
    ...self,
    help: "The exporter's own calls to the source by result.",
    siblings: { label: 'result', values: ADAPTER_RESULTS },
  },
  {
    name: 'fleetlens_source_quota_remaining',
    type: 'gauge',
    labels: ['source'],
    ...self,
    help: "Calls left in the source's rate-limit window, where it says so.",
  },
  {
    name: 'fleetlens_source_figure_difference',
    type: 'gauge',
    labels: ['source', 'project', 'counter'],
    ...self,
    help: "What the platform's own counter of a project (totalRuns, completedRuns, failedRuns, totalSandboxes, activeSandboxes) is above the ledger's; on the replica that polls.",
  },
  {
    name: 'fleetlens_ingest_events_total',
    type: 'counter',
    labels: ['source', 'result'],
    ...self,
    help: 'Pushed events by what became of them; refused: answered 503 for lack of a ledger, memory or disk.',
    siblings: { label: 'result', values: ['accepted', 'duplicate', 'conflict', 'rejected', 'too_old', 'refused'] },
  },
  {
    name: 'fleetlens_source_last_event_timestamp_seconds',
    type: 'gauge',
    labels: ['source'],
    ...selfLedger,
    help: 'The last event that a pushing source sent, Unix time.',
  },
  {
    name: 'fleetlens_source_usual_gap_seconds',
    type: 'gauge',
    labels: ['source'],
    ...selfLedger,
    unit: 'seconds',
    help: 'p99 of the gaps between the events of a pushing source over 14 days.',
  },
  {
    name: 'fleetlens_ingest_commit_seconds',
    type: 'histogram',
    labels: [],
    ...self,
    unit: 'seconds',
    help: 'How long the commit of a group of pushed events takes.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  {
    name: 'fleetlens_source_catching_up',
    type: 'gauge',
    labels: ['source'],
    ...selfLedger,
    help: '1 during a backfill, and for 5 minutes after it told history: 5 things or more within 5 minutes, and a tenth of what was counted, were over 10 minutes old.',
  },
  {
    name: 'fleetlens_ledger_up',
    type: 'gauge',
    labels: [],
    ...self,
    help: '1 where this scrape could read the ledger; without it no fleet_* family is exposed.',
  },
  {
    name: 'fleetlens_ledger_mismatches',
    type: 'gauge',
    labels: [],
    ...selfLedger,
    help: 'Differences that the last verification of the ledger found; absent before the first.',
  },
  {
    name: 'fleetlens_corrections_total',
    type: 'counter',
    labels: ['family'],
    ...selfLedger,
    help: 'Later events that contradicted what the family had counted; they move nothing.',
  },
  {
    name: 'fleetlens_rate_limited_total',
    type: 'counter',
    labels: ['layer'],
    ...self,
    help: 'Requests that this exporter answered 429; layer: ip (too many of one address), repo (too many about one source and project).',
    siblings: { label: 'layer', values: ['ip', 'repo'] },
  },
  {
    name: 'fleetlens_rate_limit_store_up',
    type: 'gauge',
    labels: [],
    ...self,
    help: '1 while the Redis of the rate limits answers, 0 while requests are allowed unchecked; absent where they are counted in memory.',
  },
  {
    name: 'fleetlens_streams',
    type: 'gauge',
    labels: [],
    ...self,
    help: 'Open live streams of this replica.',
  },
  {
    name: 'fleetlens_stream_events_total',
    type: 'counter',
    labels: [],
    ...self,
    help: 'Events that live streams were told.',
  },
  {
    name: 'fleetlens_streams_ended_total',
    type: 'counter',
    labels: ['reason'],
    ...self,
    help: 'Live streams by why they ended: client (it went away), slow (it took nothing for 30 s), renew (10 minutes old), stopping.',
    siblings: { label: 'reason', values: ['client', 'slow', 'renew', 'stopping'] },
  },
  {
    name: 'fleetlens_audit_webhook_failing_timestamp_seconds',
    type: 'gauge',
    labels: [],
    ...self,
    help: 'Since when the audit webhook takes no entries, Unix time; absent while it does. They are kept and sent again.',
  },
  {
    name: 'fleetlens_config_last_reload_success',
    type: 'gauge',
    labels: [],
    ...self,
    help: '1 where the last load of the configuration worked.',
  },
  {
    name: 'fleetlens_scrape_duration_seconds',
    type: 'gauge',
    labels: [],
    ...self,
    unit: 'seconds',
    help: "The exporter's own time for the last scrape.",
  },
  { name: 'fleetlens_series', type: 'gauge', labels: ['family'], ...self, help: 'Label sets now exposed.' },
  {
    name: 'fleetlens_series_folded_total',
    type: 'counter',
    labels: ['family'],
    ...selfLedger,
    help: 'Label sets that the cap on series folded into __other__.',
  },
  {
    name: 'fleetlens_dead_letters',
    type: 'gauge',
    labels: ['source'],
    ...selfLedger,
    help: 'Records kept aside because they could not be read.',
  },
] as const satisfies readonly MetricFamily[];

export type FamilyName = (typeof families)[number]['name'];
export const METRIC_CATALOGUE: readonly (MetricFamily & { readonly name: FamilyName })[] = families;

const byName = new Map<string, MetricFamily & { readonly name: FamilyName }>(METRIC_CATALOGUE.map((f) => [f.name, f]));

export function familyOf(name: FamilyName): MetricFamily & { readonly name: FamilyName } {
  return byName.get(name) as MetricFamily & { readonly name: FamilyName };
}

export function isFamilyName(name: string): name is FamilyName {
  return byName.has(name);
}

/** How many exposed series one label set of a family makes, buckets included. */
export function seriesPerLabelSet(family: MetricFamily): number {
  if (family.type === 'histogram') return (family.buckets?.length ?? 0) + 3;
  return family.type === 'summary' ? 2 : 1;
}
