import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Pool, PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { BackupHeader, BackupManifest, OnLedgerCopyProgress } from './backupFormat.ts';
import { columnList, listMigrations, listSequences, listTables, prepareSession, qualified } from './ledgerShape.ts';
import { type CheckedBackup, checkBackup, readEntries } from './readBackup.ts';

const decompress = promisify(gunzip);

export interface RestoreSummary {
  readonly rows: number;
  readonly tables: number;
  /** when the backup's snapshot was taken */
  readonly at: string;
}

/**
 * Rows that the migrations themselves put into a fresh ledger: the backup's replace them, as long as they still are what the
 * migration wrote. The condition says so, in SQL.
 */
export const SEEDED_TABLES: Readonly<Record<string, string>> = {
  head: 'seq = 0',
  run_fact_state: 'seq = 0 and scan_kind is null',
};

/**
 * Fills an empty, freshly migrated ledger from a backup, in one transaction: after an error it is as it was.
 *
 * @throws when the file is damaged, the ledger holds anything, or its migrations are not those of the backup
 */
export async function restoreLedger(
  pool: Pool,
  file: string,
  options: { onProgress?: OnLedgerCopyProgress; seeded?: Readonly<Record<string, string>> } = {},
): Promise<RestoreSummary> {
  const { onProgress = () => undefined, seeded = SEEDED_TABLES } = options;
  const backup = await checkBackup(file, (bytesDone, bytesTotal) =>
    onProgress({ step: 'checking', table: undefined, bytesDone, bytesTotal }),
  );
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('begin');
    await prepareSession(client);
    await refuseOtherMigrations(client, backup.header);
    await takeTables(client, backup.header);
    await refuseRows(client, backup.header, seeded);
    await client.query('set constraints all deferred');
    await loadParts(client, file, backup, onProgress);
    await compareRows(client, backup.manifest);
    await restoreSequences(client, backup.manifest);
    // The planner knows nothing about the new rows yet, and autovacuum would come to them a minute later at best.
    for (const { name } of backup.header.tables) await client.query(`analyze ${qualified(name)}`);
    await client.query('commit');
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw new Error(`The backup ${file} was not restored, and the ledger is as it was before: ${failure.message}`, {
      cause: error,
    });
  } finally {
    // A connection that failed in the middle of a COPY is closed, which rolls back.
    client.release(failure);
  }
  const { header, manifest } = backup;
  return {
    rows: manifest.tables.reduce((sum, table) => sum + table.rows, 0),
    tables: header.tables.length,
    at: header.at,
  };
}

async function refuseOtherMigrations(client: PoolClient, header: BackupHeader): Promise<void> {
  const found = (await listMigrations(client)).map(({ name }) => name);
  const expected = header.migrations.map(({ name }) => name);
  if (found.join('\n') === expected.join('\n')) return;
  throw new Error(
    `the ledger has the migrations up to ${found.at(-1) ?? '(none)'} (${found.length}), expected those of the backup, up to ` +
      `${expected.at(-1) ?? '(none)'} (${expected.length}). Restore with Fleetlens ${header.release}, which wrote the backup; ` +
      'a newer release then migrates the ledger when it starts.',
  );
}

/** Nobody else may write while the ledger is filled. */
async function takeTables(client: PoolClient, header: BackupHeader): Promise<void> {
  const found = (await listTables(client)).map(({ name }) => name);
  const expected = header.tables.map(({ name }) => name);
  const missing = expected.filter((name) => !found.includes(name));
  const unknown = found.filter((name) => !expected.includes(name));
  if (missing.length + unknown.length > 0) {
    throw new Error(
      `the ledger's tables are not those of the backup (missing: ${missing.join(', ') || 'none'}; not in the backup: ${unknown.join(', ') || 'none'}). ` +
        'Expected the same tables from the same migrations; restore into a new, freshly migrated ledger.',
    );
  }
  await client.query(`set local lock_timeout = '3s'`);
  try {
    if (expected.length > 0) {
      await client.query(`lock table ${expected.map(qualified).join(', ')} in access exclusive mode`);
    }
  } catch (error) {
    throw new Error(
      'the ledger is in use, expected no exporter on it. Stop the exporters that share it and run the restore again.',
      {
        cause: error,
      },
    );
  }
}

