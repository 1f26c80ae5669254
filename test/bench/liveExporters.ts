import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { FINISHED_STATUSES } from '../../exporter/src/contract/status.ts';
import { onFreePort } from '../support/freePort.ts';
import { startServer } from '../support/serverProcess.ts';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';

/** An exporter that asks the database at each scrape. */
export interface LiveExporter {
  readonly name: string;
  /** Of its `/metrics`. */
  readonly url: string;
  /** What it calls the family. */
  readonly family: string;
  stop(): Promise<void>;
}

const LABELS = ['source', 'project', 'workflow', 'persona', 'status'];
const FAMILY = 'fleet_runs_finished_total';
const HELP = 'Runs that reached succeeded, failed, timed_out or cancelled.';
const COUNT_RUNS = `select ${LABELS.join(', ')}, count(*)::float8 as total from fleetlens.run
  where status in (${FINISHED_STATUSES.map((status) => `'${status}'`).join(', ')}) group by ${LABELS.join(', ')}`;

/**
 * Debian's prometheus-postgres-exporter, told to count the runs, with none of its own metrics. Not prometheus-sql-exporter: the
 * version that Debian has (0.4.5) runs its queries in the background and answers with what they gave last.
 */
export function startPostgresExporter(databaseUrl: string): Promise<LiveExporter> {
  return start('postgres-exporter', FAMILY, async (directory, port) => {
    const file = join(directory, 'queries.yml');
    const labels = LABELS.map((label) => ({ [label]: { usage: 'LABEL', description: label } }));
    const queries = {
      fleet_runs_finished: {
        query: COUNT_RUNS,
        metrics: [...labels, { total: { usage: 'COUNTER', description: HELP } }],
      },
    };
    await writeFile(file, stringify(queries));
    return {
      command: 'prometheus-postgres-exporter',
      args: [
        `--web.listen-address=127.0.0.1:${port}`,
        `--extend.query-path=${file}`,
        ...[
          '--disable-default-metrics',
          '--disable-settings-metrics',
          '--no-collector.database',
          '--no-collector.bgwriter',
        ],
      ],
      env: { ...process.env, DATA_SOURCE_NAME: `${databaseUrl}?sslmode=disable` },
    };
  });
}

async function start(
  name: string,
  family: string,
  configure: (
    directory: string,
    port: number,
  ) => Promise<{ command: string; args: readonly string[]; env: NodeJS.ProcessEnv }>,
): Promise<LiveExporter> {
  const directory = await temporaryDirectory(name);
  try {
    return await onFreePort(async (port) => {
      const url = `http://127.0.0.1:${port}/metrics`;
      const server = await startServer({
        ...(await configure(directory.path, port)),
        ready: async () => {
          const text = await (await fetch(url)).text();
          if (!text.includes(`\n${family}{`)) throw new Error(`its answer: ${text.slice(0, 1_000)}`);
          return true;
        },
        readyTimeoutMs: 15_000,
      });
      return {
        name,
        url,
        family,
        async stop() {
          await server.stop();
          await directory.remove();
        },
      };
    });
  } catch (error) {
    await directory.remove();
    throw error;
  }
}
