import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { ServerBinaries } from './serverBinaries.ts';
import { SERVER_ROLE, serverEnvironment } from './serverSettings.ts';
import type { ServerUser } from './serverUser.ts';

/**
 * Creates the cluster under a temporary name and renames it when it is whole: what bears the final name is never a half-made one, and
 * what bears the temporary name never held data.
 */
export async function initialiseCluster(options: {
  clusterDir: string;
  binaries: ServerBinaries;
  user: ServerUser | undefined;
  password: string;
}): Promise<void> {
  const { clusterDir, binaries, user, password } = options;
  if (user === undefined) refuseUidWithoutAccount();
  const temporary = `${clusterDir}.initialising`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { mode: 0o700 });
  if (user !== undefined) await chown(temporary, user.uid, user.gid);
  // A file, since initdb opens its input by name, and Node's pipes are sockets, which /dev/stdin cannot open.
  const passwordFile = `${clusterDir}.password`;
  try {
    await writePrivateFile(passwordFile, `${password}\n`);
    if (user !== undefined) await chown(passwordFile, user.uid, user.gid);
    await runTool({
      binary: binaries.initdb,
      user,
      input: '',
      args: [
        ...['--pgdata', temporary, '--username', SERVER_ROLE, '--pwfile', passwordFile, '--auth', 'scram-sha-256'],
        // Collation by code point, built into Postgres: a libc or ICU of another version on another host cannot corrupt an index.
        ...['--encoding', 'UTF8', '--no-locale', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
        '--data-checksums',
      ],
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(temporary, clusterDir);
  await syncDirectory(path.dirname(clusterDir));
}

/** initdb looks up its own account's name, which a container's arbitrary uid does not have. The server itself does not ask. */
function refuseUidWithoutAccount(): void {
  try {
    os.userInfo();
  } catch (error) {
    throw new Error(
      `The exporter runs as uid ${process.geteuid?.()}, which has no account (no line in /etc/passwd); initdb, which creates the embedded Postgres, needs one. ` +
        'Run the exporter under a uid that has an account, or set ledger.database_url (DATABASE_URL) to a Postgres server.',
      { cause: error },
    );
  }
}

/** The role's password, made at the first start. 0600: who may read the exporter's data directory may read the ledger. */
export async function readOrCreatePassword(file: string): Promise<string> {
  try {
    const password = (await readFile(file, 'utf8')).trim();
    if (password !== '') return password;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const password = randomBytes(32).toString('hex');
  await writePrivateFile(file, `${password}\n`);
  return password;
}

export async function writePrivateFile(file: string, content: string): Promise<void> {
  const temporary = `${file}.new`;
  await rm(temporary, { force: true });
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  await syncDirectory(path.dirname(file));
}

/** For a password file that was lost: in single-user mode the server asks for none. The server must not be running. */
export async function resetPassword(options: {
  clusterDir: string;
  binaries: ServerBinaries;
  user: ServerUser | undefined;
  password: string;
}): Promise<void> {
  const { clusterDir, binaries, user, password } = options;
  await runTool({
    binary: binaries.postgres,
    user,
    args: [
      '--single',
      '-D',
      clusterDir,
      '-c',
      'exit_on_error=on',
      '-c',
      'password_encryption=scram-sha-256',
      'postgres',
    ],
    input: `alter role ${SERVER_ROLE} password '${password}'\n`,
  });
}

async function runTool(options: {
  binary: string;
  args: string[];
  input: string;
  user: ServerUser | undefined;
}): Promise<void> {
  const { binary, args, input, user } = options;
  const child = spawn(binary, args, {
    cwd: '/',
    env: serverEnvironment(),
    stdio: 'pipe',
    ...(user && { uid: user.uid, gid: user.gid }),
  });
  const ended = once(child, 'close');
  // A tool that ends before it has read its input says why on stderr; the broken pipe adds nothing.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [[code, signal], stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) {
    throw new Error(
      `${binary} ${args.join(' ')} ended with ${signal ?? `exit code ${code}`}, expected 0. It printed:\n${stdout}${stderr}`.trim(),
    );
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
