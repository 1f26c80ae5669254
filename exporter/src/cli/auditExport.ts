import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Page } from '../contract/api.ts';
import type { RecordOf } from '../contract/records.ts';
import { ApiClient } from './apiClient.ts';
import type { AuditExportOptions } from './audit.ts';
import { printLine, tell } from './printOutput.ts';

const PAGE = 500;

export async function exportAuditCommand(options: AuditExportOptions): Promise<void> {
  const { since, until, source, project, cursorFile } = options;
  const api = await ApiClient.open(options);
  let cursor = options.after ?? (cursorFile === undefined ? undefined : await readCursorFile(cursorFile));
  let count = 0;
  for (;;) {
    const page: Page<RecordOf<'audit'>> = await api.get('/api/v1/audit', {
      order: 'recorded',
      limit: PAGE,
      since,
      until,
      source,
      project,
      cursor,
    });
    for (const record of page.data) await printLine(JSON.stringify(record));
    count += page.data.length;
    cursor = page.nextCursor ?? cursor;
    if (page.data.length < PAGE) break;
  }
  tell(
    `${count} audit events${cursor !== undefined && cursorFile === undefined ? `; the next begin --after ${cursor}` : ''}`,
  );
  if (cursor !== undefined && cursorFile !== undefined) {
    await writeFile(`${cursorFile}.new`, `${cursor}\n`);
    await rename(`${cursorFile}.new`, cursorFile);
  }
}

async function readCursorFile(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim() || undefined;
  } catch (error) {
    // The first export begins at the beginning.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
