import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { SourceError, type SourceResult } from '../source.ts';

type Failure = Exclude<SourceResult, 'ok'>;

const ERRORS: readonly { pattern: RegExp; result: Failure; remedy: string }[] = [
  {
    pattern: /NOAUTH|WRONGPASS|invalid (username|password)|without any password/i,
    result: 'auth',
    remedy: 'check user and password of redis_url',
  },
  {
    pattern: /NOPERM/i,
    result: 'auth',
    remedy: 'allow the user of redis_url the read commands (ACL: +@read +info +time +ping)',
  },
  {
    pattern: /WRONGTYPE/i,
    result: 'schema',
    remedy: 'the key holds another type than this source reads; check the configured names of queues and keys',
  },
  {
    pattern: /\b(LOADING|BUSY|MASTERDOWN|OOM|MISCONF|CLUSTERDOWN)\b/i,
    result: 'server',
    remedy: 'see the log of the Redis server',
  },
  {
    pattern:
      /ECONN|ENOTFOUND|EAI_AGAIN|EHOST|ENET|EPIPE|ETIMEDOUT|connection is closed|timed out|max retries|writeable/i,
    result: 'network',
    remedy: 'check host and port of redis_url, and that the server runs',
  },
];

function redisError(error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const message = first instanceof Error ? first.message : String(first);
  const known = ERRORS.find(({ pattern }) => pattern.test(message));
  return new SourceError(known === undefined ? `Redis: ${message}` : `Redis: ${message}; ${known.remedy}`, {
    result: known?.result ?? 'other',
    cause: error,
  });
}

const CONNECT_TIMEOUT_MS = 5_000;
const COMMAND_TIMEOUT_MS = 10_000;

/** One connection to the Redis of a platform. It never reconnects by itself: a poll that finds it closed opens another one. */
export class RedisConnection {
  readonly #url: string;
  readonly #log: Logger;
  #client: Redis | undefined;

  constructor(url: string, log: Logger) {
    this.#url = url;
    this.#log = log;
  }

  /** @throws SourceError */
  async use<T>(
    work: (redis: Redis) => Promise<T>,
    signal: AbortSignal,
    countRequest?: (result: SourceResult) => void,
  ): Promise<T> {
    signal.throwIfAborted();
    const onAbort = () => this.#client?.disconnect();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const result = await work(await this.#connect());
      countRequest?.('ok');
      return result;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const failure = redisError(error);
      countRequest?.(failure.result);
      throw failure;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  failure(error: unknown): SourceError {
    return redisError(error);
  }

  close(): void {
    this.#client?.disconnect();
    this.#client = undefined;
  }

  async #connect(): Promise<Redis> {
    if (this.#client?.status === 'ready') return this.#client;
    this.#client?.disconnect();
    const client = new Redis(this.#url, {
      lazyConnect: true,
      connectionName: 'fleetlens',
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      retryStrategy: () => null,
    });
    this.#client = client;
    let reason: Error | undefined;
    client.on('error', (error: Error) => {
      // What made connect() fail comes here; connect() itself only says that the connection is closed.
      reason ??= error;
      this.#log.debug({ err: error }, 'the connection to Redis broke');
    });
    try {
      await client.connect();
    } catch (error) {
      client.disconnect();
      throw reason ?? error;
    }
    return client;
  }
}
