/** A field of the platform's document, the field of the record that it becomes, and where that is seen. */
interface Covered {
  readonly document: string;
  readonly field: string;
  readonly record: string;
  readonly shows: string;
}

const SDK = 'E2B SDK 2.51.0, ListedSandbox';
const METRICS = 'E2B SDK 2.51.0, SandboxMetric';
const PAGE = 'API sandboxes';

export const coverage: readonly Covered[] = [
  { document: SDK, field: 'sandboxID', record: 'sandbox.sandboxId', shows: PAGE },
  { document: SDK, field: 'templateID', record: 'sandbox.template', shows: `${PAGE}, filter template` },
  { document: SDK, field: 'alias', record: 'sandbox.attributes.alias', shows: PAGE },
  { document: SDK, field: 'clientID', record: 'sandbox.attributes.clientID', shows: PAGE },
  { document: SDK, field: 'startedAt', record: 'sandbox.startedAt', shows: PAGE },
  { document: SDK, field: 'startedAt', record: 'sandbox.createdAt', shows: `${PAGE}; fleet_sandboxes_created_total` },
  { document: SDK, field: 'endAt', record: 'sandbox.attributes.expiresAt', shows: PAGE },
  { document: SDK, field: 'endAt', record: 'killed.endedAt', shows: PAGE },
  { document: SDK, field: 'state', record: 'sandbox.status', shows: `${PAGE}; fleet_sandboxes` },
  { document: SDK, field: 'state', record: 'sandbox.rawStatus', shows: PAGE },
  { document: SDK, field: 'disappearance', record: 'killed.status', shows: `${PAGE}; fleet_sandboxes` },
  { document: SDK, field: 'disappearance', record: 'killed.attributes.killedInferred', shows: PAGE },
  { document: SDK, field: 'cpuCount', record: 'sandbox.cpuCount', shows: PAGE },
  { document: SDK, field: 'memoryMB', record: 'sandbox.memoryBytes', shows: PAGE },
  { document: SDK, field: 'diskSizeMB', record: 'sandbox.diskBytes', shows: PAGE },
  { document: SDK, field: 'envdVersion', record: 'sandbox.attributes.envdVersion', shows: PAGE },
  { document: SDK, field: 'volumeMounts', record: 'sandbox.attributes.volumeMounts', shows: PAGE },
  { document: SDK, field: 'metadata', record: 'sandbox.attributes.metadata', shows: PAGE },
  { document: SDK, field: 'metadata', record: 'sandbox.runId', shows: `${PAGE}, filter run_id (run_key)` },
  { document: SDK, field: 'metadata', record: 'sandbox.project', shows: 'label project (project_key)' },
  { document: SDK, field: 'metadata', record: 'sandbox.origin', shows: `${PAGE} (origin_key)` },
  { document: SDK, field: 'sandboxes_of', record: 'sandbox.countedBy', shows: PAGE },
  { document: METRICS, field: 'cpuUsedPct', record: 'sandbox.cpuUsedRatio', shows: PAGE },
  { document: METRICS, field: 'memUsed', record: 'sandbox.memoryUsedBytes', shows: PAGE },
  { document: METRICS, field: 'diskUsed', record: 'sandbox.attributes.diskUsedBytes', shows: PAGE },
  { document: METRICS, field: 'memTotal', record: 'sandbox.attributes.memoryTotalBytes', shows: PAGE },
  { document: METRICS, field: 'memCache', record: 'sandbox.attributes.memoryCacheBytes', shows: PAGE },
  { document: METRICS, field: 'diskTotal', record: 'sandbox.attributes.diskTotalBytes', shows: PAGE },
  { document: METRICS, field: 'timestampUnix', record: 'sandbox.attributes.measuredAt', shows: PAGE },
];
