import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { Gauge } from 'prom-client';
import type { HealthRegistry, PartState } from '../http/healthRegistry.ts';
import { markDelivered, type PlacedEntry, readUndelivered } from '../ledger/auditDelivery.ts';
import { type AuditWebhook, NotTaken, postEntries } from './postEntries.ts';

/** The one receiver that can be configured; its place outlives a change of its address. */
const RECEIVER = 'webhook';
const MAX_ENTRIES = 500;
/** Of one request: Splunk takes 1 MB by default, Datadog 5 MB. */
const MAX_BYTES = 900_000;
const IDLE_MS = 1_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** A receiver may ask for longer pauses than that, but not for ever. */
const LONGEST_ASKED_MS = 3_600_000;

/** Hands the audit trail to a webhook, and says in /health and the metrics whether it takes it. */
export class AuditDelivery {
  readonly #webhook: AuditWebhook | undefined;
  readonly #failing: Gauge;
  readonly #unregister: (() => void) | undefined;
  #delivers = false;
  #failure: { readonly message: string; readonly sinceMs: number } | undefined;

  /** @param failing `fleetlens_audit_webhook_failing_timestamp_seconds` */
  constructor(webhook: AuditWebhook | undefined, failing: Gauge, health: HealthRegistry) {
    this.#webhook = webhook;
    this.#failing = failing;
    this.#worked();
    this.#unregister = webhook && health.register({ name: 'audit webhook', check: async () => this.#health() });
  }

  /**
   * Delivers until the signal aborts: every entry at least once, in the order of commits. What the receiver has taken is
   * remembered after it answered, so a crash in between sends it once more, and nothing is left out.
   */
  async deliver(pool: pg.Pool, log: Logger, signal: AbortSignal): Promise<void> {
    const webhook = this.#webhook;
    if (webhook === undefined) return;
    let most = MAX_ENTRIES;
    let retryMs = FIRST_RETRY_MS;
    this.#delivers = true;
    while (!signal.aborted) {
      let pauseMs = 0;
      let entries: readonly PlacedEntry[] = [];
      try {
        entries = upTo(MAX_BYTES, await readUndelivered(pool, RECEIVER, most));
        const last = entries.at(-1);
        if (last === undefined) pauseMs = IDLE_MS;
        else {
          const docs = entries.map(({ doc }) => doc);
          await postEntries(webhook, docs, signal);
          await markDelivered(pool, RECEIVER, last);
        }
        this.#worked();
        most = Math.min(most * 2, MAX_ENTRIES);
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        if (signal.aborted) break;
        this.#failed(error instanceof Error ? error.message : String(error));
        const refusal = error instanceof NotTaken ? error : undefined;
        const isTooLarge = refusal?.isTooLarge === true && entries.length > 1;
        if (isTooLarge) most = Math.ceil(entries.length / 2);
        else {
          pauseMs = Math.min(refusal?.retryAfterMs ?? retryMs, LONGEST_ASKED_MS);
          retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
        }
        log.warn({ err: error, pauseMs }, 'audit webhook: the entries were not taken; they are sent again');
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
    // Another replica delivers from now on.
    this.#delivers = false;
    this.#worked();
  }

  unregister(): void {
    this.#unregister?.();
  }

  #worked(): void {
    this.#failure = undefined;
    this.#failing.remove();
  }

  #failed(message: string): void {
    this.#failure = { message, sinceMs: this.#failure?.sinceMs ?? Date.now() };
    this.#failing.set(this.#failure.sinceMs / 1000);
  }

  #health(): PartState {
    if (this.#failure !== undefined) {
      const since = new Date(this.#failure.sinceMs).toISOString();
      const detail = `takes no entries since ${since}: ${this.#failure.message}; they are kept and sent again`;
      return { status: 'degraded', detail };
    }
    return { status: 'ok', detail: this.#delivers ? 'this replica delivers' : 'another replica delivers' };
  }
}

/** The first entries that fit; one at least. */
function upTo(maxBytes: number, entries: readonly PlacedEntry[]): readonly PlacedEntry[] {
  let bytes = 0;
  const end = entries.findIndex(({ doc }) => {
    bytes += Buffer.byteLength(JSON.stringify(doc)) + 1;
    return bytes > maxBytes;
  });
  return end === -1 ? entries : entries.slice(0, Math.max(1, end));
}
