import { ANALYTICS_DIMENSIONS, type AnalyticsDimension } from '@contract/dimensions.ts';
import { css } from '@emotion/css';
import { t } from '@grafana/i18n';
import { RadioButtonGroup } from '@grafana/ui';
import { dimensionLabel } from './ScopeFilters';

interface Props {
  readonly by: AnalyticsDimension;
  onChange(by: AnalyticsDimension): void;
}

/** Chooses the dimension by which figures are told. */
export function GroupBy({ by, onChange }: Props) {
  return (
    <div className={scroll}>
      <RadioButtonGroup
        aria-label={t('scope.group-by', 'Group by')}
        options={ANALYTICS_DIMENSIONS.map((value) => ({ value, label: dimensionLabel(value) }))}
        value={by}
        onChange={onChange}
      />
    </div>
  );
}

/** Its choices stand in one line, which is longer than a phone is wide. */
const scroll = css({ maxWidth: '100%', overflowX: 'auto' });
