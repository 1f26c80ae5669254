import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import type { CoverageRow } from '../../exporter/src/sources/coverage.ts';
import { coverage } from '../../exporter/src/sources/gittinkerer/coverage.ts';
import { gittinkerer } from '../../exporter/src/sources/gittinkerer/gittinkerer.ts';
import { coverage as logCoverage } from '../../exporter/src/sources/pino-logs/coverage.ts';
import { pinoLogs } from '../../exporter/src/sources/pino-logs/pinoLogs.ts';
import { pollForTest } from '../../exporter/src/sources/pollForTest.ts';
import type { Source } from '../../exporter/src/sources/source.ts';
import { HEALTHY, startGittinkererService } from '../contract/gittinkerer/serviceServer.ts';
import { readShown, walkCoverage } from '../contract/walkCoverage.ts';
import { type LedgerBed, openLedger, rollupsOf, totalOf } from '../ledger/ledgerBed.ts';
import {
  artifactFiles,
  COMMENT_PAYLOAD,
  DIFF,
  gittinkererDatabase,
  writeArtifacts,
} from '../support/gittinkererDatabase.ts';
import { startRedis } from '../support/redis.ts';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';

const SILENT = pino({ level: 'silent' });

async function ledgerBed(): Promise<LedgerBed> {
  const bed = await openLedger();
  onTestFinished(() => bed[Symbol.asyncDispose]());
  return bed;
}

/** Of kinds that several documents give records of: which are this one's. */
const OWN: Readonly<Record<string, (doc: Record<string, unknown>) => boolean>> = {
  Redis: ({ store, eventId }) => store === 'redis' || /^(fastify-)?rate-limit/.test(String(eventId)),
  'GET /api/rate-limit': ({ eventId }) => eventId === 'api',
  'runs/github-deliveries': ({ eventId, errorId }) => /^(delivery:)?d\d$/.test(String(errorId ?? eventId)),
  run_metrics: ({ adapter }) => adapter === undefined || adapter === 'webhook_processed',
};

/** Each field finds its value in some record of its kind, and shows where the table says. */
async function walk(
  bed: LedgerBed,
  rows: readonly CoverageRow[],
  said: Readonly<Record<string, unknown>>,
): Promise<void> {
  const name = ({ document, field }: CoverageRow) => `${document}: ${field}`;
  expect(rows.map(name).sort()).toEqual(Object.keys(said).sort());
  walkCoverage(await readShown(bed), rows, {
    expected: (row) => said[name(row)],
    isFrom: ({ document }, record) => OWN[document]?.(record) ?? true,
  });
}

async function settle({ ledger }: LedgerBed): Promise<void> {
  while (await ledger.sweep()) {}
}

const RUN = '550e8400-e29b-41d4-a716-446655440000';
const DIRECTORY = '20260103T142626Z';
const FINISHED = '2026-01-03T14:26:50.476Z';
const RESET = '2026-01-07T14:33:00.000Z';

