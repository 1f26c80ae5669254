import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryDirectory {
  readonly path: string;
  remove(): Promise<void>;
}

/** A fresh directory under the system's temporary one, for `owner` where the tests run as root. */
export async function temporaryDirectory(
  name: string,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), `fleetlens-${name}-`));
  if (owner !== undefined) await chown(path, owner.uid, owner.gid);
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}
