import { describeTable } from '../postgres/describeTable.ts';
import type { Query } from '../postgres/sourceDatabase.ts';
import { infoText } from '../redis/infoFields.ts';
import { repliesOf, valueOrThrow } from '../redis/pipelineReplies.ts';
import type { RedisConnection } from '../redis/redisConnection.ts';
import { type ProbeReport, SourceError } from '../source.ts';
import type { StatusWords } from '../statusWords.ts';
import type { ArtifactDirectories } from './artifacts/artifactDirectories.ts';
import type { GittinkererConfig } from './config.ts';
import type { GittinkererRuns } from './gittinkererRuns.ts';
import { MetricsTable, mapRuns } from './gittinkererTables.ts';
import { compileKeyPatterns } from './redis/keyPattern.ts';
import { mapRateLimits } from './service/rateLimitAnswer.ts';
import { askService } from './service/serviceClient.ts';
import { mapHealth } from './service/serviceHealth.ts';

interface Parts {
  readonly config: GittinkererConfig;
  readonly runs: GittinkererRuns | undefined;
  readonly redis: RedisConnection | undefined;
  readonly directories: ArtifactDirectories | undefined;
  readonly words: StatusWords;
}

interface Report {
  readonly found: string[];
  readonly problems: string[];
}

const MANY_ROWS = 100_000;
const DOCUMENTED_TTL_SECONDS = 86_400;
const TTL_SAMPLE = 100;

export async function probeGittinkerer(parts: Parts, signal: AbortSignal): Promise<ProbeReport> {
  const report: Report = { found: [], problems: [] };
  const { runs, redis, directories, config } = parts;
  const work = [
    runs && (() => runs.database.read((query) => probeTables(query, parts, report), signal)),
    redis && (() => probeRedis(redis, config, report, signal)),
    directories && (() => probeArtifacts(directories, report)),
    config.service && (() => probeService(config, report, signal)),
  ];
  let reachable = false;
  for (const ask of work) {
    if (ask === undefined) continue;
    try {
      await ask();
      reachable = true;
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      report.problems.push(error.message);
    }
  }
  return { reachable, ...report };
}

async function probeTables(query: Query, { config, words }: Parts, report: Report): Promise<void> {
  const [version] = await query('show server_version');
  report.found.push(`PostgreSQL ${Object.values(version ?? {})[0]}`);
  const name = config.runs.table;
  const table = await describeTable(query, config.schema, name);
  if (table === undefined) report.problems.push(`there is no table ${name}; set schema or runs.table`);
  else {
    const { columns, missing } = mapRuns(table, config.runs.columns);
    const rows = table.estimatedRows < 0 ? 'never analysed' : `about ${table.estimatedRows} rows`;
    report.found.push(
      `${name}: ${[...columns].map(([meaning, column]) => (meaning === column.name ? meaning : `${meaning} = ${column.name}`)).join(', ')}; ${rows}`,
    );
    for (const column of missing) report.problems.push(`${name} has no readable column ${column}; see runs.columns`);
    for (const needed of ['run_id', 'status', 'created_at', 'finished_at'] as const) {
      if (!columns.has(needed) && config.runs.columns[needed] !== null)
        report.problems.push(
          `${name} has no readable column for ${needed}; name it in runs.columns, or null if there is none`,
        );
    }
    const statuses = columns.get('status');
    if (statuses !== undefined && table.estimatedRows < MANY_ROWS) {
      const used = await query(`select distinct "${statuses.name}"::text as word from ${table.sqlName} limit 50`);
      const unknown = used.flatMap(({ word }) =>
        word === null || word === undefined || words.knows(word) ? [] : [word],
      );
      if (unknown.length > 0)
        report.problems.push(`${name}: statuses ${unknown.join(', ')} are not known and are shown as unknown`);
    }
    if (table.estimatedRows > MANY_ROWS && columns.get('created_at')?.indexed === false) {
      report.problems.push(
        `no index on ${name}.created_at, so each poll reads the whole table; run: create index concurrently on ${table.sqlName} (created_at)`,
      );
    }
  }
  if (config.run_metrics !== null && (await MetricsTable.find(query, config)) === undefined) {
    report.problems.push(
      `${config.run_metrics.table} is not there or lacks a column of id, run_id, metric_name, metric_value, recorded_at; set run_metrics.table, or null to leave metrics out`,
    );
  }
  for (const key of ['paused_repos', 'paused_run_targets'] as const) {
    const mapping = config[key];
    if (mapping === null) continue;
    const paused = await describeTable(query, config.schema, mapping.table);
    if (paused === undefined) report.found.push(`no table ${mapping.table}: pauses are not shown`);
    else report.found.push(`${mapping.table}: ${[...paused.columns.keys()].join(', ')}`);
  }
}

