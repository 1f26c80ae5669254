import { readFile } from 'node:fs/promises';
import type { GrafanaConfig } from '../../config/grafanaSchema.ts';
import { GrafanaUnavailable } from './askGrafana.ts';

/** @returns `grafana.ca_file`; read each time, since certificates are renewed. @throws GrafanaUnavailable */
export async function readCa({ ca_file }: GrafanaConfig): Promise<string | undefined> {
  if (ca_file === undefined) return undefined;
  try {
    return await readFile(ca_file, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GrafanaUnavailable(`grafana.ca_file: ${why}, expected certificates in PEM`, { cause });
  }
}
