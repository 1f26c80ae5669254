/** Credentials that were presented and refused. */
export interface RefusedUseReport {
  /** The token's name, or the login of the person; absent where nobody is known by what was presented. */
  readonly principalName?: string | undefined;
  /** `GET /api/v1/runs/:source/:id` */
  readonly route: string;
  /** What was found and expected; never the credentials. */
  readonly reason: string;
  /** Of the client, as far as it is known. */
  readonly address: string;
  /** Refusals of the same principal that were not reported since the last one. */
  readonly unreported: number;
}

/** Reports of one principal at once, and how long until it may have one more. */
const BURST = 20;
const REFILL_MS = 60_000;
/** Principals are tokens of the configuration and people of Grafana; those whom nobody knows count as one. */
const MAX_PRINCIPALS = 1_000;

interface Allowance {
  left: number;
  refilledAt: number;
  unreported: number;
}

/**
 * Passes refusals on while they are few: of each principal 20 at once and one more a minute. So a scanner writes less than
 * a megabyte a day, and cannot hide what others are refused behind its own.
 */
export class RefusedUse {
  readonly #allowances = new Map<string | undefined, Allowance>();
  readonly #onRefused: (report: RefusedUseReport) => void;
  readonly #now: () => number;

  /** @param now milliseconds of a clock that never goes back. */
  constructor(onRefused: (report: RefusedUseReport) => void, now: () => number = () => performance.now()) {
    this.#onRefused = onRefused;
    this.#now = now;
  }

  report(refusal: Omit<RefusedUseReport, 'unreported'>): void {
    const allowance = this.#allowanceOf(refusal.principalName);
    const minutes = Math.floor((this.#now() - allowance.refilledAt) / REFILL_MS);
    allowance.left = Math.min(BURST, allowance.left + minutes);
    allowance.refilledAt += minutes * REFILL_MS;
    if (allowance.left === 0) {
      allowance.unreported += 1;
      return;
    }
    allowance.left -= 1;
    const { unreported } = allowance;
    allowance.unreported = 0;
    this.#onRefused({ ...refusal, unreported });
  }

  #allowanceOf(principal: string | undefined): Allowance {
    const known = this.#allowances.get(principal);
    if (known !== undefined) return known;
    const fresh = { left: BURST, refilledAt: this.#now(), unreported: 0 };
    if (this.#allowances.size >= MAX_PRINCIPALS) {
      const [oldest] = this.#allowances.keys();
      this.#allowances.delete(oldest);
    }
    this.#allowances.set(principal, fresh);
    return fresh;
  }
}
