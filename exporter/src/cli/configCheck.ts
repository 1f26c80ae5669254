import type { GrafanaConfig } from '../config/grafanaSchema.ts';
import { type Config, ConfigError, describeConfig, loadConfig } from '../config.ts';
import { GrafanaUnavailable } from '../http/identity/askGrafana.ts';
import { fetchKeys, keysUrlOf } from '../http/identity/grafanaKeys.ts';
import { fetchTeams } from '../http/identity/grafanaTeams.ts';
import { redactText } from '../normalise/redactSecrets.ts';
import { createSource, sourceSchemas } from '../sources/createSource.ts';
import type { ProbeReport } from '../sources/source.ts';
import { createLogger } from '../telemetry/logger.ts';
import { CliError } from './cliError.ts';
import { printable } from './printable.ts';
import { printLine } from './printOutput.ts';
import { paint } from './statusColour.ts';

interface Probe {
  readonly name: string;
  readonly type: string;
  run(signal: AbortSignal): Promise<ProbeReport>;
  readonly timeoutMs: number;
}

const LEDGER_TIMEOUT_MS = 10_000;

export async function checkConfigCommand(options: { config?: string; probe?: true; print?: true }): Promise<void> {
  const config = await load(options.config);
  const { sources, tokens, file } = config;
  if (options.print) {
    const { stringify } = await import('yaml');
    await printLine(stringify(describeConfig(config)).trimEnd());
  } else {
    await printLine(
      `${paint('green', '✓')} ${file ?? 'no file, all defaults'}: ${sources.length} sources, ${tokens.length} tokens, ledger ${
        config.ledger.database_url === undefined
          ? `embedded in ${config.ledger.data_dir}`
          : 'in the configured Postgres'
      }`,
    );
  }
  if (!options.probe) return;
  const reports = await Promise.all([...probesOf(config)].map(async (probe) => ({ probe, report: await ask(probe) })));
  for (const { probe, report } of reports) await printReport(probe, report);
  const bad = reports.filter(({ report }) => !report.reachable || report.problems.length > 0);
  if (bad.length > 0) {
    throw new CliError(
      `${bad.length} of ${reports.length} have problems: ${bad.map(({ probe }) => probe.name).join(', ')}`,
    );
  }
}

async function load(file: string | undefined): Promise<Config> {
  try {
    return await loadConfig(file, { sourceSchemas });
  } catch (error) {
    // Here a wrong file is what was looked for, not wrong usage.
    if (error instanceof ConfigError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}

function* probesOf(config: Config): Generator<Probe> {
  const { database_url: databaseUrl } = config.ledger;
  if (databaseUrl !== undefined) {
    yield {
      name: 'ledger',
      type: 'postgres',
      timeoutMs: LEDGER_TIMEOUT_MS,
      run: () => probeLedger(databaseUrl),
    };
  }
  const { grafana } = config;
  if (grafana !== undefined) {
    yield { name: 'grafana', type: 'identity', timeoutMs: LEDGER_TIMEOUT_MS, run: () => probeGrafana(grafana) };
  }
  const log = createLogger({ level: 'silent' });
  for (const entry of config.sources) {
    yield {
      name: entry.name,
      type: entry.type,
      timeoutMs: entry.timeout,
      async run(signal) {
        const source = createSource(entry, log);
        try {
          return await source.probe(signal);
        } finally {
          await source.close();
        }
      },
    };
  }
}

async function probeGrafana(grafana: GrafanaConfig): Promise<ProbeReport> {
  const { ids } = await fetchKeys(grafana);
  const found = [`${ids.size} signing ${ids.size === 1 ? 'key' : 'keys'} at ${keysUrlOf(grafana)}`];
  if (grafana.teams.length === 0) return { reachable: true, found, problems: [] };
  try {
    const teams = await fetchTeams(grafana);
    const counts = [...teams].map(([name, logins]) => `team ${name}: ${logins.size} members`);
    return { reachable: true, found: [...found, ...counts], problems: [] };
  } catch (error) {
    if (!(error instanceof GrafanaUnavailable)) throw error;
    return { reachable: true, found, problems: [error.message] };
  }
}

async function probeLedger(connectionString: string): Promise<ProbeReport> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: LEDGER_TIMEOUT_MS });
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query<{
      version: string;
      number: string;
      create: boolean;
      migrations: string | null;
    }>(
      `select current_setting('server_version') as version, current_setting('server_version_num') as number,
        has_database_privilege(current_database(), 'create') as create, to_regclass('fleetlens.migration')::text as migrations`,
    );
    const [server] = rows;
    const problems: string[] = [];
    if (Number(server?.number) < 150_000)
      problems.push('expected Postgres 15 or newer; upgrade the server or use another');
    if (server?.migrations === null && !server.create) {
      problems.push(
        'the role may not create the schema fleetlens; grant create on the database, or create the schema for it',
      );
    }
    return {
      reachable: true,
      found: [`Postgres ${server?.version}`, server?.migrations === null ? 'no ledger yet' : 'a ledger'],
      problems,
    };
  } finally {
    await client.end();
  }
}

async function ask(probe: Probe): Promise<ProbeReport> {
  try {
    return await probe.run(AbortSignal.timeout(probe.timeoutMs));
  } catch (error) {
    // A probe that fails is what is to be found out: it is reported, and the command ends with 1.
    const message = error instanceof Error ? error.message : String(error);
    return { reachable: false, found: [], problems: [redactText(message)] };
  }
}

async function printReport({ name, type }: Probe, { reachable, found, problems }: ProbeReport): Promise<void> {
  const well = reachable && problems.length === 0;
  const mark = well ? paint('green', '✓') : paint('red', '✗');
  await printLine(`${mark} ${paint('bold', name)} (${type}): ${reachable ? 'reached' : 'not reached'}`);
  for (const line of found) await printLine(`    ${printable(line)}`);
  for (const line of problems) await printLine(`    ${paint('red', 'problem:')} ${printable(line)}`);
}