async function refuseRows(
  client: PoolClient,
  header: BackupHeader,
  seeded: Readonly<Record<string, string>>,
): Promise<void> {
  const filled: string[] = [];
  for (const { name } of header.tables) {
    const seed = seeded[name];
    const { rowCount } = await client.query(
      `select 1 from ${qualified(name)} ${seed === undefined ? '' : `where (${seed}) is not true`} limit 1`,
    );
    if (rowCount !== 0) filled.push(name);
    else if (seed !== undefined) await client.query(`delete from ${qualified(name)}`);
  }
  if (filled.length > 0) {
    throw new Error(
      `the ledger is not empty (${filled.join(', ')} hold rows), expected a freshly migrated one. Restore into a new database or ledger.data_dir.`,
    );
  }
}

async function loadParts(
  client: PoolClient,
  file: string,
  backup: CheckedBackup,
  onProgress: OnLedgerCopyProgress,
): Promise<void> {
  const parts = new Map(backup.manifest.parts.map((part) => [part.name, part]));
  const columns = new Map(backup.header.tables.map((table) => [table.name, table.columns]));
  const bytesTotal = backup.manifest.parts.reduce((sum, part) => sum + part.bytes, 0);
  let bytesDone = 0;
  for await (const { name, content } of readEntries(file)) {
    const part = parts.get(name);
    if (part === undefined) continue;
    // Once more: the file could have been replaced since it was checked.
    const sha256 = createHash('sha256').update(content).digest('hex');
    if (sha256 !== part.sha256)
      throw new Error(`${name} has SHA-256 ${sha256}, expected ${part.sha256}; the file changed while it was read`);
    const rows = await decompress(content, { maxOutputLength: Math.max(1, part.bytes) });
    const target = columns.get(part.table);
    if (target === undefined)
      throw new Error(`${name} belongs to the table ${part.table}, which the backup's header does not name`);
    onProgress({ step: 'loading', table: part.table, bytesDone, bytesTotal });
    await pipeline(
      // Not Readable.from(rows), which would pass the part on in one write of 8 MiB: slices let the socket set the pace.
      Readable.from(slices(rows)),
      client.query(copyFrom(`copy ${qualified(part.table)} (${columnList(target)}) from stdin`)),
    );
    bytesDone += part.bytes;
  }
  onProgress({ step: 'loading', table: undefined, bytesDone, bytesTotal });
}

function* slices(rows: Buffer): Generator<Buffer> {
  const SLICE_BYTES = 256 * 1024;
  for (let start = 0; start < rows.length; start += SLICE_BYTES) yield rows.subarray(start, start + SLICE_BYTES);
}

async function compareRows(client: PoolClient, manifest: BackupManifest): Promise<void> {
  for (const { name, rows } of manifest.tables) {
    const answer = await client.query<{ rows: string }>(`select count(*)::text as rows from ${qualified(name)}`);
    const found = Number(answer.rows[0]?.rows);
    if (found !== rows) throw new Error(`the table ${name} has ${found} rows after loading, expected ${rows}`);
  }
}

async function restoreSequences(client: PoolClient, manifest: BackupManifest): Promise<void> {
  const known = new Set((await listSequences(client)).map(({ name }) => name));
  for (const { name, lastValue, isCalled } of manifest.sequences) {
    if (!known.has(name)) throw new Error(`the ledger has no sequence ${name}, expected those of the backup`);
    await client.query('select setval($1::regclass, $2::bigint, $3)', [qualified(name), lastValue, isCalled]);
  }
}
