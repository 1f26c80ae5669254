/** A token bucket: one token each `intervalMs`, at most `burst` of them. */
export class RateLimiter {
  readonly #intervalMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** @param now milliseconds of a clock that never goes back. */
  constructor({ intervalMs, burst }: { readonly intervalMs: number; readonly burst: number }, now: number) {
    this.#intervalMs = intervalMs;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** @returns undefined when the request may pass, else after how many milliseconds the next token comes. */
  take(now: number): number | undefined {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) / this.#intervalMs);
    this.#at = now;
    if (this.#tokens < 1) return (1 - this.#tokens) * this.#intervalMs;
    this.#tokens -= 1;
    return undefined;
  }
}
