import { ANALYTICS_DIMENSIONS, type AnalyticsDimension, type FigureName } from '@contract/dimensions.ts';
import type { QueryEditorProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Alert, Combobox, InlineField, InlineSwitch } from '@grafana/ui';
import { useId, useMemo, useRef } from 'react';
import { CommittedInput } from '../components/CommittedInput';
import { topicsOf } from './answerQuery';
import { FilterInputs } from './FilterInputs';
import type { FleetDataSource } from './FleetDataSource';
import { FIGURE_COLUMNS } from './frames/fleetFrames';
import { PickMany } from './PickMany';
import {
  DEFAULT_LIMIT,
  EVENT_TYPES,
  type EventType,
  type FilterName,
  type FleetQuery,
  type FleetQueryType,
  type FleetSourceOptions,
  QUERY_TYPES,
} from './types';

type Props = QueryEditorProps<FleetDataSource, FleetQuery, FleetSourceOptions>;

/** Which filters a query type knows; of one record there is nothing to filter. */
const FILTERS_OF: Readonly<Record<FleetQueryType, readonly FilterName[]>> = {
  runs: [...ANALYTICS_DIMENSIONS, 'status'],
  run: [],
  steps: [],
  trace: [],
  output: [],
  chains: ['source', 'project', 'workflow', 'status'],
  chain: [],
  sandboxes: ['source', 'project', 'status'],
  queues: ['source'],
  usage: ['source', 'project', 'persona', 'model'],
  quality: ['source', 'project', 'workflow', 'persona'],
  analytics: ANALYTICS_DIMENSIONS,
  events: ['source', 'project', 'workflow'],
};
const OF_ONE_RECORD: readonly FleetQueryType[] = ['run', 'steps', 'trace', 'output', 'chain'];
const GROUP_OPTIONS = ANALYTICS_DIMENSIONS.map((value) => ({ value }));
const FIGURE_OPTIONS = Object.entries(FIGURE_COLUMNS).map(([value, { name }]) => ({ value, label: name }));
const EVENT_OPTIONS = EVENT_TYPES.map((value) => ({ value, label: value.replaceAll('_', ' ') }));
const WITH_LIMIT: readonly FleetQueryType[] = ['runs', 'chains', 'sandboxes', 'usage', 'output', 'events'];

