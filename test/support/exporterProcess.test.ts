import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ExporterProcess, startExporter } from './exporterProcess.ts';
import { migratedDatabase, type TestDatabase } from './postgres.ts';
import { promtoolCheckMetrics } from './promtool.ts';

let database: TestDatabase;
let exporter: ExporterProcess;
beforeAll(async () => {
  database = await migratedDatabase();
  exporter = await startExporter({ config: { ledger: { database_url: database.connectionString } } });
});
afterAll(async () => {
  await exporter?.stop();
  await database.drop();
});

it('starts the real exporter, which serves its metrics', async () => {
  const metrics = await exporter.scrape();
  expect(metrics).toMatch(/^fleetlens_ledger_up 1$/m);
  expect(await promtoolCheckMetrics(metrics)).toEqual({ exitCode: 0, output: '' });
});

it('comes back on the same port after a crash', async () => {
  const before = exporter.pid();
  expect(await exporter.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
  await expect(exporter.scrape()).rejects.toThrow('fetch failed');
  await exporter.restart();
  expect(exporter.pid()).not.toBe(before);
  expect(await exporter.scrape()).toMatch(/^fleetlens_ledger_up 1$/m);
});

it('says why it could not start', async () => {
  await expect(startExporter({ config: { no_such_key: true } })).rejects.toThrow(/no_such_key/);
});
