import type { PULL_REQUEST_STATUSES, RecordOf } from '@contract/records.ts';
import type { IconName } from '@grafana/data';
import { t } from '@grafana/i18n';
import { UNKNOWN } from '../format/formatValues';
import { Mark, type MarkTone } from './Mark';
import { SafeLink } from './SafeLink';

type PullRequest = NonNullable<RecordOf<'run'>['pullRequest']>;
type PullRequestStatus = (typeof PULL_REQUEST_STATUSES)[number];

/** Blocked on CI stands out: it cannot be merged until CI resolves. */
export const PULL_REQUEST_TONES: Readonly<Record<PullRequestStatus, readonly [MarkTone, IconName]>> = {
  none: ['neutral', 'minus'],
  created: ['info', 'code-branch'],
  merged: ['success', 'check'],
  failed: ['error', 'times-circle'],
  blocked_on_ci: ['warning', 'lock'],
  closed: ['neutral', 'times'],
};

export function pullRequestLabel(status: PullRequestStatus): string {
  switch (status) {
    case 'none':
      return t('pull-request.none', 'No PR');
    case 'created':
      return t('pull-request.created', 'Created');
    case 'merged':
      return t('pull-request.merged', 'Merged');
    case 'failed':
      return t('pull-request.failed', 'PR failed');
    case 'blocked_on_ci':
      return t('pull-request.blocked-on-ci', 'Blocked on CI');
    case 'closed':
      return t('pull-request.closed', 'Closed');
  }
}

/** State, icon and word of a run's pull request, with a link to it. */
export function PullRequestBadge({ pullRequest }: { pullRequest: PullRequest | undefined }) {
  if (pullRequest === undefined) return <>{UNKNOWN}</>;
  const { status, number, url } = pullRequest;
  const link = url === undefined ? null : <SafeLink href={url}>{number === undefined ? 'PR' : `#${number}`}</SafeLink>;
  if (status === undefined) return link ?? <>{UNKNOWN}</>;
  const [tone, icon] = PULL_REQUEST_TONES[status];
  return (
    <Mark tone={tone} icon={icon}>
      {pullRequestLabel(status)} {link}
    </Mark>
  );
}