/** Every change runs the query; what is typed does when the field is left or with Enter. */
export default function QueryEditor({ datasource, query, onChange, onRunQuery, app }: Props) {
  const {
    queryType = 'runs',
    limit = DEFAULT_LIMIT,
    groupBy = ['workflow'],
    figures = [],
    events = ['failed_runs'],
  } = query;
  // A combobox is named by its field's label alone, and the field knows it by its id.
  const id = useId();
  const latest = useRef(query);
  latest.current = query;
  // Grafana's pickers may say a choice again while it is being drawn, with what they were given before it: Explore, which draws at
  // once, would go round without end.
  const change = (changes: Partial<FleetQuery>) => {
    const changed = { ...latest.current, queryType: latest.current.queryType ?? queryType, ...changes };
    if (JSON.stringify(changed) === JSON.stringify(latest.current)) return;
    onChange(changed);
    onRunQuery();
  };
  // A picker takes a new object of the chosen option for another choice, and drops what was typed.
  const typeOptions = useMemo(typesToChoose, []);
  const isAlerting = app === 'unified-alerting' || app === 'cloud-alerting';
  return (
    <>
      {isAlerting && (
        <Alert
          severity="warning"
          title={t('datasource.editor.no-alerts', 'Grafana cannot evaluate this in an alert rule')}
        >
          {t(
            'datasource.editor.no-alerts-why',
            'This data source works in the browser alone. Use the Prometheus rules that come with Fleetlens.',
          )}
        </Alert>
      )}
      <InlineField label={t('datasource.editor.type', 'Query')} labelWidth={14}>
        <Combobox
          id={`${id}type`}
          width={40}
          options={typeOptions}
          value={queryType}
          onChange={({ value }) => change({ queryType: value })}
        />
      </InlineField>
      {OF_ONE_RECORD.includes(queryType) && (
        <>
          <Typed
            label={t('datasource.editor.source', 'Source')}
            value={query.source}
            placeholder="$source"
            onCommit={(source) => change({ source })}
          />
          <Typed
            label={queryType === 'chain' ? t('datasource.editor.chain', 'Chain') : t('datasource.editor.run', 'Run')}
            value={query.id}
            placeholder="$run"
            onCommit={(id) => change({ id })}
          />
        </>
      )}
      {queryType === 'output' && (
        <Typed
          label={t('datasource.editor.step', 'Step')}
          value={query.stepId}
          placeholder={t('datasource.editor.all-steps', 'All steps')}
          onCommit={(stepId) => change({ stepId })}
        />
      )}
      <FilterInputs
        api={datasource.api}
        names={FILTERS_OF[queryType]}
        filters={query.filters}
        onChange={(filters) => change({ filters })}
      />
      {queryType === 'analytics' && (
        <>
          <PickMany
            label={t('datasource.editor.group-by', 'Group by')}
            options={GROUP_OPTIONS}
            value={groupBy}
            onChange={(chosen) => change({ groupBy: chosen.map(({ value }) => value as AnalyticsDimension) })}
          />
          <PickMany
            label={t('datasource.editor.figures', 'Figures')}
            placeholder={t('datasource.editor.all-figures', 'All')}
            options={FIGURE_OPTIONS}
            value={figures}
            onChange={(chosen) => change({ figures: chosen.map(({ value }) => value as FigureName) })}
          />
        </>
      )}
      {queryType === 'events' && (
        <PickMany
          label={t('datasource.editor.events', 'Events')}
          options={EVENT_OPTIONS}
          value={events}
          onChange={(chosen) => change({ events: chosen.map(({ value }) => value as EventType) })}
        />
      )}
      {(queryType === 'analytics' || queryType === 'queues') && (
        <InlineSwitch
          showLabel
          label={t('datasource.editor.over-time', 'Over time')}
          value={query.asTimeSeries ?? false}
          onChange={({ currentTarget }) => change({ asTimeSeries: currentTarget.checked })}
        />
      )}
      {WITH_LIMIT.includes(queryType) && (
        <Typed
          label={t('datasource.editor.limit', 'Limit')}
          value={String(limit)}
          placeholder={String(DEFAULT_LIMIT)}
          onCommit={(typed) => change({ limit: Number(typed) || DEFAULT_LIMIT })}
        />
      )}
      {topicsOf({ ...query, queryType }).length > 0 && (
        <InlineSwitch
          showLabel
          label={t('datasource.editor.live', 'Live')}
          value={query.live ?? false}
          onChange={({ currentTarget }) => change({ live: currentTarget.checked })}
        />
      )}
    </>
  );
}

interface TypedProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly placeholder: string;
  onCommit(value: string): void;
}

function Typed({ label, value = '', ...input }: TypedProps) {
  return (
    <InlineField label={label} labelWidth={14}>
      <CommittedInput {...{ label, value, ...input }} width={40} />
    </InlineField>
  );
}

function typesToChoose() {
  const labels: Readonly<Record<FleetQueryType, { label: string; description?: string }>> = {
    runs: { label: t('datasource.type.runs', 'Runs') },
    run: { label: t('datasource.type.run', 'One run') },
    steps: { label: t('datasource.type.steps', 'Steps of a run') },
    trace: {
      label: t('datasource.type.trace', 'A run as a trace'),
      description: t('datasource.type.trace-for', 'For the Traces panel'),
    },
    output: {
      label: t('datasource.type.output', 'Output of a run'),
      description: t('datasource.type.output-for', 'For the Logs panel'),
    },
    chains: { label: t('datasource.type.chains', 'Sprint chains') },
    chain: { label: t('datasource.type.chain', 'One sprint chain') },
    sandboxes: { label: t('datasource.type.sandboxes', 'Sandboxes') },
    queues: { label: t('datasource.type.queues', 'Queues') },
    usage: { label: t('datasource.type.usage', 'Usage and cost') },
    quality: { label: t('datasource.type.quality', 'Quality trend') },
    analytics: { label: t('datasource.type.analytics', 'Workflow analytics') },
    events: {
      label: t('datasource.type.events', 'Events'),
      description: t('datasource.type.events-for', 'For annotations: failed runs and chains, budget pauses'),
    },
  };
  return QUERY_TYPES.map((value) => ({ value, ...labels[value] }));
}
