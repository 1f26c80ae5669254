/** So many requests in a window, which begins with a key's first request. */
export interface Limit {
  readonly max: number;
  readonly windowMs: number;
}

/** What became of a request, by the counter that decided: the full one, or the one that is nearest to it. */
export interface Taken {
  readonly allowed: boolean;
  readonly key: string;
  readonly remaining: number;
  /** Milliseconds until its window ends. */
  readonly resetMs: number;
}

/** Where the counters are. */
export interface LimitStore {
  /**
   * Counts one request under every key, or under none where one of them is full already, so that what is refused costs nothing elsewhere.
   * @returns undefined where the store does not answer; it never throws.
   */
  take(keys: readonly string[], limit: Limit): Taken | Promise<Taken | undefined>;
  close(): void;
}
