import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard';

/** A query, as far as it is looked at. */
export interface AnyTarget {
  readonly refId?: string;
  readonly datasource?: { readonly type?: string; readonly uid?: string };
  readonly expr?: string;
  readonly queryType?: string;
  readonly filters?: Readonly<Record<string, readonly string[]>>;
}

function isRow(panel: Panel | RowPanel): panel is RowPanel {
  return panel.type === 'row';
}

/** @returns every panel that is no row, those of collapsed rows too */
export function panelsOf(dashboard: Dashboard): Panel[] {
  return (dashboard.panels ?? []).flatMap((panel) => (isRow(panel) ? panel.panels : [panel]) as Panel[]);
}

/** @returns those that are there before anybody opens a row */
export function openPanelsOf(dashboard: Dashboard): Panel[] {
  return (dashboard.panels ?? []).filter((panel) => !isRow(panel)) as Panel[];
}

export function targetsOf(panel: Panel): AnyTarget[] {
  return (panel.targets ?? []) as unknown as AnyTarget[];
}

/** Each expression with where it stands: of panels, annotations and variables. */
export function expressionsOf(dashboard: Dashboard): { readonly where: string; readonly expr: string }[] {
  const of = (where: string, expr: string | undefined) => (expr === undefined ? [] : [{ where, expr }]);
  return [
    ...panelsOf(dashboard).flatMap((panel) =>
      targetsOf(panel).flatMap(({ expr, refId }) => of(`${dashboard.uid}: ${panel.title} ${refId}`, expr)),
    ),
    ...(dashboard.annotations?.list ?? []).flatMap(({ name, expr }) =>
      of(`${dashboard.uid}: annotation ${name}`, expr),
    ),
    ...(dashboard.templating?.list ?? []).flatMap(({ name, definition }) =>
      of(`${dashboard.uid}: variable ${name}`, /^label_values\((.+), \w+\)$/.exec(definition ?? '')?.[1]),
    ),
  ];
}

/** Every address of the dashboard: of panels, values, columns and its head, with the panel. */
export function linksOf(
  dashboard: Dashboard,
): { readonly where: string; readonly url: string; readonly panel?: Panel }[] {
  const found = (where: string, value: unknown, panel?: Panel) =>
    [...JSON.stringify(value).matchAll(/"url":"([^"]*)"/g)].map(([, url = '']) => ({
      where: `${dashboard.uid}: ${where}`,
      url,
      ...(panel && { panel }),
    }));
  return [
    ...found('head', dashboard.links ?? []),
    ...panelsOf(dashboard).flatMap((panel) => found(panel.title ?? '', panel, panel)),
  ];
}
