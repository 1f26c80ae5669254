import { describeTable } from '../postgres/describeTable.ts';
import type { Query } from '../postgres/sourceDatabase.ts';
import { type ProbeReport, SourceError } from '../source.ts';
import type { ArqQueues } from './arq/arqQueues.ts';
import type { WorkflowLedgerConfig } from './config.ts';
import type { LedgerRuns } from './ledgerRuns.ts';
import { mapTable } from './ledgerTables.ts';

interface Report {
  readonly found: string[];
  readonly problems: string[];
}

const MANY_ROWS = 100_000;
const RESULT_LIFETIME_SECONDS = 3_600;

export async function probeWorkflowLedger(
  config: WorkflowLedgerConfig,
  runs: LedgerRuns | undefined,
  queues: ArqQueues | undefined,
  signal: AbortSignal,
): Promise<ProbeReport> {
  const report: Report = { found: [], problems: [] };
  const answers = [
    runs !== undefined &&
      (await answered(
        report,
        runs.database.read((query) => probeTables(query, config, runs, report), signal),
      )),
    queues !== undefined && (await answered(report, probeQueues(config, queues, report, signal))),
  ];
  return { reachable: answers.includes(true), ...report };
}

async function answered(report: Report, work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    report.problems.push(error.message);
    return false;
  }
}

async function probeTables(
  query: Query,
  config: WorkflowLedgerConfig,
  { words }: LedgerRuns,
  report: Report,
): Promise<void> {
  const [version] = await query('show server_version');
  report.found.push(`PostgreSQL ${Object.values(version ?? {})[0]}`);
  const tables = {
    workflow_runs: config.workflow_runs,
    task_runs: config.task_runs,
    approval_requests: config.approval_requests,
  };
  for (const [key, mapping] of Object.entries(tables)) {
    if (mapping === null) continue;
    const mapped = await mapTable(query, config.schema, mapping);
    if (mapped === undefined) {
      report.problems.push(
        `there is no table ${mapping.table}; set schema or ${key}.table${key === 'workflow_runs' ? '' : `, or ${key}: null`}`,
      );
      continue;
    }
    const { table, columns, missing } = mapped;
    const rows = table.estimatedRows < 0 ? 'never analysed' : `about ${table.estimatedRows} rows`;
    report.found.push(`${mapping.table}: ${columns.size} of ${columns.size + missing.length} mapped columns, ${rows}`);
    for (const name of missing) {
      const unreadable = table.columns.has(name);
      report.problems.push(
        unreadable
          ? `no right to read ${mapping.table}.${name}; run: grant select on ${table.sqlName} to <this user>`
          : `${mapping.table} has no column ${name}; name the right one in ${key}.columns, or null if there is none`,
      );
    }
    const unknown = (columns.get('status')?.words ?? []).filter((word) => !words.knows(word));
    if (unknown.length > 0)
      report.problems.push(`${mapping.table}: statuses ${unknown.join(', ')} are not known and are shown as unknown`);
    for (const name of key === 'workflow_runs' ? ['created_at'] : ['workflow_run_id']) {
      if (table.estimatedRows > MANY_ROWS && columns.get(name)?.indexed === false) {
        report.problems.push(
          `no index on ${mapping.table}.${columns.get(name)?.name}, so each poll reads the whole table; run: create index concurrently on ${table.sqlName} ("${columns.get(name)?.name}")`,
        );
      }
    }
  }
  const revision = await describeTable(query, config.schema, 'alembic_version');
  if (revision?.columns.get('version_num')?.readable) {
    const rows = await query(`select version_num from ${revision.sqlName}`);
    report.found.push(`schema revision ${rows.map((row) => row.version_num).join(', ')}`);
  }
}

async function probeQueues(
  config: WorkflowLedgerConfig,
  queues: ArqQueues,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  await queues.redis.use(async (redis) => {
    const info = await redis.info('server');
    report.found.push(`Redis ${/^redis_version:(\S+)/m.exec(info)?.[1] ?? 'of an unknown version'}`);
    for (const queue of config.queues) {
      const type = await redis.type(queue);
      const health = await redis.exists(`${queue}:health-check`);
      if (type === 'zset') report.found.push(`queue ${queue}: ${await redis.zcard(queue)} jobs`);
      else if (type !== 'none')
        report.problems.push(`${queue} is a ${type}, not the sorted set of an arq queue; check queues`);
      // Redis drops an empty sorted set: only a worker's health key tells an idle queue from a wrong name.
      else if (health === 1) report.found.push(`queue ${queue}: empty`);
      else
        report.problems.push(
          `there is neither a queue ${queue} nor a worker of it; check queues (queue_name of the workers), or it is idle`,
        );
    }
    const keys = await redis.dbsize();
    const roundSeconds = (keys / config.scan_keys) * 15;
    report.found.push(`${keys} keys`);
    if (config.jobs_from === 'results' && roundSeconds > RESULT_LIFETIME_SECONDS / 2) {
      report.problems.push(
        `with ${keys} keys, results are found only within ${Math.ceil(roundSeconds / 60)} min at a poll_interval of 15 s, and arq keeps them for an hour by default; raise scan_keys above ${config.scan_keys}`,
      );
    }
  }, signal);
}
