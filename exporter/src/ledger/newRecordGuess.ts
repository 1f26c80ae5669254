/** What a guess is about: the records of a kind, or the ids of events. */
export type Guessed = string;

/** Batches without any existing record after which the next one is not asked for them. */
const FIRST_TRUST = 2;
/** After as many wrong guesses as it takes to get here, so many clean batches come before the next guess. */
const LEAST_TRUST = 256;

interface Experience {
  /** Batches in a row in which nothing existed before. */
  clean: number;
  needed: number;
}

/**
 * Guesses whether a batch holds only new records, so that a kind that is written once (output, usage, …) need not be
 * looked for before it is inserted: a third of the database's time. A wrong guess costs a rolled-back transaction, after
 * which the batch is read as ever; each makes the next guess rarer.
 */
export class NewRecordGuess {
  readonly #experience = new Map<Guessed, Experience>();

  expectsNew(what: Guessed): boolean {
    const of = this.#of(what);
    return of.clean >= of.needed;
  }

  /** A batch was looked up: did any of it exist? */
  learn(what: Guessed, someExisted: boolean): void {
    const of = this.#of(what);
    of.clean = someExisted ? 0 : of.clean + 1;
  }

  /** A batch that was expected to be new was not. */
  wasWrong(what: Guessed): void {
    const of = this.#of(what);
    of.clean = 0;
    of.needed = Math.min(LEAST_TRUST, of.needed * 4);
  }

  #of(what: Guessed): Experience {
    let of = this.#experience.get(what);
    if (of === undefined) {
      of = { clean: 0, needed: FIRST_TRUST };
      this.#experience.set(what, of);
    }
    return of;
  }
}
