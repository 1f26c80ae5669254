import { expect, it } from 'vitest';
import { allowsFamily } from './allowsFamily.ts';

it.each<[string, readonly string[], readonly string[], string, boolean]>([
  ['no lists: all', [], [], 'fleet_runs', true],
  ['denied', [], ['fleet_runs'], 'fleet_runs', false],
  ['others than the denied', [], ['fleet_runs'], 'fleet_runs_created_total', true],
  ['allowed', ['fleet_runs'], [], 'fleet_runs', true],
  ['others than the allowed', ['fleet_runs'], [], 'fleet_chains', false],
  ['allowed and denied', ['fleet_runs'], ['fleet_runs'], 'fleet_runs', false],
  ['the exporter itself beside an allow list', ['fleet_runs'], [], 'fleetlens_ledger_up', true],
  ['the process beside an allow list', ['fleet_runs'], [], 'process_cpu_seconds_total', true],
  ['the exporter itself, denied', [], ['fleetlens_dead_letters'], 'fleetlens_dead_letters', false],
  ['the process, denied', [], ['nodejs_version_info'], 'nodejs_version_info', false],
])('%s', (_name, allow, deny, family, allowed) => {
  expect(allowsFamily({ allow, deny }, family)).toBe(allowed);
});
