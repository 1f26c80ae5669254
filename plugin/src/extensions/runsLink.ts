import {
  isDateTime,
  type PluginExtensionAddedLinkConfig,
  PluginExtensionPoints,
  type RawTimeRange,
} from '@grafana/data';
import { getTemplateSrv } from '@grafana/runtime';
import type { DataQuery } from '@grafana/schema';
import { links } from '../app/links';
import { DATA_SOURCE_ID } from '../constants';
import { isEverything } from '../datasource/everything';
import { type Filled, promMatchers } from './promMatchers';

/** What the places that are extended tell, as far as it is used: panel menu, Explore, alert rules and their instances. */
interface Place {
  readonly targets?: readonly DataQuery[];
  readonly timeRange?: RawTimeRange;
  readonly scopedVars?: Parameters<ReturnType<typeof getTemplateSrv>['replace']>[1];
  /** Of an alert rule. */
  readonly name?: string;
  readonly expression?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Of an alert. */
  readonly instance?: { readonly labels?: Readonly<Record<string, string>> };
}

type Filters = Readonly<Record<string, readonly string[]>>;

const CARRIED = ['source', 'project', 'workflow', 'persona', 'model', 'status'] as const;
/** What our exporter's metrics and the rules about them are called. */
const OURS = /\bfleet(lens)?_\w+/;
const OUR_RULES = /^Fleet[A-Z]/;
/** So many values are everything that a variable has, and too many for an address. */
const MOST_VALUES = 20;

/** From where Grafana shows figures of a fleet to the runs behind them: same sources, projects, workflows and time. */
export const runsLink: PluginExtensionAddedLinkConfig<Place> = {
  // These words stand in plugin.json, too, which Grafana compares.
  title: 'Show runs in Fleetlens',
  description: 'The runs behind these figures, with the same sources, projects, workflows and time range',
  targets: [
    PluginExtensionPoints.DashboardPanelMenu,
    PluginExtensionPoints.ExploreToolbarAction,
    PluginExtensionPoints.AlertingAlertingRuleAction,
    PluginExtensionPoints.AlertInstanceAction,
  ],
  path: links.runs(),
  icon: 'list-ul',
  configure: (place) => {
    const filters = place && filtersOf(place);
    if (filters === undefined) return undefined;
    return { path: links.runs({ ...filters, ...timeOf(place?.timeRange) }) };
  },
};

/** @returns what the runs have in common; undefined where it is not about a fleet. */
function filtersOf(place: Place): Filters | undefined {
  const { targets = [], scopedVars, expression, labels, instance, name } = place;
  const fill = (text: string): Filled => {
    const chosen: string[] = [];
    const note = (value: string | string[]) => {
      chosen.push(...[value].flat());
      return '';
    };
    return { rest: getTemplateSrv().replace(text, scopedVars, note), chosen };
  };
  const found: Filters[] = [];
  for (const target of targets.filter(({ hide }) => hide !== true)) {
    const expr = 'expr' in target && typeof target.expr === 'string' ? target.expr : undefined;
    if (target.datasource?.type === DATA_SOURCE_ID) found.push(ofQuery(target, fill));
    else if (expr !== undefined && OURS.test(expr)) found.push(ofExpression(expr, fill));
  }
  if (expression !== undefined && (OURS.test(expression) || OUR_RULES.test(name ?? '')))
    found.push({ ...ofExpression(expression), ...ofLabels(labels) });
  if (OUR_RULES.test(instance?.labels?.alertname ?? '')) found.push(ofLabels(instance?.labels));
  return found.length === 0 ? undefined : united(found);
}

function ofExpression(expression: string, fill?: (text: string) => Filled): Filters {
  const matchers = promMatchers(expression, fill);
  return pick((name) => matchers.get(name));
}

function ofLabels(labels: Readonly<Record<string, string>> = {}): Filters {
  return pick((name) => (labels[name] === undefined ? undefined : [labels[name]]));
}

/** Of our own data source: its filters and the data source itself. */
function ofQuery(target: DataQuery, fill: (text: string) => Filled): Filters {
  const filters =
    'filters' in target && typeof target.filters === 'object' && target.filters !== null ? target.filters : {};
  const known = pick((name) => {
    const texts: unknown = (filters as Record<string, unknown>)[name];
    if (!Array.isArray(texts)) return undefined;
    return texts.flatMap((text: unknown) => {
      const { rest, chosen } = fill(String(text));
      return rest === '' ? chosen : [rest, ...chosen];
    });
  });
  const uid = target.datasource?.uid;
  return uid === undefined || uid.includes('$') ? known : { ...known, ds: [uid] };
}

/** A value that is none (everything, nothing, or a variable that nobody replaced) makes no filter. */
function pick(valuesOf: (name: (typeof CARRIED)[number]) => readonly string[] | undefined): Filters {
  return Object.fromEntries(
    CARRIED.flatMap((name) => {
      const values = valuesOf(name);
      const isFilter =
        values !== undefined &&
        values.length > 0 &&
        values.length <= MOST_VALUES &&
        !values.some((value) => value === '' || isEverything(value) || value.includes('$'));
      return isFilter ? [[name, values]] : [];
    }),
  );
}

/** @returns filters that let through what any of them does. */
function united(all: readonly Filters[]): Filters {
  const [first = {}] = all;
  const names = Object.keys(first).filter((name) => all.every((filters) => filters[name] !== undefined));
  return Object.fromEntries(names.map((name) => [name, [...new Set(all.flatMap((filters) => filters[name] ?? []))]]));
}

function timeOf(range: RawTimeRange | undefined): { from?: string; to?: string } {
  if (range === undefined) return {};
  const spell = (end: RawTimeRange['from']) => (isDateTime(end) ? end.toISOString() : String(end));
  return { from: spell(range.from), to: spell(range.to) };
}
