import { Command, Option } from 'commander';
import { type ApiOptions, withApiOptions } from './apiOptions.ts';
import { EXIT_CODES_HELP } from './cliError.ts';
import { collect, collectStatus, positiveInteger, recordAddress } from './optionValues.ts';

const format = () =>
  new Option('-f, --format <format>', 'for people or for programs').choices(['table', 'json']).default('table');

export interface ChainsOptions extends ApiOptions {
  readonly project?: readonly string[];
  readonly status?: readonly string[];
  readonly source?: readonly string[];
  readonly limit: number;
  readonly format: 'table' | 'json';
}

/** `fleetlens chains list|view`. */
export function chainsCommand(): Command {
  const list = withApiOptions(new Command('list'))
    .description('list sprint chains, newest first')
    .option('--project-id, --project <project>', 'only chains of this project; repeatable', collect)
    .option('-s, --status <status>', 'only chains in this status; repeatable', collectStatus)
    .option('--source <source>', 'only chains of this source; repeatable', collect)
    .option('-l, --limit <count>', 'at most so many', positiveInteger, 20)
    .addOption(format())
    .addHelpText(
      'after',
      `\n${EXIT_CODES_HELP}\n\nExamples:\n  fleetlens chains list --status running\n  fleetlens chains list --format json | jq '.data[].chainId'`,
    )
    .action(async (options: ChainsOptions) => {
      const { listChainsCommand } = await import('./chainsList.ts');
      await listChainsCommand(options);
    });
  const view = withApiOptions(new Command('view'))
    .description('show one chain: its sprints with their runs, times and pull requests')
    .argument('<source/id>', 'the chain, as `chains list` shows it', recordAddress)
    .addOption(format())
    .addHelpText('after', `\n${EXIT_CODES_HELP}\n\nExample:\n  fleetlens chains view codecourier-main/chain_12`)
    .action(async (address: { source: string; id: string }, options: ApiOptions & { format: 'table' | 'json' }) => {
      const { viewChainCommand } = await import('./chainsView.ts');
      await viewChainCommand(address, options);
    });
  return new Command('chains').description('list and show sprint chains').addCommand(list).addCommand(view);
}
