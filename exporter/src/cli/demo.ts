import { Command } from 'commander';
import { EXIT_CODES_HELP } from './cliError.ts';
import { positiveInteger, positiveNumber } from './optionValues.ts';

export interface DemoOptions {
  readonly dataDir: string;
  readonly listenAddress: string;
  readonly days: number;
  readonly seed: string;
  readonly scale: number;
  /** The exporter that the fleet is pushed to; absent: one of its own. */
  readonly pushTo?: string;
  /** Of the token for {@link pushTo}. */
  readonly tokenFile?: string;
}

/** `fleetlens demo`. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('run an exporter with a simulated fleet: two weeks of history, then live')
    .option('--data-dir <directory>', 'where its database and tokens are kept', './data/demo')
    .option('--web.listen-address, --listen-address <address>', 'where to listen', '127.0.0.1:9960')
    .option('--days <days>', 'days of history', positiveInteger, 14)
    .option('--seed <seed>', 'another seed is another fleet', 'fleetlens')
    .option('--scale <factor>', 'how much happens; 1 is about 220 runs a day', positiveNumber, 1)
    .option('--push-to <url>', 'push the fleet to this exporter, into its ledger, instead of running one')
    .option('--token-file <file>', 'with --push-to: file with a token of role ingest (or FLEETLENS_TOKEN)')
    .addHelpText(
      'after',
      `
The simulator pushes over HTTP, as a platform would. Started again on the same directory it goes on where it stopped.
Ctrl-C stops it cleanly; delete the directory to begin anew.
${EXIT_CODES_HELP}

Examples:
  fleetlens demo
  fleetlens demo --data-dir /tmp/fleet --listen-address 127.0.0.1:9970 --days 3
  fleetlens demo --push-to http://127.0.0.1:9960 --token-file ingest-token`,
    )
    .action(async (options: DemoOptions) => {
      const { runDemoCommand } = await import('./demoRun.ts');
      await runDemoCommand(options);
    });
}
