import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Logger } from 'pino';

/** 'flee', 'poll': the advisory lock of the replica that polls. Advisory locks belong to one database, so to one ledger. */
const LOCK = [0x666c6565, 0x706f6c6c] as const;

/** How often a replica that does not lead tries to, and how often the leader shows the server that it lives. */
const BEAT_MS = 3_000;
/** A leader whose last answered beat is older gives up by itself. Below {@link IDLE_SESSION_MS}. */
const LEASE_MS = 8_000;
/** The server ends the session of a leader that hangs (a stopped process, a blocked event loop), which frees the lock. */
const IDLE_SESSION_MS = 10_000;

interface RunLeader {
  /**
   * Opens a connection of its own to the ledger's server, directly or through a pooler in session mode: in transaction
   * mode a session lock belongs to nobody. It must not come from a pool.
   */
  connect(): Promise<Client>;
  /** Works while this replica leads; has to end when the signal aborts. */
  onLead(signal: AbortSignal): Promise<void>;
  readonly log: Logger;
}

export interface Leader {
  /** Gives up the lead after `onLead` has ended, and closes the connection. */
  stop(): Promise<void>;
}

/**
 * Elects one of the replicas that share a ledger: who holds a session advisory lock leads. The lock goes with the session,
 * so another replica takes over
 * - within one beat (3 s) after the leader stopped, crashed or lost its connection;
 * - within 9 s + one beat after its host vanished (TCP keepalive and user timeout, set on both ends);
 * - within 10 s + one beat after its process began to hang: the server ends a session that is silent for 10 s.
 *
 * A process that hung may, when it wakes, commit the one page that it was about to before it learns that it lost the lead. That is
 * harmless: a pulled page only states what the source held, the newest reading wins field by field, and a cursor that
 * goes back only makes the next poll read a page twice.
 */
export function runLeader({ connect, onLead, log }: RunLeader): Leader {
  const stopping = new AbortController();
  const running = loop();

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await campaign();
      } catch (error) {
        if (stopping.signal.aborted) return;
        log.warn({ err: error }, 'no connection for electing the replica that polls; trying again');
      }
      await pause(BEAT_MS);
    }
  }

  async function campaign(): Promise<void> {
    const client = await connect();
    const lost = new AbortController();
    client.on('error', (error) => lost.abort(error));
    client.on('end', () => lost.abort(new Error('the connection that holds the lead has ended')));
    try {
      await client.query(
        `select set_config('idle_session_timeout', '${IDLE_SESSION_MS}', false),
                set_config('statement_timeout', '${LEASE_MS}', false),
                set_config('tcp_keepalives_idle', '3', false), set_config('tcp_keepalives_interval', '2', false),
                set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '9000', false)`,
      );
      let waiting = false;
      while (!stopping.signal.aborted && !lost.signal.aborted) {
        if (await answered(tryLock(client))) {
          await lead(client, lost);
          return;
        }
        if (!waiting) log.info('another replica polls the sources; this one takes over when it stops');
        waiting = true;
        await pause(BEAT_MS, lost.signal);
      }
    } finally {
      await end(client);
    }
  }

  async function lead(client: Client, lost: AbortController): Promise<void> {
    log.info('this replica polls the sources');
    const signal = AbortSignal.any([lost.signal, stopping.signal]);
    const lease = new Lease(() => lost.abort(new Error(`the ledger's server did not answer for ${LEASE_MS / 1000} s`)));
    beat(client, signal, lease).catch((error: unknown) => lost.abort(error));
    try {
      await onLead(signal);
      if (!signal.aborted) await aborted(signal);
    } finally {
      lost.abort(new Error('the lead has ended'));
      lease.end();
      if (!stopping.signal.aborted) log.warn('this replica lost the lead');
    }
  }

  async function beat(client: Client, signal: AbortSignal, lease: Lease): Promise<void> {
    while (!signal.aborted) {
      await pause(BEAT_MS, signal);
      if (signal.aborted) return;
      await client.query('select 1');
      lease.renew();
    }
  }

  async function pause(ms: number, signal: AbortSignal = stopping.signal): Promise<void> {
    const either = AbortSignal.any([signal, stopping.signal]);
    try {
      await sleep(ms, undefined, { signal: either });
    } catch (error) {
      if (!either.aborted) throw error;
    }
  }

  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };

  async function end(client: Client): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, BEAT_MS);
    // A broken connection cannot say goodbye; the server frees the lock by itself.
    await Promise.race([client.end().catch((error: unknown) => log.debug({ err: error }, 'closing failed')), late]);
    clearTimeout(timer);
  }
}

/** Runs out unless it is renewed: a clock of this process, for a server that neither answers nor hangs up. */
class Lease {
  readonly #onEnd: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    this.renew();
  }

  renew(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onEnd, LEASE_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** A follower must not wait for ever for a server that vanished. */
async function answered<T>(query: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`the server did not answer for ${LEASE_MS / 1000} s`)), LEASE_MS);
  try {
    return await Promise.race([query, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function tryLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1, $2) as locked', [...LOCK]);
  return rows[0]?.locked === true;
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}
