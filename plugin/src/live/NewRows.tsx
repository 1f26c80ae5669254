import { t } from '@grafana/i18n';
import { Button } from '@grafana/ui';
import type { LiveRows } from './useLiveRows';

/** Offers what came meanwhile and would shift the rows. */
export function NewRows({ rows: { pending, apply } }: { rows: LiveRows }) {
  if (pending === 0) return null;
  const label =
    pending === 'many'
      ? t('live.many-new', 'The list has changed: show')
      : t('live.new', '{{count}} new: show', { count: pending });
  return (
    <Button size="sm" variant="secondary" icon="arrow-up" onClick={apply} data-testid="new-rows" aria-live="polite">
      {label}
    </Button>
  );
}
