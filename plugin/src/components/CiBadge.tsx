import type { CiStatus } from '@contract/ciStatus.ts';
import type { IconName } from '@grafana/data';
import { t } from '@grafana/i18n';
import { UNKNOWN } from '../format/formatValues';
import { Mark, type MarkTone } from './Mark';

export const CI_TONES: Readonly<Record<CiStatus, readonly [MarkTone, IconName]>> = {
  passing: ['success', 'check'],
  failing: ['error', 'times'],
  pending: ['neutral', 'clock-nine'],
};

export function ciLabel(status: CiStatus): string {
  switch (status) {
    case 'passing':
      return t('ci.passing', 'Passing');
    case 'failing':
      return t('ci.failing', 'Failing');
    case 'pending':
      return t('ci.pending', 'Pending');
  }
}

/** What all checks of a pull request come to. */
export function CiBadge({ status }: { status: CiStatus | undefined }) {
  if (status === undefined) return <>{UNKNOWN}</>;
  const [tone, icon] = CI_TONES[status];
  return (
    <Mark tone={tone} icon={icon}>
      {ciLabel(status)}
    </Mark>
  );
}
