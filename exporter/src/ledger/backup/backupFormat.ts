import { z } from 'zod';

/**
 * A backup is one tar file, so that its parts can also be reached by hand:
 *
 *     header.json                 what it is, and the ledger's shape
 *     tables/<table>/<n>.copy.gz  rows as COPY ... TO STDOUT writes them (text, UTF-8), whole rows in each part
 *     manifest.json               what it must contain; its presence says that the backup was finished
 */
export const BACKUP_FORMAT = 'fleetlens-ledger-backup';
export const BACKUP_FORMAT_VERSION = 1;
export const HEADER_NAME = 'header.json';
export const MANIFEST_NAME = 'manifest.json';

/** Rows are gathered to parts of this size before compression. It bounds the memory of both directions, up to the largest single row. */
export const PART_BYTES = 8 * 1024 * 1024;

const migrationSchema = z.object({ id: z.number(), name: z.string(), runOn: z.iso.datetime() });

export const headerSchema = z.object({
  format: z.literal(BACKUP_FORMAT),
  formatVersion: z.number(),
  /** the release of Fleetlens that wrote the file */
  release: z.string(),
  serverVersion: z.string(),
  /** when the snapshot was taken */
  at: z.iso.datetime(),
  /** applied to the ledger, in order; the last is its migration version */
  migrations: z.array(migrationSchema),
  /** in an order in which foreign keys find their rows */
  tables: z.array(z.object({ name: z.string(), columns: z.array(z.string()) })),
});
export type BackupHeader = z.infer<typeof headerSchema>;
export type AppliedMigration = z.infer<typeof migrationSchema>;

export const manifestSchema = z.object({
  headerSha256: z.string(),
  tables: z.array(z.object({ name: z.string(), rows: z.number() })),
  sequences: z.array(z.object({ name: z.string(), lastValue: z.string(), isCalled: z.boolean() })),
  parts: z.array(
    z.object({
      name: z.string(),
      table: z.string(),
      /** before compression */
      bytes: z.number(),
      sha256: z.string(),
    }),
  ),
});
export type BackupManifest = z.infer<typeof manifestSchema>;

/** How far a backup or a restore is. */
export interface LedgerCopyProgress {
  readonly step: 'writing' | 'checking' | 'loading';
  readonly table: string | undefined;
  readonly bytesDone: number;
  /** while writing an estimate from the catalogue, else exact */
  readonly bytesTotal: number;
}
export type OnLedgerCopyProgress = (progress: LedgerCopyProgress) => void;
