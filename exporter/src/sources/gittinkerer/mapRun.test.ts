import { describe, expect, it } from 'vitest';
import { warnings } from '../pollForTest.ts';
import { StatusWords } from '../statusWords.ts';
import type { RunArtifacts } from './artifacts/readArtifacts.ts';
import type { RunColumn } from './config.ts';
import { attributeValue } from './gittinkererTables.ts';
import { GITTINKERER_STATUSES, mapRun } from './mapRun.ts';

const NOW = new Date('2026-01-03T15:00:00Z');

function mapped(known: Partial<Record<RunColumn, string | null>>, run?: RunArtifacts['run']) {
  const artifacts = run && { directory: '20260103T142626Z', files: [], problems: [], run };
  const metrics = { latest: new Map(), webhooks: [] };
  const words = new StatusWords(GITTINKERER_STATUSES, warnings().log);
  const [record] = mapRun({ runId: 'r1', row: { known, others: {} }, metrics, artifacts }, words, NOW);
  return record?.data;
}

describe('a run', () => {
  it.each([
    ['pending', 'queued'],
    ['queued', 'queued'],
    ['running', 'running'],
    ['succeeded', 'succeeded'],
    ['completed', 'succeeded'],
    ['success', 'succeeded'],
    ['failed', 'failed'],
    ['error', 'failed'],
    ['timed_out', 'timed_out'],
    ['timeout', 'timed_out'],
    ['cancelled', 'cancelled'],
    ['canceled', 'cancelled'],
    ['archived', 'unknown'],
  ])('that is %s has the status %s', (rawStatus, status) => {
    expect(mapped({ status: rawStatus })).toMatchObject({ status, rawStatus });
  });

  it.each([
    ['pr', 'pr'],
    ['github', 'pr'],
    ['web', 'web'],
    ['issue', 'issue'],
    ['cron', 'other'],
  ])('of source %s has the origin %s', (source, origin) => {
    expect(mapped({ status: 'running', source })).toMatchObject({ origin, attributes: { runSource: source } });
  });

  it.each([
    ['its row', { error: 'git push rejected' }, {}, 'git push rejected'],
    ['run.json', {}, { error: 'no such branch' }, 'no such branch'],
    ['run.json, in other words', {}, { error_message: 'no such file' }, 'no such file'],
    ['its exit code alone', { exit_code: '2' }, {}, 'exit code 2'],
  ])('that failed has the error of %s', (_where, known, run, message) => {
    expect(mapped({ status: 'failed', ...known }, run)).toMatchObject({ error: { surface: 'run', message } });
  });
});

it.each(['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'])(
  'a column of type %s is a number among the attributes',
  (type) => {
    const column = { name: 'rounds', type, readable: true, indexed: false, words: [] };
    expect(attributeValue(column, '12')).toBe(12);
  },
);
