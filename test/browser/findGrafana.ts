import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where packages and archives of Grafana put it. */
const USUAL_HOMES = ['/usr/share/grafana', '/opt/grafana'];

/** One that runs already and has the plugin, or the home of one that can be started. */
export type FoundGrafana = { readonly url: string } | { readonly home: string };

/** @returns the Grafana that GRAFANA_URL or GRAFANA_HOME names, else an installed package; undefined where there is none. */
export function findGrafana({ GRAFANA_URL, GRAFANA_HOME } = process.env): FoundGrafana | undefined {
  if (GRAFANA_URL !== undefined && GRAFANA_URL !== '') return { url: GRAFANA_URL.replace(/\/+$/, '') };
  const homes = GRAFANA_HOME === undefined || GRAFANA_HOME === '' ? USUAL_HOMES : [GRAFANA_HOME];
  const home = homes.find((path) => existsSync(join(path, 'bin', 'grafana')));
  return home === undefined ? undefined : { home };
}

/** @returns the home of a Grafana that can be started; undefined where there is none. */
export function findGrafanaHome(): string | undefined {
  const found = findGrafana({ GRAFANA_HOME: process.env.GRAFANA_HOME });
  return found !== undefined && 'home' in found ? found.home : undefined;
}
