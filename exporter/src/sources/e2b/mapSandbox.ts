import { JsonFields } from '../jsonFields.ts';
import { defined, isObject, type JsonObject } from '../rows/textValues.ts';
import type { PulledRecord } from '../source.ts';
import type { E2bConfig } from './config.ts';

const BYTES_PER_MIB = 1_048_576;

type MapConfig = Pick<E2bConfig, 'sandboxes_of' | 'project' | 'project_key' | 'run_key' | 'origin_key'>;

/** States of a sandbox, from the SDK's own schema of them. Killed is not among them: such a sandbox is not listed any more. */
export const E2B_STATES: ReadonlySet<string> = new Set(['running', 'paused']);

export interface MappedSandbox {
  readonly id: string;
  readonly state: string | undefined;
  /** RFC 3339. */
  readonly startedAt: string | undefined;
  /** When it will be killed, unless its time is extended, RFC 3339. */
  readonly endAt: string | undefined;
  readonly data: JsonObject;
}

/** A sandbox of a list as the record's data. @returns undefined where it has no id. */
export function mapSandbox(raw: JsonObject, config: MapConfig): MappedSandbox | undefined {
  const fields = new JsonFields(raw);
  const sandboxId = fields.name('sandboxID');
  if (sandboxId === undefined) return undefined;
  const state = fields.text('state')?.toLowerCase();
  const startedAt = fields.instant('startedAt');
  const endAt = fields.instant('endAt');
  const metadata = isObject(raw.metadata) ? raw.metadata : {};
  const label = (key: string) => {
    const value = metadata[key];
    return typeof value === 'string' && value !== '' ? value.slice(0, 255) : undefined;
  };
  const data = defined({
    sandboxId,
    countedBy: config.sandboxes_of,
    project: config.project ?? label(config.project_key),
    runId: label(config.run_key),
    origin: label(config.origin_key),
    template: fields.name('templateID'),
    // A state that is not known becomes `unknown` where it enters the ledger, and stays beside it as it is.
    status: state,
    rawStatus: state,
    startedAt,
    // It may have been taken for killed.
    endedAt: null,
    cpuCount: fields.amount('cpuCount'),
    memoryBytes: fields.amount('memoryMB', BYTES_PER_MIB),
    diskBytes: fields.amount('diskSizeMB', BYTES_PER_MIB),
  });
  // Alias, metadata and whatever else there is keep their names.
  const attributes = { ...defined({ expiresAt: endAt }), ...fields.rest(), killedInferred: null };
  return { id: sandboxId, state, startedAt, endAt, data: { ...data, attributes } };
}

/** A reading of what a sandbox uses, as a partial record. Memory and disk are bytes already; CPU is percent of all its cores. */
export function mapMetrics(sandboxId: string, raw: JsonObject): PulledRecord {
  const fields = new JsonFields(raw);
  const cpuUsedRatio = fields.amount('cpuUsedPct', 0.01);
  const memoryUsedBytes = fields.amount('memUsed');
  const diskUsedBytes = fields.amount('diskUsed');
  const memoryTotalBytes = fields.amount('memTotal');
  const memoryCacheBytes = fields.amount('memCache');
  const diskTotalBytes = fields.amount('diskTotal');
  const measuredUnix = fields.amount('timestampUnix');
  const timestamp = fields.instant('timestamp');
  const measuredAt = measuredUnix === undefined ? timestamp : new Date(measuredUnix * 1000).toISOString();
  // The list says it of the sandbox itself.
  fields.skip('cpuCount');
  return {
    kind: 'sandbox',
    data: defined({
      sandboxId,
      cpuUsedRatio,
      memoryUsedBytes,
      attributes: defined({
        diskUsedBytes,
        memoryTotalBytes,
        memoryCacheBytes,
        diskTotalBytes,
        measuredAt,
        ...fields.rest(),
      }),
    }),
  };
}

/** The end of a sandbox that is not listed any more. */
export function killedSandbox(sandboxId: string, endedAt: string): PulledRecord {
  return {
    kind: 'sandbox',
    data: {
      sandboxId,
      status: 'killed',
      rawStatus: null,
      endedAt,
      // What it used last is not what it uses now.
      cpuUsedRatio: null,
      memoryUsedBytes: null,
      attributes: { killedInferred: true },
    },
  };
}
