import { Command } from 'commander';
import { type ApiOptions, withApiOptions } from './apiOptions.ts';
import { EXIT_CODES_HELP } from './cliError.ts';
import { collect, instantOption } from './optionValues.ts';

export interface AuditExportOptions extends ApiOptions {
  readonly since?: string;
  readonly until?: string;
  readonly source?: readonly string[];
  readonly project?: readonly string[];
  readonly after?: string;
  readonly cursorFile?: string;
}

/** `fleetlens audit export`. */
export function auditCommand(): Command {
  const exporting = withApiOptions(new Command('export'))
    .description('write audit events as NDJSON, in the order in which the ledger took them')
    .option('--since <time>', 'that happened at this time or later (RFC 3339, or a day)', instantOption)
    .option('--until <time>', 'that happened before this time', instantOption)
    .option('--source <source>', 'only of this source; repeatable', collect)
    .option('--project-id, --project <project>', 'only of this project; repeatable', collect)
    .option('--after <cursor>', 'only what came after this cursor')
    .option(
      '--cursor-file <file>',
      'begin after the cursor in this file, and leave the new one there: what is exported once is not exported again, and what arrives late is not missed',
    )
    .addHelpText(
      'after',
      `
It needs a token of role admin. Without --cursor-file the last cursor is printed on standard error. The file is written after standard output has taken all:
after an interruption events may come twice, never not at all.
${EXIT_CODES_HELP}

Examples:
  fleetlens audit export --since 2026-11-01 > audit.ndjson
  fleetlens audit export --cursor-file /var/lib/fleetlens/audit.cursor >> /var/log/fleetlens-audit.ndjson`,
    )
    .action(async (options: AuditExportOptions) => {
      const { exportAuditCommand } = await import('./auditExport.ts');
      await exportAuditCommand(options);
    });
  return new Command('audit').description('the audit log').addCommand(exporting);
}
