import { Command } from 'commander';
import { EXIT_CODES_HELP } from './cliError.ts';

const CONFIG = [
  '-c, --config <file>',
  'configuration that names the ledger (default: fleetlens.yaml, if it exists)',
] as const;
const EMBEDDED =
  'The embedded database is used as it runs; if no exporter runs it, it is started for as long as the command takes.';

/** `fleetlens ledger verify|rebuild|backup|restore`. */
export function ledgerCommand(): Command {
  const verify = new Command('verify')
    .description('recompute every rollup from what the records counted, and print each difference')
    .option(...CONFIG)
    .addHelpText(
      'after',
      `
Exporters may go on meanwhile. ${EMBEDDED}
Exit codes: 0 no difference, 1 differences or failure, 2 wrong usage or configuration.

Example:
  fleetlens ledger verify --config /etc/fleetlens.yaml`,
    )
    .action(async (options: { config?: string }) => {
      const { verifyLedgerCommand } = await import('./ledgerVerify.ts');
      await verifyLedgerCommand(options);
    });
  const rebuild = new Command('rebuild')
    .description('set every rollup to what the records counted')
    .option(...CONFIG)
    .addHelpText(
      'after',
      `
Writers wait until it has ended, scrapes go on. A counter that was too high falls: Prometheus takes that for a restart.
${EMBEDDED}
Exit codes: 0 all is right now, 1 something could not be repaired, 2 wrong usage or configuration.

Example:
  fleetlens ledger verify || fleetlens ledger rebuild`,
    )
    .action(async (options: { config?: string }) => {
      const { rebuildLedgerCommand } = await import('./ledgerVerify.ts');
      await rebuildLedgerCommand(options);
    });
  const backup = new Command('backup')
    .description('write the whole ledger, as it is at one moment, into one file')
    .argument('<file>', 'the file; it gets mode 0600 and is there only once it is whole')
    .option(...CONFIG)
    .addHelpText(
      'after',
      `\nExporters may go on meanwhile. ${EMBEDDED}\n${EXIT_CODES_HELP}\n\nExample:\n  fleetlens ledger backup /backups/fleetlens-$(date +%F).tar`,
    )
    .action(async (file: string, options: { config?: string }) => {
      const { backupLedgerCommand } = await import('./ledgerBackup.ts');
      await backupLedgerCommand(file, options);
    });
  const restore = new Command('restore')
    .description('fill an empty ledger from a backup')
    .argument('<file>', 'a file that `ledger backup` wrote')
    .option(...CONFIG)
    .addHelpText(
      'after',
      `\nNo exporter may run on the ledger. After an error the ledger is as it was.\n${EXIT_CODES_HELP}\n\nExample:\n  fleetlens ledger restore /backups/fleetlens-2026-11-20.tar`,
    )
    .action(async (file: string, options: { config?: string }) => {
      const { restoreLedgerCommand } = await import('./ledgerBackup.ts');
      await restoreLedgerCommand(file, options);
    });
  return new Command('ledger')
    .description('verify, repair, save and restore the ledger')
    .addCommand(verify)
    .addCommand(rebuild)
    .addCommand(backup)
    .addCommand(restore);
}
