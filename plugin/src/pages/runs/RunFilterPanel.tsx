import type { AnalyticsDimension } from '@contract/dimensions.ts';
import { ERROR_CATEGORY_TABLE } from '@contract/errorCategories.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { type ComboboxOption, Field, Input, Label, MultiCombobox, useStyles2 } from '@grafana/ui';
import { type ReactNode, useId } from 'react';
import { useFilterValues } from '../../app/useFilterValues';
import type { ParameterChanges } from '../../app/usePageParameters';
import { CI_TONES, ciLabel } from '../../components/CiBadge';
import { PULL_REQUEST_TONES, pullRequestLabel } from '../../components/PullRequestBadge';
import { ORIGINS, originLabel } from '../../components/RunTable';
import { categoryLabel } from '../../components/run/words';
import { dimensionLabel } from '../../components/ScopeFilters';
import type { Bound, Choice, RunFilters } from './runFilters';

interface Props {
  readonly filters: RunFilters;
  onChange(changes: ParameterChanges): void;
}

/** The filters that need a list or a figure. */
export function RunFilterPanel({ filters, onChange }: Props) {
  const styles = useStyles2(getStyles);
  const choose = (name: Choice) => ({
    name,
    chosen: filters.choices[name],
    onChange: (values: string[]) => onChange({ [name]: values }),
  });
  const origins = ORIGINS.map((value) => ({ value, label: originLabel(value) }));
  const pullRequests = entriesOf(PULL_REQUEST_TONES).map(([value]) => ({
    value,
    label: pullRequestLabel(value),
  }));
  const ciStates = entriesOf(CI_TONES).map(([value]) => ({ value, label: ciLabel(value) }));
  const categories = CATEGORIES.map((value) => ({ value, label: categoryLabel(value) }));
  return (
    <div className={styles.grid}>
      <KnownValues {...choose('source')} dimension="source" />
      <KnownValues {...choose('project')} dimension="project" />
      <KnownValues {...choose('workflow')} dimension="workflow" />
      <KnownValues {...choose('persona')} dimension="persona" />
      <KnownValues {...choose('model')} dimension="model" />
      <FixedValues {...choose('origin')} options={origins} />
      <FixedValues {...choose('pr_status')} options={pullRequests} />
      <FixedValues {...choose('ci_status')} options={ciStates} />
      <FixedValues {...choose('error_category')} options={categories} />
      <Bounds
        label={t('runs.filter.score', 'Score (0 to 100)')}
        names={['score_min', 'score_max']}
        {...{ filters, onChange }}
      />
      <Bounds label={t('runs.filter.cost', 'Cost (USD)')} names={['cost_min', 'cost_max']} {...{ filters, onChange }} />
    </div>
  );
}

const CATEGORIES = [...new Set(ERROR_CATEGORY_TABLE.map(({ category }) => category)), 'other' as const];
const entriesOf = <K extends string, V>(record: Readonly<Record<K, V>>) => Object.entries(record) as [K, V][];

/** @returns what a filter is called. */
function filterLabel(name: Choice): string {
  switch (name) {
    case 'status':
      return t('runs.filter.status', 'Status');
    case 'origin':
      return t('runs.filter.origin', 'Origin');
    case 'pr_status':
      return t('runs.filter.pull-request', 'Pull request');
    case 'ci_status':
      return t('runs.filter.ci', 'CI');
    case 'error_category':
      return t('runs.filter.error', 'Error');
    default:
      return dimensionLabel(name);
  }
}

interface PickerProps {
  readonly name: Choice;
  readonly chosen: readonly string[];
  onChange(values: string[]): void;
}

function KnownValues({ dimension, ...picker }: PickerProps & { dimension: AnalyticsDimension }) {
  const options = useFilterValues(dimension);
  return <Picker {...picker} options={options} isOpenList />;
}

function FixedValues(props: PickerProps & { options: ComboboxOption[] }) {
  return <Picker {...props} />;
}

function Picker({
  name,
  chosen,
  onChange,
  options,
  isOpenList = false,
}: PickerProps & {
  options: ComboboxOption[] | ((typed: string) => Promise<ComboboxOption[]>);
  /** Values that are not in the list can be asked for, too. */
  isOpenList?: boolean;
}) {
  const id = useId();
  const labelOf = (value: string) =>
    (Array.isArray(options) ? options.find((option) => option.value === value)?.label : undefined) ?? value;
  return (
    <Field label={<Label id={id}>{filterLabel(name)}</Label>} noMargin>
      <MultiCombobox
        aria-labelledby={id}
        placeholder={t('runs.filter.any', 'Any')}
        options={options}
        value={chosen.map((value) => ({ value, label: labelOf(value) }))}
        onChange={(values) => onChange(values.map(({ value }) => value))}
        createCustomValue={isOpenList}
        isClearable
      />
    </Field>
  );
}

function Bounds({
  label,
  names,
  filters: { bounds },
  onChange,
}: Props & { label: string; names: readonly [Bound, Bound] }): ReactNode {
  const styles = useStyles2(getStyles);
  const placeholders = [t('runs.filter.least', 'from'), t('runs.filter.most', 'to')];
  return (
    <fieldset className={styles.bounds}>
      <legend className={styles.legend}>{label}</legend>
      {names.map((name, index) => (
        <Input
          // A link or a view that sets another bound shows it.
          key={`${name} ${bounds[name]}`}
          type="number"
          min={0}
          step="any"
          aria-label={`${label} ${placeholders[index]}`}
          placeholder={placeholders[index]}
          defaultValue={bounds[name]}
          onBlur={({ currentTarget }) => {
            if (currentTarget.value !== (bounds[name] ?? '')) onChange({ [name]: currentTarget.value });
          }}
          onKeyDown={({ key, currentTarget }) => {
            if (key === 'Enter') currentTarget.blur();
          }}
        />
      ))}
    </fieldset>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  grid: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(200px, 1fr))',
    gap: theme.spacing(1.5),
    padding: theme.spacing(1.5),
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
  }),
  bounds: css({
    display: 'flex',
    flexWrap: 'nowrap',
    gap: theme.spacing(0.5),
    minWidth: 0,
    border: 'none',
    padding: 0,
    margin: 0,
  }),
  legend: css({
    ...theme.typography.bodySmall,
    fontWeight: theme.typography.fontWeightMedium,
    color: theme.colors.text.primary,
    marginBottom: theme.spacing(0.5),
    border: 'none',
  }),
});
