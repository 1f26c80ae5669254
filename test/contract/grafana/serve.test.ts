import { afterEach, beforeEach, expect, it } from 'vitest';
import { runCli } from '../../cli/runCli.ts';
import { type ExporterProcess, startExporter } from '../../support/exporterProcess.ts';
import { migratedDatabase, type TestDatabase } from '../../support/postgres.ts';
import { waitFor } from '../../support/waitFor.ts';
import { GrafanaServer } from './grafanaServer.ts';

const TOKEN = 'token-of-the-data-source';
let grafana: GrafanaServer;
let database: TestDatabase;
let exporter: ExporterProcess | undefined;

beforeEach(async () => {
  [grafana, database] = await Promise.all([GrafanaServer.start(), migratedDatabase()]);
});
afterEach(async () => {
  await exporter?.stop();
  await grafana[Symbol.asyncDispose]();
  await database.drop();
});

const config = (more: object = {}) => ({
  ledger: { database_url: database.connectionString },
  tokens: [{ name: 'grafana', role: 'viewer', token: TOKEN, ...('grafana' in more ? { require_identity: true } : {}) }],
  ...more,
});
const status = async (identity: string) => {
  const headers = { authorization: `Bearer ${TOKEN}`, 'x-grafana-id': identity };
  return (await fetch(`${exporter?.url}/api/v1/runs`, { headers })).status;
};

it('a reload decides whose people are believed, and what they may', async () => {
  exporter = await startExporter({ config: config() });
  // Not configured: what Grafana forwards by default means nothing here.
  expect(await status(grafana.forged(grafana.claimsOf('ann')))).toBe(200);

  const reload = async (more: object) => {
    await exporter?.writeConfig(config(more));
    process.kill(exporter?.pid() ?? 0, 'SIGHUP');
  };
  await reload({ grafana: { url: grafana.url } });
  const forged = grafana.forged(grafana.claimsOf('ann'));
  await waitFor(async () => (await status(forged)) === 401, { what: 'the reload with grafana:' });
  expect(await status(grafana.identityOf('ann'))).toBe(200);

  await reload({ grafana: { url: grafana.url, role_map: { Viewer: 'none' } } });
  await waitFor(async () => (await status(grafana.identityOf('ann'))) === 403, { what: 'the reload of the roles' });
  expect(await status(grafana.identityOf('ann', { role: 'Editor' }))).toBe(200);
});

it('/health says that Grafana’s keys cannot be had, and the exporter is ready without them', async () => {
  exporter = await startExporter({ config: config({ grafana: { url: grafana.url } }) });
  const part = async () => {
    const health = (await (await fetch(`${exporter?.url}/health`)).json()) as {
      parts: Record<string, { status: string }>;
    };
    return health.parts['grafana identity'];
  };
  expect(await part()).toMatchObject({ status: 'ok' });
  await exporter.kill('SIGTERM');
  grafana.hosted.fail(/keys$/, { kind: 'status', status: 503 }, 1_000);
  await exporter.restart();
  expect(await part()).toMatchObject({ status: 'degraded', detail: expect.stringContaining('answered 503') });
  expect(await status(grafana.identityOf('ann'))).toBe(503);
});

it('config check --probe says whether the keys and the teams can be had', async () => {
  grafana.teams.set('SRE', ['ann', 'bob']);
  const team = (name: string) => ({
    grafana: {
      url: grafana.url,
      teams: [{ name, role: 'admin' }],
      service_account_token: grafana.serviceAccountToken,
    },
  });
  exporter = await startExporter({ config: config() });
  const probe = async (more: object) => {
    await exporter?.writeConfig(config(more));
    return await runCli(['config', 'check', '--probe', '--config', exporter?.configFile ?? '']);
  };
  const good = await probe(team('SRE'));
  expect(good.stdout).toContain(
    `grafana (identity): reached\n    1 signing key at ${grafana.url}/api/signing-keys/keys\n    team SRE: 2 members`,
  );
  expect(good.code).toBe(0);

  const wrongTeam = await probe(team('SER'));
  expect(wrongTeam.stdout).toContain('problem: grafana.teams: found no team "SER"');
  expect(wrongTeam.code).toBe(1);

  const wrongPath = await probe({ grafana: { url: `${grafana.url}/grafana` } });
  expect(wrongPath.stdout).toMatch(
    /grafana \(identity\): not reached\n.*problem: .*check grafana\.url, its path included/,
  );
  expect(wrongPath.code).toBe(1);
});
