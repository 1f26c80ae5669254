import type pg from 'pg';
import type { Gauge } from 'prom-client';
import type { HealthRegistry } from './http/healthRegistry.ts';
import { type ComparedCounter, compareCounters } from './ledger/read/compareCounters.ts';

/** More than this in one line helps nobody; the metric has all of them. */
const MAX_TOLD = 5;

/**
 * Shows how far the platforms' own counters and the ledger's are apart, as a metric and as a line of /health. A difference is
 * no fault of the exporter alone (a platform counts runs that it deleted long ago), so it does not make /health degraded.
 */
export class SourceCounters {
  readonly #difference: Gauge;
  readonly #unregister: () => void;
  #compared: readonly ComparedCounter[] = [];

  /** @param difference `fleetlens_source_figure_difference` */
  constructor(difference: Gauge, health: HealthRegistry) {
    this.#difference = difference;
    this.#unregister = health.register({
      name: 'platform counters',
      check: async () => ({ status: 'ok', latencyMs: 0, detail: describe(this.#compared) }),
    });
  }

  async compare(pool: pg.Pool): Promise<void> {
    this.#compared = await compareCounters(pool);
    this.#difference.reset();
    for (const { source, project, counter, platform, ledger } of this.#compared) {
      this.#difference.set({ source, project, counter }, platform - ledger);
    }
  }

  /** This replica leads no more: another one compares. */
  forget(): void {
    this.#compared = [];
    this.#difference.reset();
  }

  unregister(): void {
    this.forget();
    this.#unregister();
  }
}

function describe(compared: readonly ComparedCounter[]): string {
  if (compared.length === 0) return 'none to compare with';
  const apart = compared.filter(({ platform, ledger }) => platform !== ledger);
  if (apart.length === 0) return `${compared.length} counters are equal to the ledger's`;
  const told = apart
    .slice(0, MAX_TOLD)
    .map((c) => `${c.source} ${c.project} ${c.counter}: the platform counts ${c.platform}, the ledger ${c.ledger}`);
  const more = apart.length > MAX_TOLD ? `; and ${apart.length - MAX_TOLD} more` : '';
  return `${apart.length} of ${compared.length} differ: ${told.join('; ')}${more}`;
}
