import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ServerUser } from './serverUser.ts';

/**
 * Whether the user can enter a directory. The kernel is asked (a shell under that user), not the mode bits alone: access
 * lists and mount options count too.
 */
export async function isReachableBy(directory: string, user: ServerUser | undefined): Promise<boolean> {
  if (user === undefined) return true;
  const child = spawn('/bin/sh', ['-c', 'cd -- "$1"', 'sh', directory], {
    cwd: '/',
    uid: user.uid,
    gid: user.gid,
    env: {},
    stdio: 'ignore',
  });
  try {
    const [code] = await once(child, 'exit');
    return code === 0;
  } catch {
    // No /bin/sh (a distroless image): the mode bits are what is left to judge by.
    return (await closedDirectory(directory, user)) === undefined;
  }
}

/** The outermost directory on the way that the mode bits close to the user, with its mode: for the message. */
export async function closedDirectory(
  directory: string,
  user: ServerUser,
): Promise<{ path: string; mode: string; device: number } | undefined> {
  const parts = path.resolve(directory).split(path.sep).filter(Boolean);
  for (let length = 0; length <= parts.length; length++) {
    const candidate = path.sep + parts.slice(0, length).join(path.sep);
    const { mode, uid, gid, dev } = await stat(candidate);
    const execute = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & execute) === 0) return { path: candidate, mode: (mode & 0o7777).toString(8), device: dev };
  }
  return undefined;
}
