import { expect, it, onTestFinished } from 'vitest';
import { coverage } from '../../../exporter/src/sources/e2b/coverage.ts';
import { e2b } from '../../../exporter/src/sources/e2b/e2b.ts';
import { warnings } from '../../../exporter/src/sources/pollForTest.ts';
import { openLedger } from '../../ledger/ledgerBed.ts';
import { pollHosted } from '../pollHosted.ts';
import { readShown, walkCoverage } from '../walkCoverage.ts';
import { E2bServer, e2bMetric, e2bSandbox } from './e2bServer.ts';

const MOUNTS = [{ name: 'cache', path: '/cache' }];
const METADATA = { runId: 'run-1', projectId: 'acme', origin: 'workflow', user: 'u1' };

/** What the fixture says of a sandbox that runs, by field of the record. */
const EXPECTED: Record<string, unknown> = {
  'sandbox.sandboxId': 'sbx_1',
  'sandbox.template': 'tpl_7',
  'sandbox.startedAt': '2026-11-20T10:00:00.500Z',
  'sandbox.createdAt': '2026-11-20T10:00:00.500Z',
  'sandbox.status': 'running',
  'sandbox.rawStatus': 'running',
  'sandbox.cpuCount': 4,
  'sandbox.memoryBytes': 2_147_483_648,
  'sandbox.diskBytes': 10_737_418_240,
  'sandbox.runId': 'run-1',
  'sandbox.project': 'acme',
  'sandbox.origin': 'workflow',
  'sandbox.countedBy': 'codecourier',
  'sandbox.cpuUsedRatio': 0.375,
  'sandbox.memoryUsedBytes': 268_435_456,
  'sandbox.attributes.alias': 'agents',
  'sandbox.attributes.clientID': 'client-1',
  'sandbox.attributes.expiresAt': '2026-11-20T11:00:00.000Z',
  'sandbox.attributes.envdVersion': '0.5.0',
  'sandbox.attributes.volumeMounts': MOUNTS,
  'sandbox.attributes.metadata': METADATA,
  'sandbox.attributes.diskUsedBytes': 1_610_612_736,
  'sandbox.attributes.memoryTotalBytes': 1_073_741_824,
  'sandbox.attributes.memoryCacheBytes': 67_108_864,
  'sandbox.attributes.diskTotalBytes': 5_368_709_120,
  'sandbox.attributes.measuredAt': '2026-11-20T10:05:00.000Z',
};

/** And of one that is in no list any more. */
const KILLED: Record<string, unknown> = {
  'sandbox.status': 'killed',
  'sandbox.endedAt': '2000-01-01T01:00:00.000Z',
  'sandbox.attributes.killedInferred': true,
};

it('every field that the SDK knows comes out of the API and the metrics', async () => {
  await using server = await E2bServer.start();
  server.put(
    e2bSandbox({
      sandboxID: 'sbx_1',
      templateID: 'tpl_7',
      alias: 'agents',
      clientID: 'client-1',
      startedAt: '2026-11-20T10:00:00.500Z',
      endAt: '2026-11-20T11:00:00Z',
      cpuCount: 4,
      memoryMB: 2_048,
      diskSizeMB: 10_240,
      envdVersion: '0.5.0',
      volumeMounts: MOUNTS,
      metadata: METADATA,
    }),
  );
  server.metrics.set('sbx_1', [e2bMetric({ cpuUsedPct: 1 }), e2bMetric()]);
  const expired = { startedAt: '2000-01-01T00:00:00Z', endAt: '2000-01-01T01:00:00Z' };
  server.put(e2bSandbox({ sandboxID: 'sbx_old', ...expired }));
  await using bed = await openLedger();
  const polls = [{}, { sandboxes_of: 'codecourier' }].map((config, index) => {
    const options = { api_key: server.key, api_url: server.http.url, ...config };
    const source = e2b.create('test', e2b.configSchema.parse(options), warnings().log);
    onTestFinished(() => source.close());
    return () => pollHosted(source, bed.ledger, { name: index === 0 ? 'counted' : 'shown' });
  });
  for (const poll of polls) await poll();
  server.sandboxes.delete('sbx_old');
  for (const poll of [...polls, ...polls]) expect((await poll()).failure).toBeUndefined();
  const isOfKilled = (field: string, record: string) => field === 'disappearance' || record === 'sandbox.endedAt';
  walkCoverage(await readShown(bed), coverage, {
    expected: ({ field, record }) => (isOfKilled(field, record) ? KILLED : EXPECTED)[record],
    isFrom: ({ field, record }, { sandboxId }) => (sandboxId === 'sbx_old') === isOfKilled(field, record),
  });
});
