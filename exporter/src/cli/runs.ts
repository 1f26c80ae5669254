import { Command, Option } from 'commander';
import { type ApiOptions, withApiOptions } from './apiOptions.ts';
import { EXIT_CODES_HELP } from './cliError.ts';
import { collect, collectStatus, positiveInteger, positiveNumber, recordAddress } from './optionValues.ts';

const format = () =>
  new Option('-f, --format <format>', 'for people or for programs').choices(['table', 'json']).default('table');

function withRunFilters(command: Command): Command {
  return command
    .option('--project-id, --project <project>', 'only runs of this project; repeatable', collect)
    .option(
      '-s, --status <status>',
      'only runs in this status; repeatable; COMPLETED, SUSPENDED … are understood',
      collectStatus,
    )
    .option('--source <source>', 'only runs of this source; repeatable', collect)
    .option('--workflow <workflow>', 'only runs of this workflow; repeatable', collect)
    .option('--since-hours <hours>', 'only runs created in the last so many hours', positiveNumber);
}

/** `fleetlens runs list|view|watch`. */
export function runsCommand(): Command {
  const list = withApiOptions(withRunFilters(new Command('list')))
    .description('list runs, newest first')
    .option('-l, --limit <count>', 'at most so many', positiveInteger, 20)
    .addOption(format())
    .addHelpText(
      'after',
      `
${EXIT_CODES_HELP}

Examples:
  fleetlens runs list --project-id acme/storefront --status failed --since-hours 24
  fleetlens runs list --status COMPLETED --limit 100 --format json | jq -r '.data[].runId'
  FLEETLENS_TOKEN=… fleetlens runs list --url https://fleetlens.example.com`,
    )
    .action(async (options: RunsOptions & { limit: number; format: 'table' | 'json' }) => {
      const { listRunsCommand } = await import('./runsList.ts');
      await listRunsCommand(options);
    });

  const view = withApiOptions(new Command('view'))
    .description('show one run: its state, error with remedy, steps over time, cost, pull request, checks and quality')
    .argument('<source/id>', 'the run, as `runs list` shows it', recordAddress)
    .addOption(format())
    .addHelpText(
      'after',
      `
${EXIT_CODES_HELP}

Examples:
  fleetlens runs view codecourier-main/run_8c1f
  fleetlens runs view crucible-main/42 --format json | jq .steps`,
    )
    .action(async (address: { source: string; id: string }, options: ApiOptions & { format: 'table' | 'json' }) => {
      const { viewRunCommand } = await import('./runsView.ts');
      await viewRunCommand(address, options);
    });

  const watch = withApiOptions(withRunFilters(new Command('watch')))
    .description('follow runs until all of them have ended')
    .argument('[source/id...]', 'these runs; without any: those that match the filters and are open now')
    .addHelpText(
      'after',
      `
On a terminal the table is redrawn every 2 s; elsewhere each change of a status is a line.
${EXIT_CODES_HELP} 1 too where a run that was followed failed or timed out.

Examples:
  fleetlens runs watch codecourier-main/run_8c1f && ./deploy.sh
  fleetlens runs watch --project-id acme/storefront`,
    )
    .action(async (addresses: string[], options: RunsOptions) => {
      const { watchRunsCommand } = await import('./runsWatch.ts');
      await watchRunsCommand(addresses.map(recordAddress), options);
    });

  return new Command('runs')
    .description('list, show and follow runs')
    .addCommand(list)
    .addCommand(view)
    .addCommand(watch);
}

export interface RunsOptions extends ApiOptions {
  readonly project?: readonly string[];
  readonly status?: readonly string[];
  readonly source?: readonly string[];
  readonly workflow?: readonly string[];
  readonly sinceHours?: number;
}
