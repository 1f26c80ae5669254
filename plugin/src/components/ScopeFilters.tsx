import type { AnalyticsDimension } from '@contract/dimensions.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { MultiCombobox, TimeRangeInput, useStyles2 } from '@grafana/ui';
import { type ReactNode, useId } from 'react';
import { useFilterValues } from '../app/useFilterValues';
import type { Scope } from '../app/useScope';
import { HiddenLabel } from './HiddenLabel';

/** The window and the filters of a page of figures. */
export function ScopeFilters({ scope, children }: { scope: Scope; children?: ReactNode }) {
  const styles = useStyles2(getStyles);
  return (
    <section className={styles.filters} aria-label={t('scope.filters', 'Window and filters')}>
      <div className={styles.time}>
        <TimeRangeInput
          value={scope.range}
          hideTimeZone
          onChange={(picked) => scope.changeTime(picked, { cursor: undefined })}
        />
      </div>
      {scope.dimensions.map((name) => (
        <DimensionPicker
          key={name}
          name={name}
          chosen={scope.filters[name] ?? []}
          onChange={(values) => scope.change({ [name]: values, cursor: undefined })}
        />
      ))}
      {children}
    </section>
  );
}

interface DimensionProps {
  readonly name: AnalyticsDimension;
  readonly chosen: readonly string[];
  /** What an empty one says: the dimension's name unless told. */
  readonly placeholder?: string;
  onChange(values: string[]): void;
}

/** Chooses values of a dimension, of those that the exporter knows and of others that are typed. */
export function DimensionPicker({ name, chosen, placeholder, onChange }: DimensionProps) {
  const options = useFilterValues(name);
  const label = dimensionLabel(name);
  const id = useId();
  return (
    <>
      <HiddenLabel id={id}>{label}</HiddenLabel>
      <MultiCombobox
        aria-labelledby={id}
        placeholder={placeholder ?? label}
        width="auto"
        minWidth={18}
        maxWidth={40}
        value={chosen.map((value) => ({ value, label: value }))}
        options={options}
        onChange={(values) => onChange(values.map(({ value }) => value))}
        createCustomValue
        isClearable
      />
    </>
  );
}

export function dimensionLabel(name: AnalyticsDimension): string {
  switch (name) {
    case 'source':
      return t('scope.source', 'Source');
    case 'project':
      return t('scope.project', 'Project');
    case 'workflow':
      return t('scope.workflow', 'Workflow');
    case 'persona':
      return t('scope.persona', 'Persona');
    case 'model':
      return t('scope.model', 'Model');
  }
}

const getStyles = (theme: GrafanaTheme2) => ({
  filters: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), marginBottom: theme.spacing(2) }),
  time: css({ minWidth: 0 }),
});
