import { describe, expect, it } from 'vitest';
import { warnings } from '../pollForTest.ts';
import { StatusWords } from '../statusWords.ts';
import type { RunArtifacts } from './artifacts/readArtifacts.ts';
import type { RunColumn } from './config.ts';
import { attributeValue } from './gittinkererTables.ts';
import { mapPushedMetrics } from './mapMetrics.ts';
import { GITTINKERER_STATUSES, mapRun } from './mapRun.ts';

const NOW = new Date('2026-01-03T15:00:00Z');

/** Of `run_metrics`, recorded one second after another. */
const recorded = (second: number) => `2026-01-03T14:27:0${second}.000Z`;
function metricsOf(values: Record<string, string>, webhooks = 0) {
  const entries = Object.entries(values);
  return {
    latest: new Map(
      entries.map(([name, value], index) => [name, { id: `m${index}`, value, recordedAt: recorded(index) }]),
    ),
    webhooks: webhooks === 0 ? [] : [{ id: 'w1', value: String(webhooks), recordedAt: recorded(0) }],
  };
}
const FIGURES = { duration_ms: '23781', exit_code: '3', tokens_used: '1250', files_changed: '4', cost_usd: '0.0025' };
const FIGURE_ATTRIBUTES = {
  'metrics.duration_ms': 23_781,
  'metricsRecorded.duration_ms': { id: 'm0', at: recorded(0) },
  'metrics.exit_code': 3,
  'metricsRecorded.exit_code': { id: 'm1', at: recorded(1) },
  'metrics.tokens_used': 1250,
  'metricsRecorded.tokens_used': { id: 'm2', at: recorded(2) },
  'metrics.files_changed': 4,
  'metricsRecorded.files_changed': { id: 'm3', at: recorded(3) },
  'metrics.cost_usd': 0.0025,
  'metricsRecorded.cost_usd': { id: 'm4', at: recorded(4) },
  metricsRecordedAt: recorded(4),
};
const USAGE = {
  usageId: 'r1:completion',
  runId: 'r1',
  project: 'octo/cli',
  date: '2026-01-03',
  quantity: 1250,
  unit: 'tokens',
  costUsd: 0.0025,
  durationSeconds: 23.781,
};
const WEBHOOKS = {
  kind: 'adapter',
  at: recorded(0),
  data: {
    adapter: 'webhook_processed',
    eventId: 'w1',
    at: recorded(0),
    project: 'octo/cli',
    result: 'ok',
    count: 6,
    attributes: { runId: 'r1' },
  },
};

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

it.each([
  [
    'succeeded',
    [
      ...['payload.json', 'run.json', 'agent-run/prompt.txt', 'agent-run/diff.patch', 'agent-run/files_changed.json'],
      ...['agent-run/pr_comment.txt', 'agent-run/summary.md', 'agent-run/commit_sha.txt'],
    ],
  ],
  ['failed', ['payload.json', 'run.json']],
])('a run that is %s and left no file misses %j', (status, artifactsMissing) => {
  expect(mapped({ status }, {})?.attributes).toMatchObject({ artifactsMissing });
});

it.each(['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'])(
  'a column of type %s is a number among the attributes',
  (type) => {
    const column = { name: 'rounds', type, readable: true, indexed: false, words: [] };
    expect(attributeValue(column, '12')).toBe(12);
  },
);

