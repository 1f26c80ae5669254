import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  AxisColorMode,
  AxisPlacement,
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BarGaugeValueMode,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingMode,
  TableCellHeight,
  TooltipDisplayMode,
  VisibilityMode,
  VizOrientation,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type DashboardLink,
  type DataTransformerConfig,
  type DynamicConfigValue,
  type FieldConfigSource,
  MappingType,
  type Panel,
  type Threshold,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { type AnyStatus, STATUS_STYLES } from '../../../plugin/src/status/statusStyles.ts';
import { FLEET, PROMETHEUS, type Target } from './targets.ts';
import type { Thresholds } from './thresholds.ts';

type Override = FieldConfigSource['overrides'][number];

interface Common {
  readonly title: string;
  /** What it shows, and what to do where it looks wrong. */
  readonly description: string;
  /** Of Grafana (`s`, `percentunit`, `currencyUSD`, `short`), or `suffix:/h`. */
  readonly unit: string;
  readonly targets: readonly Target[];
  /** In 24ths of the width, and in rows of 30 px. */
  readonly w?: number;
  readonly h?: number;
  readonly decimals?: number;
  readonly min?: number;
  readonly max?: number;
  /** What stands there where nothing is to be shown: "no runs" says more than "No data". */
  readonly none?: string;
  readonly thresholds?: Thresholds;
  readonly mappings?: readonly ValueMapping[];
  /** At the panel's head. */
  readonly links?: readonly DashboardLink[];
  /** On a value, a series or a row. */
  readonly dataLinks?: readonly DashboardLink[];
  readonly overrides?: readonly Override[];
  readonly transformations?: readonly DataTransformerConfig[];
  /** From our own data source instead of Prometheus. */
  readonly isOfFleet?: true;
}

export interface SizedPanel {
  readonly w: number;
  readonly h: number;
  readonly panel: Panel;
}

/** The builders take builders; these values are complete as they are. */
function built<T>(value: T): Builder<T> {
  return { build: () => value };
}

/** What the builders of every kind of panel have in common. */
interface AnyPanelBuilder {
  title(title: string): this;
  description(description: string): this;
  datasource(datasource: { type: string; uid: string }): this;
  targets(targets: Builder<Dataquery>[]): this;
  transformations(transformations: DataTransformerConfig[]): this;
  links(links: Builder<DashboardLink>[]): this;
  unit(unit: string): this;
  decimals(decimals: number): this;
  min(min: number): this;
  max(max: number): this;
  noValue(text: string): this;
  mappings(mappings: ValueMapping[]): this;
  dataLinks(links: Builder<DashboardLink>[]): this;
  overrides(overrides: Override[]): this;
  thresholds(thresholds: Builder<{ mode: ThresholdsMode; steps: Threshold[] }>): this;
  build(): Panel;
}

function describe<B extends AnyPanelBuilder>(builder: B, spec: Common): B {
  const { title, description, unit, targets, thresholds = ['green'] } = spec;
  builder
    .title(title)
    .description(description)
    .unit(unit)
    .datasource(spec.isOfFleet === true ? FLEET : PROMETHEUS)
    .targets(targets.map((target, at) => built(target(String.fromCharCode(65 + at)))))
    .noValue(spec.none ?? 'none')
    .thresholds(built({ mode: ThresholdsMode.Absolute, steps: stepsOf(thresholds) }))
    .overrides([...(spec.overrides ?? [])])
    .links((spec.links ?? []).map(built))
    .dataLinks((spec.dataLinks ?? []).map(built));
  if (spec.transformations !== undefined) builder.transformations([...spec.transformations]);
  if (spec.decimals !== undefined) builder.decimals(spec.decimals);
  if (spec.min !== undefined) builder.min(spec.min);
  if (spec.max !== undefined) builder.max(spec.max);
  if (spec.mappings !== undefined) builder.mappings([...spec.mappings]);
  return builder;
}

function stepsOf([base, ...steps]: Thresholds): Threshold[] {
  return [{ value: null, color: base }, ...steps.map(([value, color]) => ({ value, color }))];
}

function sized({ w, h }: Common, width: number, height: number, panel: Panel): SizedPanel {
  return { w: w ?? width, h: h ?? height, panel };
}

const LAST = { values: false, calcs: ['lastNotNull'], fields: '' };

/** One figure, large; red on its whole ground where something is wrong. */
export function figure(spec: Common & { readonly plain?: true; readonly sparkline?: true }): SizedPanel {
  const builder = describe(new stat.PanelBuilder(), spec)
    .reduceOptions(built(LAST))
    .graphMode(spec.sparkline === true ? BigValueGraphMode.Area : BigValueGraphMode.None)
    .colorMode(spec.plain === true ? BigValueColorMode.Value : BigValueColorMode.Background)
    .textMode(BigValueTextMode.Auto)
    .orientation(VizOrientation.Auto);
  return sized(spec, 4, 4, builder.build());
}