async function probeRedis(
  redis: RedisConnection,
  config: GittinkererConfig,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  await redis.use(async (client) => {
    const info = await client.info();
    const keys = await client.dbsize();
    report.found.push(`Redis ${infoText(info, 'redis_version')}, ${keys} keys`);
    if (keys > config.scan_keys) {
      report.problems.push(
        `with ${keys} keys a round through them takes ${Math.ceil(keys / config.scan_keys)} polls, and windows of the limiter that are shorter are missed; raise scan_keys above ${config.scan_keys}, or give the service a Redis database of its own`,
      );
    }
    const patterns = compileKeyPatterns(config.rate_limits.keys);
    const runStatus: string[] = [];
    const limited = new Set<string>();
    let cursor = '0';
    for (let seen = 0; seen < config.scan_keys; seen += 1_000) {
      const [next, names] = await client.scan(cursor, 'COUNT', 1_000);
      for (const key of names) {
        if (key.startsWith(config.run_status_prefix)) runStatus.push(key);
        for (const { text, subjectOf } of patterns) if (subjectOf(key) !== undefined) limited.add(text);
      }
      cursor = next;
      if (next === '0') break;
    }
    report.found.push(`${runStatus.length} keys ${config.run_status_prefix}*`);
    for (const { text } of patterns) {
      if (limited.has(text)) report.found.push(`keys of the limiter: ${text}`);
      else
        report.found.push(
          `no key matches ${text}: nobody has asked for a while, or the limiter names its keys otherwise; see rate_limits.keys`,
        );
    }
    const pipeline = client.pipeline();
    for (const key of runStatus.slice(0, TTL_SAMPLE)) pipeline.ttl(key);
    const ttls = runStatus.length === 0 ? [] : (await repliesOf(pipeline)).map((ttl) => Number(valueOrThrow(ttl)));
    const forever = ttls.filter((ttl) => ttl === -1).length;
    if (forever > 0)
      report.problems.push(
        `${forever} of ${ttls.length} run statuses never expire; the service sets ${DOCUMENTED_TTL_SECONDS} s`,
      );
  }, signal);
}

async function probeArtifacts(directories: ArtifactDirectories, report: Report): Promise<void> {
  const artifacts = await directories.open();
  try {
    const newest = [...artifacts.names].sort().at(-1);
    report.found.push(
      `${directories.config.path}: ${artifacts.names.size} directories of runs${newest === undefined ? '' : `, the newest ${newest}`}`,
    );
    if (newest !== undefined) {
      const found = await artifacts.read(newest);
      const problems = found === undefined ? [] : 'refused' in found ? [found.refused] : found.problems;
      for (const problem of problems) report.problems.push(`${newest}/${problem}`);
      if (found !== undefined && !('refused' in found) && found.run?.run_id === undefined)
        report.problems.push(`${newest}/run.json names no run_id`);
    }
    const { deliveries } = directories.config;
    if (deliveries === null) return;
    const listed = await artifacts.root.list(deliveries, 100_000);
    if (listed === undefined)
      report.found.push(
        `no directory ${deliveries.join('/')}: deliveries of webhooks are not shown; see artifacts.deliveries`,
      );
    else report.found.push(`${deliveries.join('/')}: ${listed.names.length} files`);
  } finally {
    await artifacts.close();
  }
}

async function probeService(config: GittinkererConfig, report: Report, signal: AbortSignal): Promise<void> {
  const { service } = config;
  if (service === undefined) return;
  const health = await askService(service, service.health_path, signal);
  const at = new Date().toISOString();
  const records = mapHealth(health, service, new Set(), at);
  if (records === undefined) {
    report.problems.push(
      `${service.health_path}: found HTTP ${health.status} without a status, expected a health answer; see service.health_path`,
    );
  } else {
    const { up, rawStatus, version, components } = records[0]?.data ?? {};
    report.found.push(
      `service ${service.name}: ${String(rawStatus)}${version === undefined ? '' : `, version ${String(version)}`}, components ${Object.keys((components as object | undefined) ?? {}).join(', ') || 'none'}`,
    );
    if (up === false && health.status < 300)
      report.problems.push(
        `the service says ${String(rawStatus)}, which is not among service.healthy (${service.healthy.join(', ')})`,
      );
  }
  if (service.rate_limit_path === null) return;
  const limits = await askService(service, service.rate_limit_path, signal);
  if (mapRateLimits(limits, at) === undefined) {
    report.problems.push(
      `${service.rate_limit_path}: found HTTP ${limits.status} without limit and remaining; set service.rate_limit_path, or null to leave it out`,
    );
  } else report.found.push(`${service.rate_limit_path}: limits of requests`);
}
