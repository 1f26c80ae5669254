import { createHash } from 'node:crypto';
import { sameJson } from '../sameJson.ts';
import type { PulledRecord } from '../source.ts';

/** The records of one row, under the row's id. */
export interface RowRecords {
  readonly id: string;
  readonly records: readonly PulledRecord[];
}

/**
 * Remembers what was last committed of each row, so that a row that is read again unchanged is not sent again. Only an
 * optimisation: a process that starts anew sends such rows once more, and the ledger finds nothing changed.
 */
export class ChangedRecords {
  #digests = new Map<string, string>();
  #cursor: unknown;
  static readonly #MAX_ROWS = 50_000;

  /** @param cursor where this poll starts: another replica polled in between where it is not where we ended. */
  startPoll(cursor: unknown): void {
    if (!sameJson(cursor, this.#cursor)) this.#digests = new Map();
  }

  /** @returns the records of the rows that differ from what was committed, and how to remember them after the commit. */
  select(rows: readonly RowRecords[]): { records: PulledRecord[]; committed(cursor: unknown): void } {
    const fresh: [string, string][] = [];
    const records: PulledRecord[] = [];
    for (const row of rows) {
      const digest = createHash('sha1').update(JSON.stringify(row.records)).digest('base64');
      if (this.#digests.get(row.id) === digest) continue;
      fresh.push([row.id, digest]);
      records.push(...row.records);
    }
    return {
      records,
      committed: (cursor) => {
        this.#cursor = cursor;
        for (const [id, digest] of fresh) {
          this.#digests.delete(id);
          this.#digests.set(id, digest);
        }
        for (const id of this.#digests.keys()) {
          if (this.#digests.size <= ChangedRecords.#MAX_ROWS) break;
          this.#digests.delete(id);
        }
      },
    };
  }
}
