const WINDOW_MS = 60_000;

/** Counts requests in windows of a minute, as a hosted API does that allows so many. */
export class RequestQuota {
  readonly perMinute: number;
  #endsMs = 0;
  #used = 0;
  /** Requests that were refused since the beginning. */
  refused = 0;

  constructor(perMinute: number) {
    this.perMinute = perMinute;
  }

  /** Takes one request. `resetAt`: when the window ends, milliseconds since 1970. */
  take(now = Date.now()): { readonly allowed: boolean; readonly remaining: number; readonly resetAt: number } {
    if (now >= this.#endsMs) {
      this.#endsMs = now + WINDOW_MS;
      this.#used = 0;
    }
    const allowed = this.#used < this.perMinute;
    if (allowed) this.#used++;
    else this.refused++;
    return { allowed, remaining: this.perMinute - this.#used, resetAt: this.#endsMs };
  }
}
