/**
 * For the tests: an exporter's process reduced to its embedded Postgres, so that it can be killed or run under another account.
 * Prints one line of JSON once it runs, `{"error"}` when it was refused; SIGTERM stops it.
 *
 * usage: node holdEmbeddedPostgres.ts '{"dataDir": "…", "installed"?: {…}, "stateDir"?: "…"}'
 */
import pino from 'pino';
import { z } from 'zod';
import { startEmbeddedPostgres } from './startEmbeddedPostgres.ts';

const options = z
  .object({
    dataDir: z.string(),
    stateDir: z.string().optional(),
    installed: z.object({ directory: z.string(), release: z.string() }).optional(),
  })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

const log = pino({ level: 'debug' }, pino.destination({ dest: 2, sync: true }));
try {
  const server = await startEmbeddedPostgres({
    dataDir: options.dataDir,
    log,
    ...(options.stateDir !== undefined && { stateDir: options.stateDir }),
    ...(options.installed !== undefined && { installed: options.installed }),
  });
  process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
  process.stdout.write(
    `${JSON.stringify({ connectionString: server.connectionString, version: server.version, adopted: server.adopted })}\n`,
  );
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`);
  process.exitCode = 1;
}
