export interface CacheTimes {
  /** An answer this old is asked for again before it is used. */
  readonly refreshMs: number;
  /** While asking fails, an answer is used until it is this old. */
  readonly keepMs: number;
  /** Between two attempts. */
  readonly cooldownMs: number;
  /** The same, while there is no answer to use: everybody is refused until there is one. */
  readonly emptyCooldownMs: number;
}

/**
 * What Grafana says, kept for a while: asked for at most once per cooldown however many want it, and used on for a bounded
 * time while Grafana does not answer.
 */
export class CachedAnswer<T> {
  readonly #ask: () => Promise<T>;
  readonly #times: CacheTimes;
  readonly #now: () => number;
  #answer: { readonly value: T; readonly at: number } | undefined;
  #asking: Promise<void> | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #failure: Error | undefined;

  /** @param now milliseconds of a clock that never goes back. */
  constructor(ask: () => Promise<T>, times: CacheTimes, now: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#times = times;
    this.#now = now;
  }

  /** Why the last attempt failed; undefined where it did not. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Milliseconds since the answer was given; undefined where there is none. */
  get ageMs(): number | undefined {
    return this.#answer && this.#now() - this.#answer.at;
  }

  /** @throws the last failure, where there is no answer that may still be used. */
  async get(): Promise<T> {
    const { refreshMs } = this.#times;
    if ((this.ageMs ?? Number.POSITIVE_INFINITY) > refreshMs) {
      const asking = this.#refresh();
      // While Grafana is away nobody waits for it again and again.
      if (this.#failure === undefined || !this.#isUsable()) await asking;
    }
    return this.#usable();
  }

  /** Asks again whatever the age, for a reader who misses something in the answer. @throws as {@link get} */
  async getAnew(): Promise<T> {
    await this.#refresh();
    return this.#usable();
  }

  #isUsable(): boolean {
    return (this.ageMs ?? Number.POSITIVE_INFINITY) <= this.#times.keepMs;
  }

  #usable(): T {
    if (this.#answer !== undefined && this.#isUsable()) return this.#answer.value;
    throw this.#failure ?? new Error('nothing was asked yet');
  }

  #refresh(): Promise<void> {
    if (this.#asking !== undefined) return this.#asking;
    const { cooldownMs, emptyCooldownMs } = this.#times;
    const cooldown = this.#isUsable() ? cooldownMs : emptyCooldownMs;
    if (this.#now() - this.#triedAt < cooldown) return Promise.resolve();
    this.#triedAt = this.#now();
    this.#asking = this.#ask().then(
      (value) => {
        this.#answer = { value, at: this.#now() };
        this.#failure = undefined;
        this.#asking = undefined;
      },
      (error: unknown) => {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        this.#asking = undefined;
      },
    );
    return this.#asking;
  }
}
