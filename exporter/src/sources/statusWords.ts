import type { Logger } from 'pino';
import type { Status } from '../contract/status.ts';

/** A source's own words for statuses, lower case, and what they mean in the contract. */
export type StatusTable = Readonly<Record<string, Status>>;

/** Translates a source's status words. A word that the table does not have becomes `unknown`, with one warning a word. */
export class StatusWords {
  readonly #table: ReadonlyMap<string, Status>;
  readonly #log: Logger;
  readonly #warned = new Set<string>();

  constructor(table: StatusTable, log: Logger) {
    this.#table = new Map(Object.entries(table));
    this.#log = log;
  }

  knows(word: string): boolean {
    return this.#table.has(word.toLowerCase());
  }

  /** @returns nothing for an absent word: an absent status is not an unknown one. */
  read(word: string | null | undefined): { status?: Status; rawStatus?: string } {
    if (word === null || word === undefined || word === '') return {};
    const status = this.#table.get(word.toLowerCase());
    if (status !== undefined) return { status, rawStatus: word };
    if (!this.#warned.has(word)) {
      this.#warned.add(word);
      this.#log.warn(
        { word, expected: [...this.#table.keys()] },
        'the source has a status that is not known here; it is shown as unknown',
      );
    }
    return { status: 'unknown', rawStatus: word };
  }
}