it('a run is all that its row, its metrics and its directory say', () => {
  const payload = {
    action: 'opened',
    payload_source: 'github',
    web_conversation_id: 'c1',
    repository: { full_name: 'octo/cli' },
    sender: { login: 'hubot' },
    installation: { id: 4242 },
    pull_request: {
      number: 17,
      title: 'Rename the flag',
      html_url: 'https://github.com/octo/cli/pull/17',
      user: { login: 'mona' },
      head: { ref: 'topic', sha: 'c0ffee1' },
      base: { ref: 'main' },
    },
  };
  const run = { status: 'ok', timestamp: 'T1', payload_path: '/p', artifacts_dir: '/a', host: 'worker-3' };
  const files = [{ name: 'payload.json', path: 'x/payload.json', bytes: 2 }];
  const artifacts = {
    directory: '20260103T142626Z',
    files,
    run,
    payload,
    prompt: ' Rename it. ',
    diff: { files: 1, linesAdded: 3, linesRemoved: 1, platformLoc: 2 },
    filesChanged: ['a.ts'],
    prComment: 'Done.',
    summary: 'One flag.',
    commitSha: '9fceb02',
    problems: ['run.json: too large'],
  };
  const known = {
    status: 'failed',
    created_at: '2026-01-03T14:26:25Z',
    started_at: '2026-01-03T14:26:30Z',
    finished_at: '2026-01-03T14:26:50Z',
    updated_at: '2026-01-03T14:26:51Z',
    artifacts_dir: '/srv/x',
    error: 'git push rejected',
  };
  const row = { known, others: { conversationId: 'c-9' } };
  const words = new StatusWords(GITTINKERER_STATUSES, warnings().log);
  const parts = { runId: 'r1', row, metrics: metricsOf(FIGURES, 6), artifacts, refused: 'which leads upwards' };
  expect(mapRun(parts, words, NOW)).toEqual([
    {
      kind: 'run',
      data: {
        runId: 'r1',
        project: 'octo/cli',
        name: 'Rename the flag',
        origin: 'pr',
        workflow: 'handlePullRequest',
        status: 'failed',
        rawStatus: 'failed',
        createdAt: '2026-01-03T14:26:25.000Z',
        startedAt: '2026-01-03T14:26:30.000Z',
        finishedAt: '2026-01-03T14:26:50.000Z',
        prompt: ' Rename it. ',
        promptPreview: 'Rename it.',
        metadata: {
          action: 'opened',
          number: 17,
          payloadSource: 'github',
          sender: 'hubot',
          author: 'mona',
          head: 'topic',
          headSha: 'c0ffee1',
          base: 'main',
          installationId: 4242,
          conversationId: 'c1',
        },
        pullRequest: { url: 'https://github.com/octo/cli/pull/17', number: 17 },
        error: { surface: 'run', message: 'git push rejected', category: 'git_push' },
        exitCode: 3,
        costUsd: 0.0025,
        counts: { filesChanged: 4, linesAdded: 3, linesRemoved: 1 },
        commitSha: '9fceb02',
        artifacts: files,
        links: { source: 'https://github.com/octo/cli/pull/17' },
        usageMissing: false,
        attributes: {
          conversationId: 'c-9',
          runSource: 'pr',
          updatedAt: '2026-01-03T14:26:51.000Z',
          ...FIGURE_ATTRIBUTES,
          artifactsDir: '/srv/x',
          artifactsRefused: 'which leads upwards',
          artifactsDirectory: '20260103T142626Z',
          prComment: 'Done.',
          summary: 'One flag.',
          filesChanged: ['a.ts'],
          diffLoc: 2,
          artifactsMissing: ['run.json'],
          artifactsProblems: ['run.json: too large'],
          runJsonStatus: 'ok',
          runTimestamp: 'T1',
          payloadPath: '/p',
          runJsonArtifactsDir: '/a',
          'runJson.host': 'worker-3',
        },
      },
    },
    { kind: 'usage', data: USAGE },
    WEBHOOKS,
  ]);
});

it('metrics that are pushed add to the run that is polled, and to its usage', () => {
  const run = { project: 'octo/cli', finishedAt: '2026-01-03T14:26:50Z', counts: { linesAdded: 3 } };
  const at = '2026-01-04T00:00:00.000Z';
  expect(mapPushedMetrics('r1', metricsOf(FIGURES, 6), at, run)).toEqual([
    WEBHOOKS,
    {
      kind: 'run',
      at,
      data: {
        runId: 'r1',
        exitCode: 3,
        costUsd: 0.0025,
        counts: { linesAdded: 3, filesChanged: 4 },
        usageMissing: false,
        attributes: FIGURE_ATTRIBUTES,
      },
    },
    { kind: 'usage', at, data: USAGE },
  ]);
});
