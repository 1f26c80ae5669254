import { Command } from 'commander';
import { EXIT_CODES_HELP } from './cliError.ts';

/** `fleetlens import`. */
export function importCommand(): Command {
  return new Command('import')
    .description('record history of any age: events as NDJSON, as `export` and pushing platforms write them')
    .argument('<file>', 'file of events, one a line, gzip or not; - for standard input')
    .option('-c, --config <file>', 'configuration that names the ledger (default: fleetlens.yaml, if it exists)')
    .option('--force', 'import into sources that are live already; read below what that does to their counters')
    .option('--skip-invalid', 'leave out lines that are no valid events, instead of importing nothing')
    .addHelpText(
      'after',
      `
Pushed events may be as old as the ledger remembers ids (35 days); import takes older ones too. It merges field by field, the
later time wins, and each fact is counted once: importing again, or after an interruption, changes nothing that is there.

A source that is new stays hidden from /metrics until the import has ended; then its counters appear with what they have
counted, and increase() sees none of it. The counters of a source that is live cannot do that: they would rise at once by
what the history counts, and rules and dashboards would take that for something that happens now. So a live source is
refused. Import its history before its first event, or under another source name; or, where a jump does no harm, with --force.
The history itself goes to Prometheus with \`fleetlens export --format openmetrics\`.

A file is checked whole before anything is recorded; standard input is recorded as it comes. Exporters may go on meanwhile.
${EXIT_CODES_HELP}

Examples:
  fleetlens import history.ndjson.gz
  zcat events-*.ndjson.gz | fleetlens import -
  fleetlens export --format ndjson -o - | fleetlens import - --config other.yaml`,
    )
    .action(async (file: string, options: { config?: string; force?: true; skipInvalid?: true }) => {
      const { importFileCommand } = await import('./importFile.ts');
      await importFileCommand(file, options);
    });
}
