import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { type InhibitConfig, type InhibitRule, parseInhibitRules } from './pages.ts';
import { durationMs } from './readRules.ts';

export const ALERTMANAGER_FILE = fileURLToPath(
  new URL('../../provisioning/alertmanager/alertmanager.yml', import.meta.url),
);

export interface Routing {
  readonly inhibitRules: readonly InhibitRule[];
  readonly groupIntervalMs: number;
}

/** What the shipped Alertmanager does to alerts before anybody is told. */
export async function readRouting(file = ALERTMANAGER_FILE): Promise<Routing> {
  const config = parse(await readFile(file, 'utf8')) as {
    readonly route?: { readonly group_interval?: string };
    readonly inhibit_rules?: readonly InhibitConfig[];
  };
  return {
    inhibitRules: parseInhibitRules(config.inhibit_rules ?? []),
    groupIntervalMs: durationMs(config.route?.group_interval ?? '5m'),
  };
}
