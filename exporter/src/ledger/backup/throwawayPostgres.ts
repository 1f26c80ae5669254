/** For the tests: a real Postgres 15 of the system in a temporary directory, on a unix socket. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, realpath, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import pino from 'pino';
import { connectionUrl } from '../embedded/connectEmbedded.ts';
import { readPostmasterPid } from '../embedded/postmasterPid.ts';
import { chooseServerUser } from '../embedded/serverUser.ts';

const BINARIES = '/usr/lib/postgresql/15/bin';

export interface ThrowawayPostgres {
  /** Creates an empty database. */
  connectionString(database: string): string;
  stop(): Promise<void>;
}

export async function startThrowawayPostgres(): Promise<ThrowawayPostgres> {
  const directory = await realpath(await mkdtemp(path.join(os.tmpdir(), 'fleetlens-pg15-')));
  const user = await chooseServerUser({
    clusterOwner: undefined,
    clusterDir: directory,
    log: pino({ enabled: false }),
  });
  const as = { cwd: '/', ...(user && { uid: user.uid, gid: user.gid }) };
  await chmod(directory, 0o700);
  if (user !== undefined) await chown(directory, user.uid, user.gid);
  const cluster = path.join(directory, 'cluster');
  const initdb = spawn(
    path.join(BINARIES, 'initdb'),
    ['-D', cluster, '-U', 'fleetlens', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'],
    { ...as, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const [[code], printed] = await Promise.all([once(initdb, 'close'), text(initdb.stderr)]);
  if (code !== 0) throw new Error(`${BINARIES}/initdb ended with exit code ${code}:\n${printed}`);
  const server = spawn(
    path.join(BINARIES, 'postgres'),
    ['-D', cluster, '-c', 'listen_addresses=', '-c', `unix_socket_directories=${directory}`, '-c', 'fsync=off'],
    { ...as, stdio: 'ignore' },
  );
  while ((await readPostmasterPid(cluster))?.status !== 'ready') {
    if (server.exitCode !== null) throw new Error(`${BINARIES}/postgres ended with exit code ${server.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    connectionString: (database) => connectionUrl(directory, 'trusted', database),
    async stop() {
      const ended = once(server, 'exit');
      server.kill('SIGINT');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
