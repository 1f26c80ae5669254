import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Pool, PoolClient } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { type Pack, pack } from 'tar-stream';
import packageJson from '../../../package.json' with { type: 'json' };
import {
  BACKUP_FORMAT,
  BACKUP_FORMAT_VERSION,
  type BackupHeader,
  type BackupManifest,
  HEADER_NAME,
  MANIFEST_NAME,
  type OnLedgerCopyProgress,
  PART_BYTES,
} from './backupFormat.ts';
import {
  columnList,
  type LedgerTable,
  listMigrations,
  listSequences,
  listTables,
  prepareSession,
  qualified,
} from './ledgerShape.ts';

const compress = promisify(gzip);

export interface BackupSummary {
  readonly rows: number;
  readonly tables: number;
  /** of the file */
  readonly bytes: number;
}

/**
 * Writes the whole ledger into one file, as it was at one moment, while exporters go on writing to it.
 *
 * The file appears under its name once it is whole (an existing one is replaced), with mode 0600: it holds all that the ledger holds.
 */
export async function backupLedger(
  pool: Pool,
  file: string,
  options: { onProgress?: OnLedgerCopyProgress } = {},
): Promise<BackupSummary> {
  const unfinished = `${file}.unfinished`;
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('begin isolation level repeatable read, read only');
    await prepareSession(client);
    const archive = pack();
    // flush: on the disk before it bears its name.
    const writing = pipeline(archive, createWriteStream(unfinished, { mode: 0o600, flush: true }));
    const reading = writeArchive(client, archive, options.onProgress ?? (() => undefined)).catch((error: Error) => {
      archive.destroy(error);
      throw error;
    });
    let summary: { rows: number; tables: number };
    try {
      [summary] = await Promise.all([reading, writing]);
    } finally {
      // Either ends the other; both have ended before the file is renamed or removed.
      await Promise.allSettled([reading, writing]);
    }
    await client.query('commit');
    await rename(unfinished, file);
    const directory = await open(path.dirname(path.resolve(file)), 'r');
    await directory.sync();
    await directory.close();
    return { ...summary, bytes: (await stat(file)).size };
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    await rm(unfinished, { force: true });
    throw new Error(
      `The ledger could not be backed up to ${file}: ${failure.message}. Nothing was written under that name; correct the cause and run it again.`,
      { cause: error },
    );
  } finally {
    // With an error the connection is closed: it may be in the middle of a COPY.
    client.release(failure);
  }
}

async function writeArchive(
  client: PoolClient,
  archive: Pack,
  onProgress: OnLedgerCopyProgress,
): Promise<{ rows: number; tables: number }> {
  const tables = await listTables(client);
  const { rows: about } = await client.query<{ version: string; at: Date }>(
    `select current_setting('server_version') as version, now() as at`,
  );
  const [server] = about;
  if (server === undefined) throw new Error('the server answered a query for its version with no row');
  const header: BackupHeader = {
    format: BACKUP_FORMAT,
    formatVersion: BACKUP_FORMAT_VERSION,
    release: packageJson.version,
    serverVersion: server.version,
    at: server.at.toISOString(),
    migrations: await listMigrations(client),
    tables: tables.map(({ name, columns }) => ({ name, columns })),
  };
  const headerText = Buffer.from(`${JSON.stringify(header, null, 2)}\n`);
  await addEntry(archive, HEADER_NAME, headerText);

  const manifest: BackupManifest = { headerSha256: sha256(headerText), tables: [], sequences: [], parts: [] };
  const bytesTotal = tables.reduce((sum, table) => sum + table.bytes, 0);
  let bytesDone = 0;
  for (const table of tables) {
    const { name } = table;
    onProgress({ step: 'writing', table: name, bytesDone, bytesTotal: Math.max(bytesTotal, bytesDone) });
    let number = 0;
    const copy = client.query(copyTo(copyStatement(table)));
    for await (const rows of wholeRows(copy)) {
      number++;
      // Level 1: the compression is what a backup waits for, and JSON shrinks well at any level.
      const content = await compress(rows, { level: 1 });
      const part = { name: `tables/${name}/${String(number).padStart(6, '0')}.copy.gz`, table: name };
      await addEntry(archive, part.name, content);
      manifest.parts.push({ ...part, bytes: rows.length, sha256: sha256(content) });
      bytesDone += rows.length;
      onProgress({ step: 'writing', table: name, bytesDone, bytesTotal: Math.max(bytesTotal, bytesDone) });
    }
    manifest.tables.push({ name, rows: copy.rowCount });
  }
  // After the snapshot, which sequences do not take part in: at least as far as every row that was copied.
  manifest.sequences = await listSequences(client);
  await addEntry(archive, MANIFEST_NAME, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  archive.finalize();
  onProgress({ step: 'writing', table: undefined, bytesDone, bytesTotal: bytesDone });
  return { rows: manifest.tables.reduce((sum, table) => sum + table.rows, 0), tables: tables.length };
}

/** A partitioned table itself has no rows: COPY reads it only as a query. */
function copyStatement({ name, columns, isPartitioned }: LedgerTable): string {
  return isPartitioned
    ? `copy (select ${columnList(columns)} from ${qualified(name)}) to stdout`
    : `copy ${qualified(name)} (${columnList(columns)}) to stdout`;
}

/** Pieces of about PART_BYTES that end with a row. In COPY's text form every row ends with a line feed, and one within a value is written as \n. */
async function* wholeRows(copy: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const LINE_FEED = 10;
  let pieces: Buffer[] = [];
  let size = 0;
  for await (const chunk of copy) {
    const end = size + chunk.length >= PART_BYTES ? chunk.lastIndexOf(LINE_FEED) + 1 : 0;
    if (end === 0) {
      pieces.push(chunk);
      size += chunk.length;
      continue;
    }
    yield Buffer.concat([...pieces, chunk.subarray(0, end)]);
    pieces = end < chunk.length ? [chunk.subarray(end)] : [];
    size = chunk.length - end;
  }
  if (size > 0) yield Buffer.concat(pieces);
}

function addEntry(archive: Pack, name: string, content: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    // The callback comes when the entry has been taken off by the file's stream: the back-pressure of the disk.
    archive.entry({ name, mode: 0o600 }, content, (error) => (error ? reject(error) : resolve()));
  });
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
