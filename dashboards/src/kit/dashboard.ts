import {
  type AnnotationQuery,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATA_SOURCE_ID } from '../../../plugin/src/constants.ts';
import { type DashboardName, headLinks, TAG, UIDS } from './links.ts';
import type { SizedPanel } from './panels.ts';
import { FLEET, PROMETHEUS, records } from './targets.ts';

interface RowSpec {
  readonly title: string;
  readonly panels: readonly SizedPanel[];
  /** Not asked for until somebody opens it. */
  readonly collapsed?: true;
}

interface DashboardSpec {
  readonly name: DashboardName;
  readonly title: string;
  readonly description: string;
  /** Default: the last 24 hours. */
  readonly from?: string;
  readonly refresh?: string;
  /** The page of the app about the same. */
  readonly page: { readonly title: string; readonly name: string };
  /** Texts that links of its own panels set, beside the variables that every dashboard has. */
  readonly texts?: readonly { readonly name: string; readonly label: string; readonly description: string }[];
  readonly rows: readonly RowSpec[];
}

const COLUMNS = 24;

export function defineDashboard(spec: DashboardSpec): Dashboard {
  const { name, title, description, from = 'now-24h', refresh = '30s', rows } = spec;
  const builder = new DashboardBuilder(`Fleetlens / ${title}`)
    .uid(UIDS[name])
    .description(description)
    .tags([TAG, 'ai-agents'])
    .editable()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from, to: 'now' })
    .refresh(refresh)
    .variables([...variables(), ...(spec.texts ?? []).map(textVariable)].map((model) => ({ build: () => model })))
    .annotations(annotations().map((annotation) => ({ build: () => annotation })))
    .links(headLinks(spec.page).map((link) => ({ build: () => link })));
  // The builder would place panels itself, but neither numbers them nor knows what a collapsed row holds.
  return { ...builder.build(), panels: placed(rows) };
}

/** Rows from top to bottom, their panels from left to right, a new line where the width is full; numbered from 1. */
function placed(rows: readonly RowSpec[]): NonNullable<Dashboard['panels']> {
  const all: NonNullable<Dashboard['panels']> = [];
  let id = 0;
  let y = 0;
  for (const { title, panels, collapsed } of rows) {
    const row = new RowBuilder(title).collapsed(collapsed === true).build();
    id += 1;
    const head = { ...row, id, gridPos: { x: 0, y, w: COLUMNS, h: 1 } };
    y += 1;
    const inside: Panel[] = [];
    let x = 0;
    let lineHeight = 0;
    for (const { w, h, panel } of panels) {
      if (x + w > COLUMNS) {
        y += lineHeight;
        x = 0;
        lineHeight = 0;
      }
      id += 1;
      inside.push({ ...panel, id, gridPos: { x, y, w, h } });
      x += w;
      lineHeight = Math.max(lineHeight, h);
    }
    y += lineHeight;
    if (collapsed === true) all.push({ ...head, panels: inside });
    else all.push({ ...head, panels: [] }, ...inside);
  }
  return all;
}

const ALL = { selected: true, text: 'All', value: '$__all' } as const;

function variables(): VariableModel[] {
  const ofRuns = 'fleet_runs_created_total{source=~"$source"}';
  const ofProjects = 'fleet_runs_created_total{source=~"$source",project=~"$project"}';
  const ofPersonas = 'fleet_runs_finished_total{source=~"$source",project=~"$project",workflow=~"$workflow"}';
  return [
    new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus').build(),
    new DatasourceVariableBuilder('fleet').label('Fleetlens').type(DATA_SOURCE_ID).build(),
    labelVariable('source', 'fleetlens_source_catching_up', 'The agent platforms that are watched'),
    labelVariable('project', ofRuns, 'Repositories or projects with runs'),
    labelVariable('workflow', ofProjects, 'Workflows with runs; figures without a workflow are not narrowed down'),
    labelVariable(
      'persona',
      ofPersonas,
      'Agent personas; narrows down finished runs and cost by persona, and records; other figures know no persona',
    ),
  ];
}

function labelVariable(name: string, family: string, description: string): VariableModel {
  return new QueryVariableBuilder(name)
    .label(name[0]?.toUpperCase() + name.slice(1))
    .description(description)
    .datasource(PROMETHEUS)
    .query({ qryType: 1, query: `label_values(${family}, ${name})`, refId: `${name}-values` })
    .definition(`label_values(${family}, ${name})`)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .regex('/.+/')
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current(ALL)
    .build();
}

function textVariable({ name, label, description }: NonNullable<DashboardSpec['texts']>[number]): VariableModel {
  return new TextBoxVariableBuilder(name).label(label).description(description).defaultValue('').build();
}

function annotations(): AnnotationQuery[] {
  return [
    {
      name: 'Alerts',
      datasource: PROMETHEUS,
      enable: true,
      hide: false,
      iconColor: 'red',
      expr: 'max by (alertname, severity, source, project, workflow) (ALERTS{alertname=~"Fleet.+",alertname!="FleetWatchdog",alertstate="firing",source=~"$source|",project=~"$project|"})',
      titleFormat: '{{alertname}}',
      textFormat: '{{source}} {{project}} {{workflow}}',
      tagKeys: 'severity',
      step: '60s',
    },
    {
      name: 'Budget pauses',
      datasource: FLEET,
      enable: true,
      hide: false,
      iconColor: 'orange',
      target: records({ queryType: 'events', events: ['budget_pauses'] })('Anno'),
    },
  ];
}
