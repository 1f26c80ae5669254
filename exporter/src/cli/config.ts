import { Command } from 'commander';

/** `fleetlens config check`. */
export function configCommand(): Command {
  const check = new Command('check')
    .description('check the configuration file, and with --probe also what it names')
    .option('-c, --config <file>', 'configuration file (default: fleetlens.yaml, if it exists)')
    .option(
      '--probe',
      'ask the database and every source: what can be reached, which schema was found, what is missing',
    )
    .option('--print', 'print the configuration in force, defaults included and secrets hidden, as YAML')
    .addHelpText(
      'after',
      `
Exit codes: 0 all is well, 1 problems were found, 2 wrong usage.

Examples:
  fleetlens config check
  fleetlens config check --config /etc/fleetlens.yaml --probe
  fleetlens config check --print > effective.yaml`,
    )
    .action(async (options: { config?: string; probe?: true; print?: true }) => {
      const { checkConfigCommand } = await import('./configCheck.ts');
      await checkConfigCommand(options);
    });
  return new Command('config').description('check the configuration').addCommand(check);
}
