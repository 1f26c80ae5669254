import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';

const holderSchema = z.object({ pid: z.number(), host: z.string(), since: z.string() });

export interface ExporterLock {
  release(): Promise<void>;
}

/** Referenced from here, because a garbage-collected handle closes itself and the lock would be gone. */
const held = new Set<DatabaseSync>();

/**
 * One exporter per data directory. The lock is SQLite's on an empty file, which is the kernel's (fcntl): taken by exactly one of any number of
 * starters, also across containers that share the volume, and gone with the process however that ends. A lock file with a
 * pid in it has neither quality: two starters that both find a dead pid both take it. Node itself offers no file lock.
 *
 * Who holds it stands beside it, in exporter.json: closing any descriptor of the lock file in this process would drop the lock.
 */
export async function lockDataDirectory(dataDir: string): Promise<ExporterLock> {
  const holderFile = path.join(dataDir, 'exporter.json');
  const database = new DatabaseSync(path.join(dataDir, 'exporter.lock'), { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!(error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY)) {
      throw new Error(
        `Cannot lock the data directory ${dataDir}: ${String(error)}. Its file system must support locks.`,
        {
          cause: error,
        },
      );
    }
    throw new Error(
      `The data directory ${dataDir} is in use by ${await describeHolder(holderFile)}. Expected no other exporter on it: ` +
        'the embedded Postgres is for one replica. Stop that exporter, or give this one another ledger.data_dir, or let both ' +
        'share one Postgres server through ledger.database_url (DATABASE_URL).',
      { cause: error },
    );
  }
  held.add(database);
  const temporary = `${holderFile}.${process.pid}`;
  const holder: z.infer<typeof holderSchema> = {
    pid: process.pid,
    host: os.hostname(),
    since: new Date().toISOString(),
  };
  await writeFile(temporary, JSON.stringify(holder));
  await rename(temporary, holderFile);
  return {
    async release() {
      if (!database.isOpen) return;
      await rm(holderFile, { force: true });
      database.close();
      held.delete(database);
    },
  };
}

const SQLITE_BUSY = 5;

async function describeHolder(holderFile: string): Promise<string> {
  try {
    const holder = holderSchema.parse(JSON.parse(await readFile(holderFile, 'utf8')));
    return `the exporter with pid ${holder.pid} on ${holder.host}, since ${holder.since}`;
  } catch {
    // The holder took the lock a moment ago and has not written its name yet.
    return 'another exporter that is just starting';
  }
}
