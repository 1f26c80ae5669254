import { rmSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Removed at the end of the block that uses it, or by hand. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
  remove(): Promise<void>;
}

/** An interrupted test run (Ctrl-C, a time limit) ends without its teardown, but with this event. */
const inUse = new Set<string>();
process.once('exit', () => {
  for (const path of inUse) rmSync(path, { recursive: true, force: true, maxRetries: 3 });
});

/** A fresh directory under the system's temporary one, for `owner` where the tests run as root. */
export async function temporaryDirectory(
  name: string,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), `fleetlens-${name}-`));
  inUse.add(path);
  if (owner !== undefined) await chown(path, owner.uid, owner.gid);
  const remove = async () => {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
    inUse.delete(path);
  };
  return { path, remove, [Symbol.asyncDispose]: remove };
}
