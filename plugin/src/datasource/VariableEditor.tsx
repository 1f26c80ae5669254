import type { QueryEditorProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Combobox, InlineField } from '@grafana/ui';
import { useId } from 'react';
import { FilterInputs } from './FilterInputs';
import type { FleetDataSource } from './FleetDataSource';
import { FILTERS, type FleetQuery, type FleetSourceOptions, type FleetVariableQuery } from './types';

type Props = QueryEditorProps<FleetDataSource, FleetQuery, FleetSourceOptions, FleetVariableQuery>;

const OPTIONS = FILTERS.map((value) => ({ value }));

export default function VariableEditor({ datasource, query, onChange }: Props) {
  const { values = 'project', filters } = query;
  const id = useId();
  const others = FILTERS.filter((name) => name !== values && name !== 'status');
  return (
    <>
      <InlineField label={t('datasource.variable.values', 'Values of')} labelWidth={14}>
        <Combobox
          id={id}
          width={40}
          options={OPTIONS}
          value={values}
          onChange={({ value }) => onChange({ ...query, values: value })}
        />
      </InlineField>
      <FilterInputs
        api={datasource.api}
        names={values === 'status' || values === 'source' ? [] : others}
        filters={filters}
        onChange={(changed) => onChange({ ...query, filters: changed })}
      />
    </>
  );
}
