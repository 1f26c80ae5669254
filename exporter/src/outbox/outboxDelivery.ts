import type pg from 'pg';
import type { Logger } from 'pino';
import { hideUrlCredentials } from '../config/secretNames.ts';
import type { BudgetMessage } from '../contract/budgetMessage.ts';
import { retryAfterMs } from '../retryAfterMs.ts';
import type { Receiver } from './receivers.ts';

export interface OutboxOptions {
  readonly pool: pg.Pool;
  receivers(): ReadonlyMap<string, Receiver>;
  readonly log: Logger;
}

interface Waiting {
  readonly id: string;
  readonly receiver: string;
  readonly key: string;
  readonly message: BudgetMessage;
  readonly attempts: number;
  readonly age_ms: string;
}

const TIMEOUT_MS = 10_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 10 * 60_000;
/** What a receiver asks for is not waited for longer than this. */
const LONGEST_WAIT_MS = 60 * 60_000;
/** Nobody needs to be told of a pause of yesterday. */
const GIVE_UP_MS = 24 * 60 * 60_000;
const SHOWN_ERROR = 500;

/**
 * Delivers what is in the outbox: to each receiver in order, one at a time, so that a pause is not told after its end; a receiver
 * that fails holds up no other one. What was sent and not noted before a crash is sent again under the same `Idempotency-Key`.
 */
export class OutboxDelivery {
  readonly #options: OutboxOptions;
  readonly #busy = new Map<string, Promise<void>>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Begins what is due and is not under way. @throws where the ledger does not answer. */
  async deliverDue(signal: AbortSignal): Promise<void> {
    const { rows } = await this.#options.pool.query<{ receiver: string }>({
      name: 'outbox_due',
      // The first of each receiver decides: those behind it wait for it.
      text: `select receiver from (
          select distinct on (receiver) receiver, next_at from fleetlens.outbox
          where delivered_at is null and gave_up_at is null order by receiver, id) first
        where next_at <= clock_timestamp()`,
    });
    for (const { receiver } of rows) {
      if (this.#busy.has(receiver) || signal.aborted) continue;
      const work = this.#deliverTo(receiver, signal)
        .catch((error: unknown) => {
          if (!signal.aborted) this.#options.log.warn({ err: error, receiver }, 'outbox: the ledger does not answer');
        })
        .finally(() => this.#busy.delete(receiver));
      this.#busy.set(receiver, work);
    }
  }

  /** Waits for what is under way; call it after the signal has aborted. */
  async settle(): Promise<void> {
    await Promise.all(this.#busy.values());
  }

  async #deliverTo(receiver: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const entry = await this.#next(receiver);
      if (entry === undefined || !(await this.#deliver(entry, signal))) return;
    }
  }

  async #next(receiver: string): Promise<Waiting | undefined> {
    const { rows } = await this.#options.pool.query<Waiting & { due: boolean }>({
      name: 'outbox_next',
      text: `select id, receiver, key, message, attempts, next_at <= clock_timestamp() as due,
          (extract(epoch from clock_timestamp() - created_at) * 1000)::bigint as age_ms
        from fleetlens.outbox where receiver = $1 and delivered_at is null and gave_up_at is null order by id limit 1`,
      values: [receiver],
    });
    const [entry] = rows;
    return entry?.due === true ? entry : undefined;
  }

  /** @returns whether the receiver is done with the entry, so that the next one can go. */
  async #deliver(entry: Waiting, signal: AbortSignal): Promise<boolean> {
    const { pool, log } = this.#options;
    const { id, receiver, key } = entry;
    const tell = this.#options.receivers().get(receiver);
    const failure = tell === undefined ? { reason: 'it is no longer configured' } : await send(tell, entry, signal);
    if (signal.aborted && failure !== undefined) return false;
    if (failure === undefined) {
      await pool.query(
        'update fleetlens.outbox set delivered_at = clock_timestamp(), attempts = attempts + 1, last_error = null where id = $1',
        [id],
      );
      return true;
    }
    const { reason, retryAfter = 0 } = failure;
    if (tell === undefined || Number(entry.age_ms) > GIVE_UP_MS) {
      await pool.query(
        'update fleetlens.outbox set gave_up_at = clock_timestamp(), attempts = attempts + 1, last_error = $2 where id = $1',
        [id, reason],
      );
      log.error({ receiver, key, reason }, 'outbox: a receiver could not be told; nobody tries again');
      return true;
    }
    // Half of it at random, so that receivers that failed together are not asked together.
    const backoff =
      Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(entry.attempts, 20)) * (0.5 + Math.random() / 2);
    const waitMs = Math.max(backoff, Math.min(retryAfter, LONGEST_WAIT_MS));
    await pool.query(
      `update fleetlens.outbox set attempts = attempts + 1, last_error = $2,
        next_at = clock_timestamp() + $3 * interval '1 millisecond' where id = $1`,
      [id, reason, waitMs],
    );
    log.warn(
      { receiver, key, reason, retryInMs: Math.round(waitMs) },
      'outbox: a receiver could not be told; trying again',
    );
    return false;
  }
}

/** @returns why it was not taken; undefined where it was. */
async function send(
  tell: Receiver,
  { key, message }: Waiting,
  signal: AbortSignal,
): Promise<{ readonly reason: string; readonly retryAfter?: number | undefined } | undefined> {
  const { url, method, headers, body } = tell(message);
  try {
    const response = await fetch(url, {
      method,
      headers: { 'user-agent': 'fleetlens', 'idempotency-key': key, ...headers },
      body,
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    if (response.ok) {
      await response.body?.cancel();
      return undefined;
    }
    const text = (await response.text()).slice(0, SHOWN_ERROR);
    return { reason: `answered ${response.status}: ${text}`, retryAfter: retryAfterMs(response.headers, Date.now()) };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    const message = error instanceof Error ? error.message : String(error);
    return { reason: hideUrlCredentials(`${message}${cause}`.replaceAll(url, '<url>')).slice(0, SHOWN_ERROR) };
  }
}
