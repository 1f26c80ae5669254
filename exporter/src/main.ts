import { CommanderError } from 'commander';
import { CliError, EXIT_FAILURE, EXIT_USAGE } from './cli/cliError.ts';
import { createProgram } from './cli/program.ts';

/** A reader that has seen enough (`| head`) closes the pipe: that is an end, not a failure. */
const PIPE_CLOSED = 'EPIPE';

quietExperimentalSqlite();
// The write that fails says so to whoever waits for it; unheard, the event would end the process before it has cleaned up.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/** Says on stderr why the command ended. @returns the exit code. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) {
    // It has said so itself; --help and --version end this way too.
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  if (error instanceof Error && 'code' in error && error.code === PIPE_CLOSED) return 0;
  if (error instanceof CliError) {
    process.stderr.write(`fleetlens: ${error.message}\n`);
    return error.exitCode;
  }
  if (!(error instanceof Error)) {
    process.stderr.write(`fleetlens: ${String(error)}\n`);
    return EXIT_FAILURE;
  }
  // By its name rather than its class: the configuration is only loaded by the commands that read it.
  const isConfig = error.name === 'ConfigError';
  process.stderr.write(`fleetlens: ${error.message}\n${isConfig ? '' : causes(error)}`);
  if (process.env.FLEETLENS_DEBUG) process.stderr.write(`${error.stack}\n`);
  return isConfig ? EXIT_USAGE : EXIT_FAILURE;
}

function causes(error: Error): string {
  let text = '';
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if (!error.message.includes(cause.message)) text += `  caused by: ${cause.message}\n`;
  }
  return text;
}

/** Node warns once that node:sqlite is experimental: true, and nothing that the person at the terminal can act on. */
function quietExperimentalSqlite(): void {
  const printers = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name === 'ExperimentalWarning' && warning.message.includes('SQLite')) return;
    for (const print of printers) print(warning);
  });
}
