import { Command, InvalidArgumentError, Option } from 'commander';
import { isKind, KINDS, type Kind } from '../contract/records.ts';
import { EXIT_CODES_HELP } from './cliError.ts';
import { durationOption, instantOption } from './optionValues.ts';

export interface ExportOptions {
  readonly config?: string;
  readonly format: 'ndjson' | 'openmetrics';
  readonly since?: string;
  readonly until?: string;
  readonly output: string;
  readonly kind?: readonly Kind[];
  /** Milliseconds. */
  readonly step: number;
  readonly label?: Readonly<Record<string, string>>;
  readonly dense?: true;
}

function collectKind(value: string, earlier: readonly Kind[] = []): Kind[] {
  const kinds = value.split(',').map((word) => {
    if (!isKind(word)) throw new InvalidArgumentError(`Found ${word}, expected one of ${KINDS.join(', ')}.`);
    return word;
  });
  return [...earlier, ...kinds];
}

function collectLabel(value: string, earlier: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, text] = /^([a-zA-Z_][a-zA-Z0-9_]*)=(.*)$/s.exec(value) ?? [];
  if (name === undefined || text === undefined)
    throw new InvalidArgumentError('Expected <name>=<value>, such as job=fleetlens.');
  return { ...earlier, [name]: text };
}

/** `fleetlens export`. */
export function exportCommand(): Command {
  return new Command('export')
    .description('write all records as events, or the history of the counters for Prometheus')
    .addOption(
      new Option('-f, --format <format>', 'ndjson: records as events; openmetrics: counters and histograms over time')
        .choices(['ndjson', 'openmetrics'])
        .default('ndjson'),
    )
    .option('-o, --output <file>', 'where to; - for standard output, a name in .gz for gzip (ndjson)', '-')
    .option('--since <time>', 'from this time on (RFC 3339, or a day)', instantOption)
    .option('--until <time>', 'before this time', instantOption)
    .option('--kind <kind>', 'ndjson: only records of this kind; repeatable', collectKind)
    .addOption(
      new Option('--step <duration>', 'openmetrics: time between samples')
        .argParser(durationOption)
        .default(60_000, '60s'),
    )
    .option(
      '--label <name=value>',
      'openmetrics: add this label to every sample, as a scrape would; repeatable',
      collectLabel,
    )
    .option('--dense', 'openmetrics: a sample at every step, also while a series is quiet')
    .option('-c, --config <file>', 'configuration that names the ledger (default: fleetlens.yaml, if it exists)')
    .addHelpText(
      'after',
      `
ndjson writes each record as one event that says all of it: \`fleetlens import\` and POST /api/v1/events take it. What a run
counted in earlier attempts is in the metrics, not in its record.

openmetrics puts what each record counted at the record's own time (created, finished, merged, the day of its usage), so that
Prometheus knows what happened before it began to scrape. In the end every series has the value that /metrics shows. The last
sample is at --until (default: now): give the time when the first scrape saw the source. Dashboards that look at job or
instance want those labels here too. A series that is quiet pauses until one step before it grows again, which rate() and
increase() do not notice; a graph of the bare value has gaps there. --dense fills them, with some ten times the samples.

Exporters may go on meanwhile.
${EXIT_CODES_HELP}

Examples:
  fleetlens export -o records.ndjson.gz
  fleetlens export --kind run --since 2026-11-01 | jq -c .data
  fleetlens export --format openmetrics --label job=fleetlens --label instance=127.0.0.1:9960 -o history.om
  promtool tsdb create-blocks-from openmetrics --max-block-duration=54h history.om /var/lib/prometheus/metrics2`,
    )
    .action(async (options: ExportOptions) => {
      const { exportLedgerCommand } = await import('./exportLedger.ts');
      await exportLedgerCommand(options);
    });
}
