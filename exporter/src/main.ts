import { CommanderError } from 'commander';
import { CliError, EXIT_FAILURE, EXIT_USAGE } from './cli/cliError.ts';
import { createProgram } from './cli/program.ts';

// A reader that has seen enough (`| head`) closes the pipe: that is an end, not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

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
  if (error instanceof CliError) {
    process.stderr.write(`fleetlens: ${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof Error) {
    process.stderr.write(`fleetlens: ${error.message}\n${causes(error)}`);
    if (process.env.FLEETLENS_DEBUG) process.stderr.write(`${error.stack}\n`);
    // Its name rather than its class: the configuration is only loaded by the commands that read it.
    return error.name === 'ConfigError' ? EXIT_USAGE : EXIT_FAILURE;
  }
  process.stderr.write(`fleetlens: ${String(error)}\n`);
  return EXIT_FAILURE;
}

function causes(error: Error): string {
  let text = '';
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if (!error.message.includes(cause.message)) text += `  caused by: ${cause.message}\n`;
  }
  return text;
}
