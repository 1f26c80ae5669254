import { t } from '@grafana/i18n';
import type { FleetApi } from '../api/FleetApi';
import { valuesOf } from '../api/valuesOf';
import { PickMany } from './PickMany';
import type { FilterName, FleetQuery } from './types';

interface Props {
  readonly api: FleetApi;
  readonly names: readonly FilterName[];
  readonly filters: FleetQuery['filters'];
  onChange(filters: NonNullable<FleetQuery['filters']>): void;
}

/** A picker for each filter, filled with what the exporter knows; variables and other text can be typed. */
export function FilterInputs({ api, names, filters = {}, onChange }: Props) {
  const labels: Readonly<Record<FilterName, string>> = {
    source: t('datasource.filter.source', 'Source'),
    project: t('datasource.filter.project', 'Project'),
    workflow: t('datasource.filter.workflow', 'Workflow'),
    persona: t('datasource.filter.persona', 'Persona'),
    model: t('datasource.filter.model', 'Model'),
    status: t('datasource.filter.status', 'Status'),
  };
  return names.map((name) => (
    <PickMany
      key={name}
      label={labels[name]}
      createCustomValue
      placeholder={t('datasource.filter.any', 'Any; or a variable such as $project')}
      value={filters[name] ?? []}
      options={async (typed) => {
        const all = await valuesOf(api, name, filters);
        const wanted = typed.toLowerCase();
        return all.filter((value) => value.toLowerCase().includes(wanted)).map((value) => ({ value }));
      }}
      onChange={(chosen) => {
        const { [name]: _old, ...others } = filters;
        const values = chosen.map(({ value }) => value);
        onChange(values.length === 0 ? others : { ...others, [name]: values });
      }}
    />
  ));
}
