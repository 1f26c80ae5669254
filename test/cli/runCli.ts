import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../exporter/bin/fleetlens.js', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts the real binary, with nothing of the environment but what it needs to be found. */
export function startCli(args: readonly string[], { env, cwd }: CliOptions = {}) {
  return spawn(process.execPath, [CLI, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Runs the real binary to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = startCli(args, options);
  const code = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // A command that does not read its input closes it.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

/** Runs the binary through a shell, as `fleetlens` with these arguments: for pipes. */
export async function runShell(script: string, env: Readonly<Record<string, string>>): Promise<CliResult> {
  const child = spawn(
    'bash',
    ['-o', 'pipefail', '-c', `fleetlens() { "${process.execPath}" "${CLI}" "$@"; }; ${script}`],
    {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    },
  );
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}