it('every field of GitTinkerer comes out of the ledger, each once, whatever is read again', async () => {
  const bed = await ledgerBed();
  const db = await gittinkererDatabase();
  onTestFinished(() => db.drop());
  const redis = await startRedis();
  const client = new Redis(redis.url);
  const service = await startGittinkererService();
  const artifacts = await temporaryDirectory('artifacts');
  onTestFinished(async () => {
    client.disconnect();
    await redis.stop();
    await service.stop();
    await artifacts.remove();
  });
  await db.execute('alter table runs add conversation_id text');
  await db.execute(
    `insert into runs values ($1, 'completed', 'pr', '2026-01-03T14:26:25Z', $2, $3, 'c-9'),
       ('bare', 'failed', 'web', '2026-01-03T15:00:00Z', '2026-01-03T15:00:10Z', null, null)`,
    [RUN, FINISHED, `/srv/artifacts/${DIRECTORY}/`],
  );
  const metrics = {
    duration_ms: 23_781,
    exit_code: 3,
    tokens_used: 1250,
    files_changed: 4,
    cost_usd: 0.0025,
    review_rounds: 3,
    webhook_processed: 6,
  };
  for (const [name, value] of Object.entries(metrics))
    await db.execute(
      'insert into run_metrics (run_id, metric_name, metric_value, recorded_at) values ($1, $2, $3, $4)',
      [RUN, name, value, FINISHED],
    );
  await db.execute(`insert into paused_repos values ('octo/cli', 'noisy', '2026-01-03T00:00:00Z')`);
  await db.execute(`insert into paused_run_targets (target, paused_by) values ('octo/docs#12', 'mona')`);
  const files = artifactFiles(RUN, DIRECTORY, { host: 'worker-3' });
  await writeArtifacts(artifacts.path, DIRECTORY, files);
  await writeArtifacts(artifacts.path, '20260102T000000Z', {
    'run.json': JSON.stringify({
      run_id: 'orphan',
      status: 'failed',
      started_at: '2026-01-02T00:00:01Z',
      finished_at: '2026-01-02T00:00:31Z',
      exit_code: 124,
    }),
  });
  await writeArtifacts(artifacts.path, '20260102T010000Z', {
    'run.json': JSON.stringify({ run_id: 'pulled', status: 'running', started_at: '2026-01-02T01:00:01Z' }),
    'payload.json': JSON.stringify({
      payload_source: 'github',
      web_conversation_id: 'conversation-5',
      pull_request: { number: 18, head: { ref: 'topic', sha: 'c0ffee1' }, base: { ref: 'main' } },
      repository: { full_name: 'octo/docs' },
    }),
  });
  const deliveries = join(artifacts.path, 'runs', 'github-deliveries');
  await mkdir(deliveries, { recursive: true });
  const delivery = { timestamp: '2026-01-03T14:26:25Z', repository: 'octo/cli' };
  await writeFile(
    join(deliveries, '1.json'),
    JSON.stringify({ ...delivery, delivery_id: 'd1', event: 'issue_comment', status: 429, duration_ms: 80 }),
  );
  await writeFile(
    join(deliveries, '2.json'),
    JSON.stringify({
      ...delivery,
      delivery_id: 'd2',
      event: 'pull_request',
      status: 500,
      error: 'boom',
      run_id: RUN,
      request_id: 'q-7',
      redelivery: true,
    }),
  );
  await writeFile(join(deliveries, '3.json'), JSON.stringify({ ...delivery, delivery_id: 'd3', status: 'processed' }));
  const [database, cache] = [
    { up: true, latencySeconds: 0.003 },
    { up: true, latencySeconds: 0.0015 },
  ];
  await client.config('SET', 'maxmemory', '512mb');
  await client.setex('run-status:a', 86_400, '{}');
  await client.set('rate-limit:octo/cli', 9, 'PX', 3_600_000);
  await client.set('fastify-rate-limit-10.0.0.7', 3, 'EX', 3_600);
  const config = {
    database_url: db.connectionString,
    redis_url: redis.url,
    artifacts: { path: artifacts.path },
    service: { url: service.url, interval: '1ms' },
  };
  const open = (): Source => {
    const source = gittinkerer.create('gittinkerer', gittinkerer.configSchema.parse(config), SILENT);
    onTestFinished(() => source.close());
    return source;
  };
  const source = open();
  const broken = { status: 'down', error: 'ECONNREFUSED' };
  service.answer('/health', { json: { ...HEALTHY, status: 'degraded', components: { redis: broken } } });
  await pollForTest(source, bed.ledger);
  service.answer('/health', { json: HEALTHY });
  await client.get('run-status:a');
  await client.get('run-status:b');
  // The service has no evictions in this test: its counter must be there all the same.
  await client.config('SET', 'maxmemory', '1mb', 'maxmemory-policy', 'allkeys-random');
  await client.set('filling', 'x'.repeat(1_000)).catch(() => undefined);
  await client.config('SET', 'maxmemory', '512mb', 'maxmemory-policy', 'noeviction');
  await client.setex('run-status:a', 86_400, '{}');
  await client.set('rate-limit:octo/cli', 9, 'PX', 3_600_000);
  await client.set('fastify-rate-limit-10.0.0.7', 3, 'EX', 3_600);
  await pollForTest(source, bed.ledger);
  await settle(bed);
  expect(await bed.query('select reason, payload from fleetlens.dead_letter')).toEqual([]);
  const { issue, comment } = COMMENT_PAYLOAD;
  await walk(bed, coverage, {
    'runs: run_id': RUN,
    'runs: status': 'succeeded',
    'runs: status, as written': 'completed',
    'runs: source': 'pr',
    'runs: source, as written': 'web',
    'runs: created_at': '2026-01-03T14:26:25.000Z',
    'runs: finished_at': FINISHED,
    'runs: artifacts_dir': `/srv/artifacts/${DIRECTORY}/`,
    'runs: any other column': 'c-9',
    'run_metrics: duration_ms': 23_781,
    'run_metrics: duration_ms, of the completion': 23.781,
    'run_metrics: exit_code': 3,
    'run_metrics: tokens_used': 1250,
    'run_metrics: tokens_used, of the run': 1250,
    'run_metrics: files_changed': 4,
    'run_metrics: cost_usd': 0.0025,
    'run_metrics: cost_usd, of the run': 0.0025,
    'run_metrics: any other name': 3,
    'run_metrics: recorded_at': FINISHED,
    'run_metrics: webhook_processed': 6,
    'run_metrics: neither tokens_used nor cost_usd': true,
    'run.json: run_id, without a row': 'orphan',
    'run.json: status': 'succeeded',
    'run.json: timestamp': DIRECTORY,
    'run.json: payload_path': '/srv/artifacts/payload.json',
    'run.json: artifacts_dir': `/srv/artifacts/${DIRECTORY}/`,
    'run.json: started_at': '2026-01-03T14:26:26.695Z',
    'run.json: finished_at, without a row': '2026-01-02T00:00:31.000Z',
    'run.json: exit_code, without a metric': 'exit code 124',
    'run.json: any other field': 'worker-3',
    'payload.json: repository.full_name': 'octo/cli',
    'payload.json: issue.title': issue.title,
    'payload.json: issue.number': 17,
    'payload.json: issue.pull_request.html_url': issue.pull_request.html_url,
    'payload.json: event, by its shape': 'handleIssueComment',
    'payload.json: comment.html_url': comment.html_url,
    'payload.json: comment.body': comment.body,
    'payload.json: action': 'created',
    'payload.json: sender.login': 'hubot',
    'payload.json: issue.user.login': 'mona',
    'payload.json: installation.id': 4242,
    'payload.json: payload_source': 'github',
    'payload.json: web_conversation_id': 'conversation-5',
    'payload.json: pull_request.number': 18,
    'payload.json: pull_request.head.ref': 'topic',
    'payload.json: pull_request.head.sha': 'c0ffee1',
    'payload.json: pull_request.base.ref': 'main',
    'artifacts: the files of a run': Object.entries(files)
      .map(([name, content]) => ({ name, path: `${DIRECTORY}/${name}`, bytes: content.length }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    'artifacts: a directory that is missing': [],
    'artifacts: a file that is missing': ['payload.json'],
    'artifacts: the directory': DIRECTORY,
    'artifacts: agent-run/prompt.txt': 'Rename --dry to --dry-run.\nKeep the old name.',
    'artifacts: agent-run/prompt.txt, its beginning': 'Rename --dry to --dry-run.\nKeep the old name.',
    'artifacts: agent-run/diff.patch': DIFF,
    'artifacts: agent-run/diff.patch, added': 3,
    'artifacts: agent-run/diff.patch, removed': 1,
    'artifacts: agent-run/diff.patch, calculate_diff_loc': 2,
    'artifacts: agent-run/files_changed.json': ['src/flags.ts', 'docs/README.md'],
    'artifacts: agent-run/pr_comment.txt': 'Done: renamed the flag.',
    'artifacts: agent-run/summary.md': '# Summary\nOne flag was renamed.',
    'artifacts: agent-run/commit_sha.txt': '9fceb02d0ae598e95dc970b74767f19372d61af8',
    'runs/github-deliveries: delivery id': 'd1',
    'runs/github-deliveries: status': 'server',
    'runs/github-deliveries: repository': 'octo/cli',
    'runs/github-deliveries: event': 'issue_comment',
    'runs/github-deliveries: duration_ms': 0.08,
    'runs/github-deliveries: status 429': true,
    'runs/github-deliveries: status 429, of a repository': 'repo',
    'runs/github-deliveries: error': 'boom',
    'runs/github-deliveries: the delivery of an error': 'delivery:d2',
    'runs/github-deliveries: event of an error': 'handlePullRequest',
    'runs/github-deliveries: repository of an error': 'octo/cli',
    'runs/github-deliveries: run_id of an error': RUN,
    'runs/github-deliveries: request_id of an error': 'q-7',
    'runs/github-deliveries: delivery id of an error': 'd2',
    'runs/github-deliveries: an error, its level': 'error',
    'runs/github-deliveries: error, of the call': 'boom',
    'runs/github-deliveries: one file or line': 1,
    'runs/github-deliveries: status, as written': 500,
    'runs/github-deliveries: status, in words': 'processed',
    'runs/github-deliveries: redelivery': true,
    'runs/github-deliveries: the file': '2.json',
    'runs/github-deliveries: run_id': RUN,
    'runs/github-deliveries: request_id': 'q-7',
    'runs/github-deliveries: repository of status 429': 'octo/cli',
    'runs/github-deliveries: event of status 429': 'issue_comment',
    'paused_repos, paused_run_targets: a repository': true,
    'paused_repos, paused_run_targets: its columns': {
      repo: 'octo/cli',
      reason: 'noisy',
      pausedAt: '2026-01-03T00:00:00.000000Z',
    },
    'paused_repos, paused_run_targets: a run target': [{ id: 1, target: 'octo/docs#12', pausedBy: 'mona' }],
    'Redis: PING': true,
    'Redis: PING, how long': expect.any(Number),
    'Redis: INFO keyspace_hits': 1,
    'Redis: INFO keyspace_misses': 1,
    'Redis: INFO evicted_keys': expect.any(Number),
    'Redis: INFO used_memory': expect.any(Number),
    'Redis: INFO maxmemory': 512 * 2 ** 20,
    'Redis: INFO maxmemory_policy': 'noeviction',
    'Redis: INFO redis_version': expect.stringMatching(/^\d+\.\d+/),
    'Redis: INFO expired_keys': 0,
    'Redis: INFO connected_clients': expect.any(Number),
    'Redis: INFO uptime_in_seconds': expect.any(Number),
    'Redis: INFO run_id': expect.stringMatching(/^[0-9a-f]{40}$/),
    'Redis: keys run-status:*': 1,
    'Redis: keys of the limiter: repository': 'octo/cli',
    'Redis: keys of the limiter: count over the limit': 4,
    'Redis: keys of the limiter: time to live': expect.stringMatching(/Z$/),
    'Redis: keys of the limiter: address': '10.0.0.7',
    'GET /health: the service': 'gittinkerer',
    'GET /health: how long it takes': expect.any(Number),
    'GET /health: components.redis.error': 'redis: ECONNREFUSED',
    'GET /health: status': true,
    'GET /health: status, as written': 'ok',
    'GET /health: timestamp': HEALTHY.timestamp,
    'GET /health: uptime': 86_400.5,
    'GET /health: version': '1.4.2',
    'GET /health: components': { database: { ...database, rawStatus: 'up' }, redis: { ...cache, rawStatus: 'up' } },
    'GET /api/rate-limit: limit': 5,
    'GET /api/rate-limit: remaining': 3,
    'GET /api/rate-limit: resetAt': RESET,
  });
  expect(await totalOf(bed, 'fleetlens_corrections_total')).toBe(0);
  expect(await totalOf(bed, 'fleet_runs_created_total')).toBe(4);
  expect(await totalOf(bed, 'fleet_runs_finished_total')).toBe(3);
  expect(await totalOf(bed, 'fleet_run_artifacts_missing_total')).toBe(1);
  expect(await totalOf(bed, 'fleet_run_usage_missing_total')).toBe(2);
  expect(await totalOf(bed, 'fleet_adapter_requests_total')).toBe(6 + 3);
  expect(await totalOf(bed, 'fleet_cost_usd_total')).toBeCloseTo(0.0025, 9);
  // A new process that reads everything from the beginning counts nothing twice; keys over their limit are told by the cursor.
  const counters = async () =>
    Object.fromEntries(
      Object.entries(await rollupsOf(bed)).filter(([name]) => !/^fleet_(store|cache|service|rate_limited)/.test(name)),
    );
  const before = await counters();
  await bed.query('update fleetlens.source_state set cursor = null');
  await pollForTest(open(), bed.ledger);
  await settle(bed);
  expect(await counters()).toEqual(before);
});

it('every line of its logs that says something comes out of the ledger, once', async () => {
  const bed = await ledgerBed();
  const logs = await temporaryDirectory('logs');
  onTestFinished(() => logs.remove());
  const time = '2026-01-07T14:32:15.000Z';
  const stack = 'Error: boom\n    at handleIssueComment (/app/usecases/github/handleIssueComment.ts:9:1)';
  const path = join(logs.path, 'prod.log');
  const requestId = '550e8400-e29b-41d4-a716-446655440000';
  const first = [
    JSON.stringify({ level: 30, time, msg: '[cache] Cache miss for run-status:x' }),
    JSON.stringify({
      ...{
        level: 50,
        time,
        requestId,
        run_id: RUN,
        repo: 'octo/cli',
        url: '/webhook',
        method: 'POST',
        statusCode: 500,
        attempt: 2,
      },
      ...{ name: 'gittinkerer', pid: 7, hostname: 'worker-3' },
      ...{ req: { remoteAddress: '10.0.0.7' }, err: { type: 'Error', message: 'boom', stack } },
    }),
    '[rate-limit] IP 192.168.1.1 limit check: 4/5 remaining',
    '[rate-limit] Repo owner/repo limit exceeded: 0/5 remaining',
    '[redis] Connection failed: ECONNREFUSED',
    '[db] Running migration: 001_create_runs_table.sql',
    '[db] Migration completed in 234ms',
  ];
  await writeFile(path, `${first.join('\n')}\n`);
  const open = () => pinoLogs.create('logs', pinoLogs.configSchema.parse({ path }), SILENT);
  const source = open();
  await pollForTest(source, bed.ledger);
  const then = [
    '[cache] Cache hit for run-status:x',
    '[cache] Cache miss for run-status:y',
    '[cache] Evicting stale entries: 3 keys',
  ];
  await writeFile(
    path,
    `${[...first, JSON.stringify({ level: 30, time: '2026-01-07T14:33:00.000Z', msg: 'later' }), ...then].join('\n')}\n`,
  );
  await pollForTest(source, bed.ledger);
  await settle(bed);
  expect(await bed.query('select reason from fleetlens.dead_letter')).toEqual([]);
  await walk(bed, logCoverage, {
    'logs: level error': 'error',
    'logs: err.message': 'Error: boom',
    'logs: err.stack: the handler': 'handleIssueComment',
    'logs: err.stack': stack,
    'logs: time': time,
    'logs: requestId': requestId,
    'logs: run_id': RUN,
    'logs: repo': 'octo/cli',
    'logs: url': '/webhook',
    'logs: method': 'POST',
    'logs: statusCode': 500,
    'logs: req.remoteAddress': '10.0.0.7',
    'logs: err, its shape': expect.stringMatching(/^[0-9a-f]{16}$/),
    'logs: name': 'gittinkerer',
    'logs: pid': 7,
    'logs: hostname': 'worker-3',
    'logs: time of a [rate-limit] line': time,
    'logs: [rate-limit], two in one moment': expect.stringMatching(/^[0-9a-f]{16}:\d+$/),
    'logs: any other field': 2,
    'logs: [rate-limit] Repo … limit exceeded': true,
    'logs: [rate-limit] Repo …': 'owner/repo',
    'logs: [rate-limit] IP …': '192.168.1.1',
    'logs: [rate-limit] 4/… remaining': 4,
    'logs: [rate-limit] …/5 remaining': 5,
    'logs: [redis] Connection failed': 'connection',
    'logs: [redis] ECONNREFUSED': 'Connection failed: ECONNREFUSED',
    'logs: [cache] Cache hit': 1,
    'logs: [cache] Cache miss': 2,
    'logs: [cache] Evicting stale entries': 3,
    'logs: [db] Running migration': '001_create_runs_table.sql',
    'logs: [db] Migration completed': 0.234,
  });
  expect(await totalOf(bed, 'fleet_errors_total')).toBe(2);
  expect(await totalOf(bed, 'fleet_store_errors_total')).toBe(1);
  expect(await totalOf(bed, 'fleet_rate_limited_total')).toBe(1);
  expect(await totalOf(bed, 'fleet_cache_evictions_total')).toBe(3);
  expect(await totalOf(bed, 'fleetlens_corrections_total')).toBe(0);
});
