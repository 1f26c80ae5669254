import { createHash } from 'node:crypto';
import { isOpen } from '../../../contract/status.ts';
import type { RowRecords } from '../../rows/changedRecords.ts';
import type { Document } from '../documents.ts';
import { inParallel } from '../http/inParallel.ts';
import type { Warnings } from '../platform.ts';
import type { RestPoll } from './pageSender.ts';
import { mapRunDetails, readRunDetails } from './readRunDetails.ts';
import { idOf, type RestApi } from './restApi.ts';

const MAX_REMEMBERED = 2_000;

/** Reads the details of runs, and remembers what their rows in the list said when it did. */
export class RunReader {
  readonly #api: RestApi;
  readonly #warnings: Warnings;
  readonly #rows = new Map<string, string>();

  constructor(api: RestApi, warnings: Warnings) {
    this.#api = api;
    this.#warnings = warnings;
  }

  forget(): void {
    this.#rows.clear();
  }

  /** An open run changes without its row; of others, the row shows that they did. */
  isWorthReading({ platform }: RestPoll, row: Document): boolean {
    const status = platform.fieldsOf('runs', row).peek('status');
    const open = typeof status === 'string' && isOpen(this.#warnings.words.read(status).status);
    return open || this.#rows.get(idOf(row)) !== digest(row);
  }

  /** The next poll finds these rows unchanged. */
  remember(rows: readonly Document[]): void {
    for (const row of rows) {
      const id = idOf(row);
      this.#rows.delete(id);
      this.#rows.set(id, digest(row));
      if (this.#rows.size > MAX_REMEMBERED) this.#rows.delete(this.#rows.keys().next().value ?? '');
    }
  }

  /** Details of runs that the list shows. */
  async readListed({ platform, context }: RestPoll, rows: readonly Document[]): Promise<RowRecords[]> {
    const read = await inParallel(rows, async (row) => {
      const found = await this.#api.item('run', idOf(row), context);
      // A run that was deleted after it was listed, or a platform without details: the row is all there is.
      const document = found === undefined || found === 'gone' ? row : { ...row, ...found };
      return { found, details: await readRunDetails(this.#api, platform, idOf(row), document, context) };
    });
    const [first] = rows;
    if (first !== undefined && read.every(({ found }) => found === 'gone')) {
      await this.#api.hasItems('run', idOf(first), context);
    }
    // One after the other, in the order of the list: what they say together must not depend on which answer came first.
    return rows.flatMap((row, index) => {
      const details = read[index]?.details;
      return details === undefined ? [] : mapRunDetails(platform, idOf(row), details);
    });
  }

  /** Details of runs that the list does not show where it was read. */
  async readOpen(
    { platform, context }: RestPoll,
    found: readonly { readonly id: string; readonly document: Document }[],
  ): Promise<RowRecords[]> {
    const read = await inParallel(found, ({ id, document }) =>
      readRunDetails(this.#api, platform, id, document, context),
    );
    return found.flatMap(({ id }, index) => {
      const details = read[index];
      return details === undefined ? [] : mapRunDetails(platform, id, details);
    });
  }
}

function digest(document: Document): string {
  return createHash('sha1').update(JSON.stringify(document)).digest('base64');
}
