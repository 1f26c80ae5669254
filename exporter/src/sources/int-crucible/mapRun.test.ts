import { expect, it } from 'vitest';
import { warnings } from '../pollForTest.ts';
import { StatusWords } from '../statusWords.ts';
import { CRUCIBLE_STATUSES, mapRun } from './mapRun.ts';

const NOW = new Date('2026-11-20T12:00:00Z');

function mapped(row: Record<string, string>) {
  const words = new StatusWords(CRUCIBLE_STATUSES, warnings().log);
  return mapRun({ id: 'r1', status: 'RUNNING', ...row }, { words, now: NOW })[0]?.data;
}

it.each([
  ['RUN_CONFIG_PANEL', 'user'],
  ['CLI_TOOL', 'user'],
  ['API_CLIENT', 'api'],
  ['integration_test', 'api'],
])('a run that %s started was triggered by: %s', (ui_trigger_source, trigger) => {
  expect(mapped({ ui_trigger_source })).toMatchObject({ trigger });
});

it.each([
  ['CREATED', 'queued'],
  ['running', 'running'],
  ['COMPLETED', 'succeeded'],
  ['FAILED', 'failed'],
  ['CANCELLED', 'cancelled'],
])('a run that is %s has the status %s', (rawStatus, status) => {
  expect(mapped({ status: rawStatus })).toMatchObject({ status, rawStatus });
});
