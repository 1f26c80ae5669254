import { execFile } from 'node:child_process';
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryDirectory } from './temporaryDirectory.ts';

const run = promisify(execFile);

export interface SmallDisk {
  readonly path: string;
  /** Writes a file until no byte fits any more. */
  fill(): Promise<void>;
  /** Removes that file. */
  free(): Promise<void>;
  /** Unmounts it; what is on it is gone. */
  remove(): Promise<void>;
}

/**
 * A file system of its own, in memory, that can be filled.
 * @throws where the system refuses to mount one (no root, a container without the right to)
 */
export async function mountSmallDisk(mebibytes: number): Promise<SmallDisk> {
  const directory = await temporaryDirectory('disk');
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0755`, 'fleetlens-test', directory.path]);
  } catch (error) {
    await directory.remove();
    throw error;
  }
  const filler = join(directory.path, 'filler');
  return {
    path: directory.path,
    async fill() {
      const file = await open(filler, 'a');
      try {
        for (let block = 1024 * 1024; block >= 1; block = Math.floor(block / 2)) {
          const zeros = Buffer.alloc(block);
          // Short writes are the end of the disk, too.
          while ((await statfs(directory.path)).bavail > 0 && (await appends(file, zeros))) {}
        }
      } finally {
        await file.close();
      }
    },
    free: () => rm(filler, { force: true }),
    async remove() {
      await run('umount', [directory.path]);
      await directory.remove();
    },
  };
}

async function appends(file: Awaited<ReturnType<typeof open>>, bytes: Buffer): Promise<boolean> {
  try {
    return (await file.write(bytes)).bytesWritten === bytes.length;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}
