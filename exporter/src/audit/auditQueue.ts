import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Ledger } from '../ledger/ledger.ts';
import { type AuditEntry, writeAudit } from '../ledger/writeAudit.ts';

/** More than any incident that is worth reading; what comes on top is counted. */
const MAX_WAITING = 1_000;
const AT_ONCE = 100;
const RETRY_MS = 2_000;
/** How long a stop waits for what is still to be written. */
const DRAIN_MS = 2_000;

/**
 * Writes audit entries of what has no transaction of its own: refused credentials, a configuration that came into force. What
 * happens while the ledger is away is written when it is back, with the time at which it happened.
 */
export class AuditQueue {
  readonly #ledger: Ledger;
  readonly #log: Logger;
  readonly #ready: Promise<unknown>;
  readonly #stopping = new AbortController();
  #waiting: AuditEntry[] = [];
  #leftOut = 0;
  #writing: Promise<void> | undefined;

  /** @param ready resolves once the schema is there; where it rejects, nothing is written. */
  constructor(ledger: Ledger, ready: Promise<unknown>, log: Logger) {
    this.#ledger = ledger;
    this.#ready = ready;
    this.#log = log;
  }

  add(entry: AuditEntry): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#leftOut += 1;
      return;
    }
    this.#waiting.push({ at: new Date().toISOString(), ...entry });
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Writes what can be written soon. What cannot is logged, so that it stands somewhere. */
  async close(): Promise<void> {
    await Promise.race([this.#writing, sleep(DRAIN_MS, undefined, { ref: false })]);
    this.#stopping.abort();
    await this.#writing;
    if (this.#waiting.length > 0) this.#log.error({ entries: this.#waiting }, 'audit entries could not be written');
  }

  async #writeAll(): Promise<void> {
    const { signal } = this.#stopping;
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([this.#ready, stopped]).catch(() => this.#stopping.abort());
    while (this.#waiting.length > 0 && !signal.aborted) {
      const batch = this.#waiting.slice(0, AT_ONCE);
      const leftOut = this.#leftOut;
      try {
        await this.#ledger.transaction(async (tx) => {
          for (const entry of batch) await writeAudit(tx, entry);
          if (leftOut > 0) {
            await writeAudit(tx, { actor: 'fleetlens', action: 'audit_left_out', attributes: { entries: leftOut } });
          }
        });
        this.#waiting = this.#waiting.slice(batch.length);
        this.#leftOut -= leftOut;
      } catch (error) {
        this.#log.warn({ err: error, waiting: this.#waiting.length }, 'audit entries wait for the ledger');
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  }
}
