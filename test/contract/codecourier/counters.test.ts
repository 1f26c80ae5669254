import { Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';
import { HealthRegistry } from '../../../exporter/src/http/healthRegistry.ts';
import { selfGauge } from '../../../exporter/src/metrics/selfMetrics.ts';
import { SourceCounters } from '../../../exporter/src/sourceCounters.ts';
import { pollForTest } from '../../../exporter/src/sources/pollForTest.ts';
import { openLedger } from '../../ledger/ledgerBed.ts';
import { openRest } from './bed.ts';
import { makeWorld } from './world.ts';

it("the platform's counters are compared with the ledger's: a difference is a metric and a line of /health", async () => {
  const { source, server } = await openRest(makeWorld());
  const bed = await openLedger();
  onTestFinished(() => bed[Symbol.asyncDispose]());
  const registry = new Registry();
  const health = new HealthRegistry({ version: 'test' });
  const counters = new SourceCounters(selfGauge(registry, 'fleetlens_source_figure_difference'), health);
  const told = async () => (await health.report()).parts['platform counters'];
  const shown = async () => {
    const { values } = await (registry.getSingleMetric('fleetlens_source_figure_difference')?.get() ?? { values: [] });
    return Object.fromEntries(values.map(({ labels, value }) => [labels.counter, value]));
  };

  await pollForTest(source, bed.ledger);
  await counters.compare(bed.ledger.pool);
  // What is read for the first time says nothing yet.
  expect(await told()).toMatchObject({ status: 'ok', detail: 'none to compare with' });
  expect(await shown()).toEqual({});

  while (await bed.ledger.sweep());
  await counters.compare(bed.ledger.pool);
  // The platform counts a run and sandboxes of the past that it no longer has.
  expect(await shown()).toEqual({
    totalRuns: 1,
    completedRuns: 1,
    failedRuns: 0,
    totalSandboxes: 41,
    activeSandboxes: 0,
  });
  expect((await told())?.detail).toBe(
    '3 of 5 differ: test acme/shop completedRuns: the platform counts 3, the ledger 2; test acme/shop totalRuns: the platform counts 5, the ledger 4; test acme/shop totalSandboxes: the platform counts 44, the ledger 3',
  );

  server.world.projectCounters = [
    { _id: 'cnt1', totalRuns: 4, completedRuns: 2, failedRuns: 1, totalSandboxes: 3, activeSandboxes: 1 },
  ];
  await pollForTest(source, bed.ledger);
  await counters.compare(bed.ledger.pool);
  expect((await told())?.detail).toBe("5 counters are equal to the ledger's");
  counters.unregister();
  expect(await shown()).toEqual({});
  expect(await told()).toBeUndefined();
});
