import type { Command } from 'commander';

/** Which exporter a command asks, and as whom. */
export interface ApiOptions {
  readonly url: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

const DEFAULT_URL = 'http://127.0.0.1:9960';

export function withApiOptions(command: Command): Command {
  return command
    .option('--url <url>', 'address of the exporter (or FLEETLENS_URL)', process.env.FLEETLENS_URL ?? DEFAULT_URL)
    .option(
      '--token <token>',
      'token of a viewer; better FLEETLENS_TOKEN or --token-file, which other users do not see',
    )
    .option('--token-file <file>', 'file with the token');
}
