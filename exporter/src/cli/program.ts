import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { auditCommand } from './audit.ts';
import { chainsCommand } from './chains.ts';
import { EXIT_CODES_HELP } from './cliError.ts';
import { configCommand } from './config.ts';
import { demoCommand } from './demo.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { ledgerCommand } from './ledger.ts';
import { reportCommand } from './report.ts';
import { runsCommand } from './runs.ts';
import { serveCommand } from './serve.ts';

/** All commands. Each loads what it needs when it runs: `--help` and completion stay quick. */
export function createProgram(): Command {
  const program = new Command('fleetlens')
    .description('Prometheus exporter for fleets of AI coding agents')
    .version(packageJson.version, '-V, --version')
    .showHelpAfterError('(add --help for the options and examples)')
    .addHelpText(
      'after',
      `\n${EXIT_CODES_HELP}\n\nFirst steps:\n  fleetlens demo            a simulated fleet, at once\n  fleetlens config check    is fleetlens.yaml right?\n  fleetlens serve           the exporter`,
    );
  const commands = [
    serveCommand(),
    demoCommand(),
    configCommand(),
    runsCommand(),
    chainsCommand(),
    reportCommand(),
    importCommand(),
    exportCommand(),
    auditCommand(),
    ledgerCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of allCommands(program)) {
    // Errors are thrown, so that main.ts decides about exit codes.
    command.exitOverride().copyInheritedSettings(program);
  }
  return program;
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
