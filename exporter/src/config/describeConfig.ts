import type { Config } from '../config.ts';
import type { BudgetAction } from './budgetAction.ts';
import type { NotifyReceiver, PauseWebhook } from './budgetsSchema.ts';
import { formatByteSize } from './byteSize.ts';
import { formatDuration } from './duration.ts';
import { formatListenAddress } from './listenAddress.ts';
import { hideUrlCredentials, isSecretKey } from './secretNames.ts';

const HIDDEN = '<secret>';

/**
 * The configuration in force, defaults included, as it could stand in the file: durations and sizes with their units,
 * secrets hidden. For `config check`.
 */
export function describeConfig(config: Config): Record<string, unknown> {
  const { web, ledger, ingest, metrics, rate_limit, tokens, grafana, sources, compatible, quality, log } = config;
  const { retention } = ledger;
  return {
    web: { ...web, listen_address: web.listen_address.map(formatListenAddress) },
    ledger: {
      ...ledger,
      ...(ledger.database_url === undefined ? {} : { database_url: hideUrlCredentials(ledger.database_url) }),
      retention: {
        output: formatDuration(retention.output),
        output_bytes_per_run: formatByteSize(retention.output_bytes_per_run),
        samples: formatDuration(retention.samples),
        runs: formatDuration(retention.runs),
        changes: formatDuration(retention.changes),
      },
      dedupe_window: formatDuration(ledger.dedupe_window),
      lost_after: formatDuration(ledger.lost_after),
      settle_after: formatDuration(ledger.settle_after),
    },
    ingest: {
      max_event_bytes: formatByteSize(ingest.max_event_bytes),
      max_body_bytes: formatByteSize(ingest.max_body_bytes),
      max_queue_bytes: formatByteSize(ingest.max_queue_bytes),
      max_depth: ingest.max_depth,
      max_field_bytes: formatByteSize(ingest.max_field_bytes),
    },
    metrics: { ...metrics, series_idle: formatDuration(metrics.series_idle) },
    rate_limit: {
      ...rate_limit,
      window: formatDuration(rate_limit.window),
      ...(rate_limit.redis_password === undefined ? {} : { redis_password: HIDDEN }),
    },
    tokens: tokens.map(({ sha256: _, ...rule }) => ({ ...rule, token: HIDDEN })),
    ...(grafana === undefined ? {} : { grafana: hideSecrets(grafana) }),
    sources: sources.map(({ options, poll_interval, timeout, pause, ...rest }) => ({
      ...rest,
      ...(pause === undefined ? {} : { pause: describeWebhook(pause) }),
      poll_interval: formatDuration(poll_interval),
      timeout: formatDuration(timeout),
      options: hideSecrets(options),
    })),
    ...describeBudgets(config),
    compatible,
    audit: describeAudit(config),
    approvals: describeApprovals(config),
    quality,
    log,
  };
}

/** Actions as they were written, in the place where they were. */
function describeBudgets({ budgets, actions_on_exceed: beside }: Config): Record<string, unknown> {
  const words = (actions: readonly BudgetAction[]) => actions.map(({ text }) => text);
  if (budgets === undefined) return {};
  const { actions_on_exceed: actions, notify, ...rest } = budgets;
  return {
    budgets: {
      ...rest,
      ...(actions === undefined ? {} : { actions_on_exceed: words(actions) }),
      notify: notify.map(describeWebhook),
    },
    ...(beside === undefined ? {} : { actions_on_exceed: words(beside) }),
  };
}

/** The address of a Slack webhook is all that it takes to write there, and headers carry tokens. */
function describeWebhook(webhook: PauseWebhook | NotifyReceiver): Record<string, unknown> {
  const { slack_webhook_url: slackUrl, ...rest } = { slack_webhook_url: undefined, ...webhook };
  return {
    ...rest,
    ...(webhook.url === undefined ? {} : { url: hideUrlCredentials(webhook.url) }),
    ...(slackUrl === undefined ? {} : { slack_webhook_url: HIDDEN }),
    ...(webhook.bearer_token === undefined ? {} : { bearer_token: HIDDEN }),
    headers: Object.fromEntries(Object.keys(webhook.headers).map((name) => [name, HIDDEN])),
  };
}

/** The path of a hosted collector's address is all that it takes to write there, and headers carry keys. */
function describeAudit({ audit: { retention, webhook } }: Config): Record<string, unknown> {
  return {
    ...(retention === undefined ? {} : { retention: formatDuration(retention) }),
    ...(webhook === undefined
      ? {}
      : {
          webhook: {
            ...webhook,
            url: `${new URL(webhook.url).origin}/${HIDDEN}`,
            ...(webhook.token === undefined ? {} : { token: HIDDEN }),
            headers: Object.fromEntries(Object.keys(webhook.headers).map((name) => [name, HIDDEN])),
            timeout: formatDuration(webhook.timeout),
          },
        }),
  };
}

function describeApprovals({ approvals: { sla, sla_by_workflow } }: Config): Record<string, unknown> {
  return {
    ...(sla === undefined ? {} : { sla: formatDuration(sla) }),
    sla_by_workflow: Object.fromEntries(
      Object.entries(sla_by_workflow).map(([workflow, ms]) => [workflow, formatDuration(ms)]),
    ),
  };
}

function hideSecrets(value: unknown): unknown {
  if (typeof value === 'string') return hideUrlCredentials(value);
  if (Array.isArray(value)) return value.map(hideSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, isSecretKey(key) ? HIDDEN : hideSecrets(child)]),
  );
}
