import { type DashboardLink, DashboardLinkType, defaultDashboardLink } from '@grafana/grafana-foundation-sdk/dashboard';
import { APP_PATH } from '../../../plugin/src/constants.ts';
import { LABEL_VARIABLES } from './promql.ts';

/** The dashboards, in the order in which they lead on. */
export const UIDS = {
  overview: 'fleetlens-overview',
  runs: 'fleetlens-runs',
  quality: 'fleetlens-quality',
  ci: 'fleetlens-ci',
  chains: 'fleetlens-chains',
  queues: 'fleetlens-queues',
  cost: 'fleetlens-cost',
  integrations: 'fleetlens-integrations',
  exporter: 'fleetlens-exporter',
  review: 'fleetlens-review',
} as const;
export type DashboardName = keyof typeof UIDS;

// Grafana fills these in. A variable of several values becomes a parameter for each of them.
const PAGE_VARIABLES = LABEL_VARIABLES.map((name) => `\${${name}:customqueryparam:${name}}`).join('&');
const TIME = `\${__url_time_range}`;
const DATA_SOURCE = `ds=\${fleet}`;

/** By which the dashboards know each other. */
export const TAG = 'fleetlens';

/** A page of the app, for what the variables and the time picker say. */
export function page(name: string, parameters: Readonly<Record<string, string>> = {}): string {
  const own = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
  return `${APP_PATH}/${name}?${[...own, PAGE_VARIABLES, DATA_SOURCE, TIME].join('&')}`;
}

type Place = 'series' | 'row';

/** A page of the app for the labels of one series, or the cells of one row under these headings, instead of the variables. */
export function pageOf(
  name: string,
  labels: readonly string[],
  place: Place,
  parameters: Readonly<Record<string, string>> = {},
): string {
  const own = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
  const chosen = labels.map((label) => `${label.toLowerCase()}=${valueAt(place, label)}`);
  return `${APP_PATH}/${name}?${[...own, ...chosen, DATA_SOURCE, TIME].join('&')}`;
}

/** Another dashboard, with the variables and the time range; labels of a series or cells of a row narrow it down. */
export function dashboard(name: DashboardName, labels: readonly string[] = [], place: Place = 'row'): string {
  return opened(
    name,
    labels.map((label) => [label.toLowerCase(), valueAt(place, label)]),
  );
}

/** The same dashboard, with texts of its own set to cells of the row. */
export function showHere(name: DashboardName, cells: Readonly<Record<string, string>>): string {
  return opened(
    name,
    Object.entries(cells).map(([variable, heading]) => [variable, valueAt('row', heading)]),
  );
}

function opened(name: DashboardName, set: readonly (readonly [variable: string, value: string])[]): string {
  const kept = ['datasource', 'fleet', ...LABEL_VARIABLES].filter((kept) => !set.some(([name]) => name === kept));
  const variables = [
    ...kept.map((variable) => `\${${variable}:queryparam}`),
    ...set.map(([variable, value]) => `var-${variable}=${value}`),
  ];
  return `/d/${UIDS[name]}?${[...variables, TIME].join('&')}`;
}

/** The value of a label of the series, or of the row's cell under that heading. */
export function valueAt(place: Place, name: string): string {
  return place === 'series' ? `\${__field.labels.${name}:percentencode}` : `\${__data.fields.${name}:percentencode}`;
}

/** The SDK's default would hide links in a menu. */
const { placement: _menu, ...SHOWN } = defaultDashboardLink();

export function link(title: string, url: string): DashboardLink {
  return { ...SHOWN, type: DashboardLinkType.Link, title, url, tooltip: title, icon: 'external link' };
}

/** At the head of every dashboard: the others, and the page of the app about the same. */
export function headLinks(appPage: { readonly title: string; readonly name: string }): DashboardLink[] {
  const others: DashboardLink = {
    ...SHOWN,
    type: DashboardLinkType.Dashboards,
    title: 'Fleetlens dashboards',
    tooltip: 'The other dashboards, with the same choice and time',
    tags: [TAG],
    asDropdown: true,
    includeVars: true,
    keepTime: true,
  };
  return [others, link(appPage.title, page(appPage.name))];
}
