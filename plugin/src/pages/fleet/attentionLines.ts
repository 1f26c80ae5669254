import type { AttentionItem } from '@contract/overview.ts';
import { t } from '@grafana/i18n';
import { links } from '../../app/links';
import { formatCount, formatDuration, formatShare, formatUsd } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';

interface AttentionLine {
  readonly title: string;
  readonly detail: string | undefined;
  /** The page that shows it; absent: the sources on this page do. */
  readonly to: string | undefined;
}

/** What is asked of the exporter besides the moment. */
export interface AttentionScope {
  readonly sources: readonly string[];
  readonly projects: readonly string[];
  /** Length of the windows that are compared. */
  readonly hours: number;
}

/** @returns what a line says, and where it leads. */
export function attentionLine(item: AttentionItem, scope: AttentionScope): AttentionLine {
  const { count = 0, source, project, now, before, limit, subject } = item;
  const where = {
    source: source === undefined ? scope.sources : [source],
    project: project === undefined ? scope.projects : [project],
  };
  const window = { from: `now-${scope.hours}h`, to: 'now' };
  const values = { count, hours: scope.hours, subject, source, project, ...VERBATIM };
  const about = [source, project].filter((part) => part !== undefined).join(' · ');
  const inPlace = (text: string) => (about === '' ? text : `${text} (${about})`);
  const change = (format: (value: number | undefined) => string) =>
    t('fleet.attention.change', '{{now}} in the last {{hours}} h, {{before}} in the {{hours}} h before', {
      ...values,
      now: format(now),
      before: format(before),
    });
  const spent = t('fleet.attention.spent', '{{spent}} of {{limit}} spent', {
    spent: formatUsd(now),
    limit: formatUsd(limit),
  });
  switch (item.kind) {
    case 'failures_unattended':
      return {
        title: inPlace(
          t('fleet.attention.unattended', '{{count}} failed runs that nobody has looked at', {
            ...values,
            count: values.count,
            defaultValue_one: '{{count}} failed run that nobody has looked at',
          }),
        ),
        detail: item.detail,
        to: links.runs({ ...where, unattended: 'true', sort: 'finished_at', order: 'asc' }),
      };
    case 'runs_stuck':
      return {
        title: inPlace(
          t('fleet.attention.stuck', '{{count}} runs have been running for over 2 h', {
            ...values,
            count: values.count,
            defaultValue_one: '{{count}} run has been running for over 2 h',
          }),
        ),
        detail: item.detail,
        to: links.runs({ ...where, status: 'running', sort: 'started_at', order: 'asc' }),
      };
    case 'blocked_on_ci':
      return {
        title: inPlace(
          t('fleet.attention.blocked', '{{count}} pull requests have been blocked on CI for over 1 h', {
            ...values,
            count: values.count,
            defaultValue_one: '{{count}} pull request has been blocked on CI for over 1 h',
          }),
        ),
        detail: item.detail,
        to: links.runs({ ...where, pr_status: 'blocked_on_ci' }),
      };
    case 'approvals_overdue':
      return {
        title: inPlace(
          t('fleet.attention.overdue', '{{count}} approvals are overdue', {
            ...values,
            count: values.count,
            defaultValue_one: '{{count}} approval is overdue',
          }),
        ),
        detail: item.detail,
        to: links.approvals({ ...where, state: 'overdue' }),
      };
    case 'budget_paused':
      return {
        title: t('fleet.attention.paused', 'New sessions are paused: budget of {{subject}}', values),
        detail: limit === undefined ? item.detail : spent,
        to: links.budgets(),
      };
    case 'budget_exceeded':
      return {
        title: t('fleet.attention.exceeded', 'Over budget: {{subject}}', values),
        detail: spent,
        to: links.budgets(),
      };
    case 'budget_near':
      return {
        title: t('fleet.attention.near', 'Near its budget: {{subject}}', values),
        detail: spent,
        to: links.budgets(),
      };
    case 'source_stale':
      return {
        title: t('fleet.attention.stale', 'Source {{source}} is stale: what it shows may be old', values),
        detail: item.detail,
        to: undefined,
      };
    case 'failure_rate_rose':
      return {
        title: inPlace(t('fleet.attention.failures-rose', 'More runs fail than before')),
        detail: change(formatShare),
        to: links.runs({ ...where, ...window, status: ['failed', 'timed_out'] }),
      };
    case 'cost_rose':
      return {
        title: inPlace(t('fleet.attention.cost-rose', 'More is spent than before')),
        detail: change(formatUsd),
        to: links.cost({ ...where, ...window }),
      };
    case 'duration_rose':
      return {
        title: inPlace(t('fleet.attention.duration-rose', 'Runs take longer than before')),
        detail: change(formatDuration),
        to: links.runs({ ...where, ...window, sort: 'duration', order: 'desc' }),
      };
    case 'runs_fell':
      return {
        title: inPlace(t('fleet.attention.runs-fell', 'Fewer runs end than before')),
        detail: change(formatCount),
        to: links.runs({ ...where, ...window }),
      };
  }
}
