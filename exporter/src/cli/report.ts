import { Command, InvalidArgumentError } from 'commander';
import { type ApiOptions, withApiOptions } from './apiOptions.ts';
import { EXIT_CODES_HELP } from './cliError.ts';
import { collect } from './optionValues.ts';

export interface WeeklyReportOptions extends ApiOptions {
  readonly week?: string;
  readonly project?: readonly string[];
  readonly timeZone?: string;
  readonly output?: string;
  readonly runLink?: string;
}

/** `fleetlens report weekly`. */
export function reportCommand(): Command {
  const weekly = withApiOptions(new Command('weekly'))
    .description('write the persona review and the budget retrospective of a week as Markdown')
    .option('--week <week>', 'week of ISO 8601, such as 2026-W46 (default: the last one that is over)')
    .option('--project-id, --project <project>', 'only of this project; repeatable', collect)
    .option('--time-zone <name>', 'in which the week of the persona review begins (default: UTC)')
    .option('--run-link <template>', 'address of the page of a run, with {source} and {id}', runLinkOption)
    .option('--output <file>', 'write to this file instead of standard output')
    .addHelpText(
      'after',
      `
Runs link to --run-link, else to their page at their source, else to the API of the exporter where web.external_url is configured.
The budget retrospective is of the week in the time zone of the budgets.
${EXIT_CODES_HELP}

Examples:
  fleetlens report weekly
  fleetlens report weekly --week 2026-W46 --project acme/storefront --output review.md
  fleetlens report weekly --run-link 'https://grafana.example/a/fleetlens-fleet-app/runs/{source}/{id}'`,
    )
    .action(async (options: WeeklyReportOptions) => {
      const { reportWeeklyCommand } = await import('./reportWeekly.ts');
      await reportWeeklyCommand(options);
    });
  return new Command('report').description('reports over a time').addCommand(weekly);
}

function runLinkOption(value: string): string {
  const filled = value.replaceAll('{source}', 's').replaceAll('{id}', 'i');
  if (!value.includes('{id}') || !URL.canParse(filled) || !/^https?:$/.test(new URL(filled).protocol)) {
    throw new InvalidArgumentError('Expected an http:// or https:// address that holds {id} (and {source}).');
  }
  return value;
}
