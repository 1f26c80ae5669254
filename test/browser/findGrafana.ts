import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where packages and archives of Grafana put it. */
const USUAL_HOMES = ['/usr/share/grafana', '/opt/grafana'];

/** @returns the home of a Grafana that can be started: GRAFANA_HOME, or an installed package; undefined where there is none. */
export function findGrafanaHome(): string | undefined {
  const homes = process.env.GRAFANA_HOME === undefined ? USUAL_HOMES : [process.env.GRAFANA_HOME];
  return homes.find((home) => existsSync(join(home, 'bin', 'grafana')));
}
