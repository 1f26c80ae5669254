import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import {
  BACKUP_FORMAT_VERSION,
  type BackupHeader,
  type BackupManifest,
  HEADER_NAME,
  headerSchema,
  MANIFEST_NAME,
  manifestSchema,
} from './backupFormat.ts';

export interface CheckedBackup {
  readonly header: BackupHeader;
  readonly manifest: BackupManifest;
}

export interface BackupEntry {
  readonly name: string;
  readonly content: Buffer;
  /** of the file, read so far */
  readonly bytesRead: number;
}

/** The entries one after the other; each is at most a part, so it is held whole. */
export async function* readEntries(file: string): AsyncGenerator<BackupEntry> {
  const input = createReadStream(file);
  const archive = extract();
  // Errors of the file must reach the loop below, which reads from the archive.
  input.on('error', (error) => archive.destroy(error));
  input.pipe(archive);
  try {
    for await (const entry of archive) {
      yield { name: entry.header.name, content: await buffer(entry), bytesRead: input.bytesRead };
    }
  } finally {
    input.destroy();
    archive.destroy();
  }
}

/**
 * Reads a whole backup and compares every part with the manifest, before anything is written to a ledger.
 *
 * @throws a damaged, unfinished or foreign file, with what was found
 */
export async function checkBackup(
  file: string,
  onProgress: (bytesDone: number, bytesTotal: number) => void,
): Promise<CheckedBackup> {
  const { size } = await stat(file);
  let header: BackupHeader | undefined;
  let headerSha256 = '';
  let manifest: BackupManifest | undefined;
  const found = new Map<string, string>();
  try {
    for await (const { name, content, bytesRead } of readEntries(file)) {
      const sha256 = createHash('sha256').update(content).digest('hex');
      if (header === undefined) {
        if (name !== HEADER_NAME) throw new Error(`its first entry is ${name}, expected ${HEADER_NAME}`);
        header = headerSchema.parse(JSON.parse(content.toString()));
        headerSha256 = sha256;
        if (header.formatVersion !== BACKUP_FORMAT_VERSION) {
          throw new Error(
            `it has format version ${header.formatVersion}, expected ${BACKUP_FORMAT_VERSION}; restore it with Fleetlens ${header.release}`,
          );
        }
      } else if (name === MANIFEST_NAME) {
        manifest = manifestSchema.parse(JSON.parse(content.toString()));
      } else {
        found.set(name, sha256);
      }
      onProgress(bytesRead, size);
    }
    if (header === undefined) throw new Error('it is empty or no tar file');
    if (manifest === undefined) throw new Error(`it has no ${MANIFEST_NAME}: the file is cut off`);
    if (manifest.headerSha256 !== headerSha256)
      throw new Error(`${HEADER_NAME} has SHA-256 ${headerSha256}, expected ${manifest.headerSha256}`);
    for (const part of manifest.parts) {
      const sha256 = found.get(part.name);
      if (sha256 === undefined) throw new Error(`${part.name} is missing`);
      if (sha256 !== part.sha256) throw new Error(`${part.name} has SHA-256 ${sha256}, expected ${part.sha256}`);
      found.delete(part.name);
    }
    const [unknown] = found.keys();
    if (unknown !== undefined) throw new Error(`it has an entry ${unknown} that its manifest does not name`);
  } catch (error) {
    throw new Error(
      `${file} is not an intact ledger backup: ${error instanceof Error ? error.message : String(error)}. Nothing was restored; use another copy of the backup.`,
      { cause: error },
    );
  }
  return { header, manifest };
}
