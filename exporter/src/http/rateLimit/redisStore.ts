import { Redis } from 'ioredis';
import type { Limit, LimitStore, Taken } from './limitStore.ts';

export interface RedisStoreOptions {
  readonly host: string;
  readonly port: number;
  readonly password?: string;
  /** Called when it stops answering, with the reason, and when it answers again; at the start only where it does not. */
  onState(failure: Error | undefined): void;
}

/** Longer than a pause of this process or of Redis, shorter than what a client takes for a failure. */
const ANSWER_MS = 500;
/** How often a Redis that is away is asked whether it is back. */
const PROBE_MS = 1_000;
const PREFIX = 'fleetlens:rate_limit:';

/**
 * KEYS: the counters. ARGV: max, window in ms. Returns which counter decided (1-based), whether the request passes (1 or 0), the
 * counter's value and the ms until it ends.
 */
const TAKE = `
local max, window = tonumber(ARGV[1]), tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
  local count = tonumber(redis.call('GET', key) or '0')
  if count >= max then
    local left = redis.call('PTTL', key)
    if left < 0 then redis.call('PEXPIRE', key, window); left = window end
    return {i, 0, count, left}
  end
end
local nearest, most = 0, 0
for i, key in ipairs(KEYS) do
  local count = redis.call('INCR', key)
  if count == 1 then redis.call('PEXPIRE', key, window) end
  if count > most then nearest, most = i, count end
end
return {nearest, 1, most, redis.call('PTTL', KEYS[nearest])}
`;

/**
 * Counters that replicas share in Redis: one atomic script and one round trip a request. While Redis does not answer nothing is asked
 * of it but, once a second, whether it is back, so that at most the requests under way wait for it.
 */
export class RedisStore implements LimitStore {
  readonly #client: Redis;
  readonly #onState: (failure: Error | undefined) => void;
  /** Undefined until it was asked for the first time. */
  #isUp: boolean | undefined;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #connectionError: Error | undefined;

  private constructor({ host, port, password, onState }: RedisStoreOptions) {
    this.#onState = onState;
    this.#client = new Redis({
      host,
      port,
      ...(password === undefined ? {} : { password }),
      lazyConnect: true,
      connectionName: 'fleetlens',
      connectTimeout: ANSWER_MS,
      commandTimeout: ANSWER_MS,
      // A Redis that loads or has lost its master answers commands with errors, which say more.
      enableReadyCheck: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => PROBE_MS,
    });
    this.#client.on('error', (error: Error) => {
      this.#connectionError = error;
    });
  }

  /** Asks it once; one that does not answer is asked again every second, and the store is there meanwhile. */
  static async open(options: RedisStoreOptions): Promise<RedisStore> {
    const store = new RedisStore(options);
    await store.#client.connect().catch(() => undefined); // the probe tells why
    await store.#probe();
    return store;
  }

  get isUp(): boolean {
    return this.#isUp === true;
  }

  async take(keys: readonly string[], limit: Limit): Promise<Taken | undefined> {
    if (this.#isUp !== true) return undefined;
    try {
      return await this.#ask(keys, limit);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#client.disconnect();
  }

  async #ask(keys: readonly string[], { max, windowMs }: Limit): Promise<Taken> {
    const names = keys.map((key) => PREFIX + key);
    const answer = await this.#client.eval(TAKE, names.length, ...names, max, Math.ceil(windowMs));
    const [place = 1, passes, count = 0, resetMs = 0] = answer as number[];
    return { allowed: passes === 1, key: keys[place - 1] ?? '', remaining: Math.max(0, max - count), resetMs };
  }

  /** With the same script: what may PING may lack the right to run it. */
  async #probe(): Promise<void> {
    try {
      await this.#ask(['probe'], { max: Number.MAX_SAFE_INTEGER, windowMs: PROBE_MS });
      this.#connectionError = undefined;
      this.#setUp(undefined);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#isClosed) return;
    this.#setUp(this.#connectionError ?? (error instanceof Error ? error : new Error(String(error))));
    if (this.#timer !== undefined) return;
    // What was sent to a Redis that hangs would be kept until it answers.
    if (this.#client.status === 'ready') this.#client.disconnect(true);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#probe();
    }, PROBE_MS).unref();
  }

  #setUp(failure: Error | undefined): void {
    const before = this.#isUp;
    this.#isUp = failure === undefined;
    if (before !== this.#isUp && !(before === undefined && this.#isUp)) this.#onState(failure);
  }
}