interface GraphSpec extends Common {
  readonly style?: 'line' | 'bars';
  readonly stacked?: true;
  /** A point at least so far from the next: few events make bars of an hour, not of a minute. */
  readonly interval?: string;
  readonly legend?: 'table' | 'list' | 'none';
  /** What the table of the legend says of each series. */
  readonly calcs?: readonly string[];
  /** Of series whose query knows no legend. */
  readonly seriesName?: string;
}

/** Lines go on over so many intervals without a value. */
const SPANNED = 4;
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function spanned(interval: string | undefined): number | false {
  const [, count = '', unit = ''] = /^(\d+)([mhd])$/.exec(interval ?? '') ?? [];
  return unit === '' ? false : SPANNED * Number(count) * (UNIT_MS[unit] ?? 0);
}

export function graph(spec: GraphSpec): SizedPanel {
  const { style = 'line', stacked, interval, legend = 'table', calcs = ['mean', 'max', 'lastNotNull'] } = spec;
  const builder = describe(new timeseries.PanelBuilder(), spec)
    .drawStyle(style === 'bars' ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .lineWidth(style === 'bars' ? 0 : 2)
    .fillOpacity(style === 'bars' ? 80 : stacked === true ? 40 : 0)
    .showPoints(VisibilityMode.Auto)
    .pointSize(5)
    // Of few events some intervals have none; a gauge that is absent is a gap.
    .spanNulls(spanned(interval))
    .axisPlacement(AxisPlacement.Auto)
    .axisColorMode(AxisColorMode.Text)
    .stacking(built({ mode: stacked === true ? StackingMode.Normal : StackingMode.None, group: 'A' }))
    .tooltip(built({ mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending }))
    .legend(
      built({
        displayMode: legend === 'table' ? LegendDisplayMode.Table : LegendDisplayMode.List,
        placement: LegendPlacement.Bottom,
        showLegend: legend !== 'none',
        calcs: legend === 'table' ? [...calcs] : [],
      }),
    );
  if (spec.min === undefined) builder.min(0);
  if (interval !== undefined) builder.interval(interval);
  if (spec.seriesName !== undefined) builder.displayName(spec.seriesName);
  return sized(spec, 12, 9, builder.build());
}

/** How often each bucket of a histogram was met over time; its points are runs, and open their page. */
export function heatMap(spec: Common & { readonly interval?: string }): SizedPanel {
  const builder = describe(new heatmap.PanelBuilder(), spec)
    .calculate(false)
    .color(
      built({
        ...heatmap.defaultHeatmapColorOptions(),
        mode: heatmap.HeatmapColorMode.Scheme,
        scheme: 'Blues',
        scale: heatmap.HeatmapColorScale.Exponential,
        steps: 32,
      }),
    )
    .rowsFrame(built({ layout: undefined, value: 'runs' } as never))
    .cellGap(1)
    .filterValues(built({ le: 1e-9 }))
    .yAxis(built({ axisPlacement: AxisPlacement.Left, unit: spec.unit, decimals: spec.decimals ?? 0 }))
    .tooltip(built({ mode: TooltipDisplayMode.Single, yHistogram: true, showColorScale: false }))
    .exemplarsColor('rgba(255,136,0,0.9)')
    .hideLegend();
  if (spec.interval !== undefined) builder.interval(spec.interval);
  return sized(spec, 12, 10, builder.build());
}

/** The greatest first, a bar each. */
export function ranking(spec: Common & { readonly seriesName?: string }): SizedPanel {
  const builder = describe(new bargauge.PanelBuilder(), spec)
    .reduceOptions(built(LAST))
    .displayMode(BarGaugeDisplayMode.Basic)
    .valueMode(BarGaugeValueMode.Text)
    .orientation(VizOrientation.Horizontal)
    .showUnfilled(false)
    // A bar that is alone would have no name.
    .displayName(spec.seriesName ?? `\${__series.name}`)
    .minVizHeight(16)
    .maxVizHeight(28)
    .namePlacement(BarGaugeNamePlacement.Left)
    .text(built({ titleSize: 13, valueSize: 14 }))
    .legend(
      built({ showLegend: false, displayMode: LegendDisplayMode.List, placement: LegendPlacement.Bottom, calcs: [] }),
    );
  if (spec.min === undefined) builder.min(0);
  return sized(spec, 8, 9, builder.build());
}

interface TableSpec extends Common {
  /** Columns as the targets name them, in order, each with its heading and how it is shown; the others are hidden. */
  readonly columns?: readonly Column[];
  readonly sortBy?: { readonly column: string; readonly desc?: boolean };
}

export interface Column {
  /** A label, or `Value #B` of the second target; `Value` where there is one target. */
  readonly of: string;
  readonly heading: string;
  readonly unit?: string;
  readonly decimals?: number;
  readonly width?: number;
  readonly thresholds?: Thresholds;
  readonly mappings?: readonly ValueMapping[];
  readonly links?: readonly DashboardLink[];
  /** Links of the row take it, and nobody reads it. */
  readonly hidden?: true;
}

export function grid(spec: TableSpec): SizedPanel {
  const { columns, sortBy } = spec;
  const isMerged = spec.targets.length > 1;
  const transformations: DataTransformerConfig[] = [
    ...(isMerged ? [{ id: 'merge', options: {} }] : []),
    ...(columns === undefined ? [] : [arrange(columns)]),
    ...(spec.transformations ?? []),
  ];
  const overrides = [...(columns ?? []).flatMap(overrideOf), ...(spec.overrides ?? [])];
  const builder = describe(new table.PanelBuilder(), { ...spec, transformations, overrides })
    .showHeader(true)
    .cellHeight(TableCellHeight.Sm)
    .minWidth(80)
    .filterable(false);
  if (sortBy !== undefined) builder.sortBy([built({ displayName: sortBy.column, desc: sortBy.desc ?? true })]);
  return sized(spec, 24, 9, builder.build());
}

function arrange(columns: readonly Column[]): DataTransformerConfig {
  return {
    id: 'organize',
    options: {
      indexByName: Object.fromEntries(columns.map(({ of }, at) => [of, at])),
      renameByName: Object.fromEntries(columns.map(({ of, heading }) => [of, heading])),
      includeByName: Object.fromEntries(columns.map(({ of }) => [of, true])),
      excludeByName: {},
    },
  };
}

function overrideOf({ heading, unit, decimals, width, thresholds, mappings, links, hidden }: Column): Override[] {
  const properties: DynamicConfigValue[] = [];
  const set = (id: string, value: unknown) => {
    if (value !== undefined) properties.push({ id, value });
  };
  set('noValue', '–');
  set('unit', unit);
  set('decimals', decimals);
  set('custom.width', width);
  set('mappings', mappings);
  set('links', links);
  set('custom.hidden', hidden);
  if (thresholds !== undefined) {
    set('thresholds', { mode: 'absolute', steps: stepsOf(ofCells(thresholds)) });
    set('custom.cellOptions', { type: 'color-text' });
  }
  return [{ matcher: { id: 'byName', options: heading }, properties }];
}

/** A cell without a value has the colour of the base: that of plain text, so that nothing known is nothing wrong. */
function ofCells([base, ...steps]: Thresholds): Thresholds {
  return base === 'text' ? [base, ...steps] : ['text', [-1e12, base], ...steps];
}

interface AppPanelSpec extends Omit<Common, 'unit' | 'isOfFleet'> {
  readonly type: 'fleetlens-rundetail-panel' | 'fleetlens-sprintchain-panel';
  readonly options: Readonly<Record<string, unknown>>;
}

/** A panel of the app itself, which brings its own units. */
export function appPanel({ type, options, ...spec }: AppPanelSpec): SizedPanel {
  const panel = describe(new table.PanelBuilder(), { ...spec, unit: 'none', isOfFleet: true }).build();
  return sized({ ...spec, unit: 'none' }, 24, 16, { ...panel, type, options });
}

/** The label and colour that a status has everywhere, for series that are named after one. */
export function statusSeries(statuses: readonly AnyStatus[]): Override[] {
  return statuses.map((status) => ({
    matcher: { id: 'byName', options: status },
    properties: [
      { id: 'displayName', value: STATUS_STYLES[status].label },
      { id: 'color', value: { mode: 'fixed', fixedColor: STATUS_STYLES[status].color } },
    ],
  }));
}

/** A colour for series of a name. */
export function colored(name: string, color: string, label = name): Override {
  return {
    matcher: { id: 'byName', options: name },
    properties: [
      { id: 'displayName', value: label },
      { id: 'color', value: { mode: 'fixed', fixedColor: color } },
    ],
  };
}

/** Words for figures: 1 is "up". */
export function words(of: Readonly<Record<string, { readonly text: string; readonly color: string }>>): ValueMapping[] {
  const options = Object.entries(of).map(([value, { text, color }], index) => [value, { text, color, index }] as const);
  return [{ type: MappingType.ValueToText, options: Object.fromEntries(options) }];
}

export const UP_OR_DOWN = words({ 0: { text: 'down', color: 'red' }, 1: { text: 'up', color: 'green' } });
export const YES_OR_NO = words({ 0: { text: 'no', color: 'text' }, 1: { text: 'yes', color: 'orange' } });
export const SEVERITIES = words({
  critical: { text: 'critical', color: 'red' },
  warning: { text: 'warning', color: 'orange' },
  ticket: { text: 'ticket', color: 'blue' },
});
