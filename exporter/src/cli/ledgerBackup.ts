import type { LedgerCopyProgress } from '../ledger/backup/backupFormat.ts';
import { backupLedger } from '../ledger/backup/backupLedger.ts';
import { restoreLedger } from '../ledger/backup/restoreLedger.ts';
import { withLedger } from './openLedger.ts';
import { tell } from './printOutput.ts';
import { showProgress } from './progress.ts';

const MEBIBYTE = 1024 * 1024;
const megabytes = (bytes: number) => `${(bytes / MEBIBYTE).toFixed(1)} MiB`;

async function withProgress<T>(
  name: string,
  work: (onProgress: (p: LedgerCopyProgress) => void) => Promise<T>,
): Promise<T> {
  const progress = await showProgress(name);
  try {
    return await work(({ step, table, bytesDone, bytesTotal }) =>
      progress.update(bytesDone, bytesTotal, `${step} ${table ?? ''} ${megabytes(bytesDone)}`),
    );
  } finally {
    progress.stop();
  }
}

export async function backupLedgerCommand(file: string, options: { config?: string }): Promise<void> {
  const summary = await withLedger(options, ({ pool }) =>
    withProgress('Saving', (onProgress) => backupLedger(pool, file, { onProgress })),
  );
  tell(`${file}: ${summary.rows} rows of ${summary.tables} tables, ${megabytes(summary.bytes)}`);
}

export async function restoreLedgerCommand(file: string, options: { config?: string }): Promise<void> {
  const summary = await withLedger({ ...options, create: true, migrate: true }, ({ pool }) =>
    withProgress('Restoring', (onProgress) => restoreLedger(pool, file, { onProgress })),
  );
  tell(`Restored ${summary.rows} rows of ${summary.tables} tables, as they were at ${summary.at}.`);
}
