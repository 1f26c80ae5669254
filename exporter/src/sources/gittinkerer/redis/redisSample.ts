import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { z } from 'zod';
import { infoNumber, infoText } from '../../redis/infoFields.ts';
import { defined } from '../../rows/textValues.ts';
import type { PulledRecord } from '../../source.ts';
import type { GittinkererConfig } from '../config.ts';
import { compileKeyPatterns, type KeyPattern } from './keyPattern.ts';
import { type LimitReading, readLimits } from './rateLimitKeys.ts';

const cursorSchema = z.object({
  serverRunId: z.string(),
  /** What the readings here added to the server's own statistics. */
  ownHits: z.number(),
  ownMisses: z.number(),
  /** Keys over their limit: until when their window lasts (null: for ever), and what was told of it. */
  windows: z.record(z.string(), z.object({ resetAt: z.number().nullable(), refused: z.number() })),
});
export type RedisCursor = z.infer<typeof cursorSchema>;

const SCAN_COUNT = 1_000;
/** Keys remembered to count each once: SCAN may give one twice while the server rehashes. */
const MAX_DISTINCT = 200_000;
/** Limiter keys whose values are read in one poll. */
const MAX_LIMIT_KEYS = 2_000;

/** A round of SCAN through the key space; a big one takes several polls. */
interface Round {
  cursor: string;
  runStatus: Set<string>;
  beyond: number;
}

/**
 * Reads how the Redis of the service is: statistics, memory, how many run statuses it caches, and who is limited. Work is bounded
 * whatever the number of keys. Values of run statuses are not read: that would make all of them look used.
 */
export class RedisSample {
  readonly #config: Pick<GittinkererConfig, 'rate_limits' | 'run_status_prefix' | 'scan_keys'>;
  #round: Round = newRound();
  /** Of the last complete round. */
  #runStatusKeys: number | undefined;
  readonly #remaining = new Map<string, number>();
  readonly #patterns: readonly KeyPattern[];
  readonly #log: Logger;
  #warned = false;

  constructor(config: Pick<GittinkererConfig, 'rate_limits' | 'run_status_prefix' | 'scan_keys'>, log: Logger) {
    this.#config = config;
    this.#patterns = compileKeyPatterns(config.rate_limits.keys);
    this.#log = log;
  }

  async read(redis: Redis, stored: unknown): Promise<{ records: PulledRecord[]; cursor: RedisCursor }> {
    const before = cursorSchema.safeParse(stored).data;
    const startedMs = performance.now();
    await redis.ping();
    const latencySeconds = (performance.now() - startedMs) / 1000;
    const limitKeys = await this.#scan(redis);
    const limits = await readLimits(redis, limitKeys, this.#config.rate_limits.max);
    if (limits.unreadable.length > 0 && !this.#warned) {
      this.#warned = true;
      this.#log.warn(
        { keys: limits.unreadable.slice(0, 5), expected: 'a number, JSON with a count, or a sorted set' },
        'keys that match rate_limits.keys hold no count; set the pattern of the limiter’s own keys',
      );
    }
    // Last, so that it holds what the readings above added.
    const info = await redis.info();
    const at = new Date().toISOString();
    const serverRunId = infoText(info, 'run_id') ?? '';
    const same = before?.serverRunId === serverRunId;
    const ownHits = (same ? before.ownHits : 0) + limits.hits;
    const ownMisses = (same ? before.ownMisses : 0) + limits.misses;
    const { records, windows } = this.#decisions(limits.readings, before?.windows ?? {}, limits.nowMs, at);
    records.unshift({
      kind: 'store',
      at,
      data: defined({
        store: 'redis',
        at,
        up: true,
        error: null,
        latencySeconds,
        hitsTotal: less(infoNumber(info, 'keyspace_hits'), ownHits),
        missesTotal: less(infoNumber(info, 'keyspace_misses'), ownMisses),
        evictionsTotal: infoNumber(info, 'evicted_keys'),
        memoryBytes: infoNumber(info, 'used_memory'),
        keys: this.#runStatusKeys,
        serverRunId: serverRunId === '' ? undefined : serverRunId,
        attributes: defined({
          version: infoText(info, 'redis_version'),
          maxMemoryBytes: infoNumber(info, 'maxmemory'),
          maxMemoryPolicy: infoText(info, 'maxmemory_policy'),
          expiredTotal: infoNumber(info, 'expired_keys'),
          connectedClients: infoNumber(info, 'connected_clients'),
          uptimeSeconds: infoNumber(info, 'uptime_in_seconds'),
        }),
      }),
    });
    return { records, cursor: { serverRunId, ownHits, ownMisses, windows } };
  }

  /** Goes on with the round through the keys. @returns the limiter's keys that it met. */
  async #scan(redis: Redis): Promise<{ key: string; pattern: KeyPattern; subject: string }[]> {
    const { run_status_prefix: prefix, scan_keys: most } = this.#config;
    const found = new Map<string, { key: string; pattern: KeyPattern; subject: string }>();
    for (let keys = 0; keys < most; keys += SCAN_COUNT) {
      const [next, names] = await redis.scan(this.#round.cursor, 'COUNT', SCAN_COUNT);
      for (const key of names) {
        if (key.startsWith(prefix)) {
          if (this.#round.runStatus.size < MAX_DISTINCT) this.#round.runStatus.add(key);
          else this.#round.beyond++;
        } else if (found.size < MAX_LIMIT_KEYS) {
          for (const pattern of this.#patterns) {
            const subject = pattern.subjectOf(key);
            if (subject === undefined) continue;
            found.set(key, { key, pattern, subject });
            break;
          }
        }
      }
      this.#round.cursor = next;
      if (next !== '0') continue;
      this.#runStatusKeys = this.#round.runStatus.size + this.#round.beyond;
      this.#round = newRound();
      break;
    }
    return [...found.values()];
  }

  /** A window counts on while requests are refused: what it counted since the last look is told, once. */
  #decisions(
    readings: readonly LimitReading[],
    before: RedisCursor['windows'],
    nowMs: number,
    at: string,
  ): { records: PulledRecord[]; windows: RedisCursor['windows'] } {
    const windows: RedisCursor['windows'] = {};
    const records: PulledRecord[] = [];
    const seen = new Set(readings.map(({ key }) => key));
    // A key that this part of a round did not meet may come again before its window ends.
    for (const [key, window] of Object.entries(before)) {
      if (!seen.has(key) && window.resetAt !== null && window.resetAt > nowMs) windows[key] = window;
    }
    for (const { key, pattern, subject, count, limit, resetAtMs } of readings) {
      const refused = Math.max(0, count - limit);
      const known = before[key];
      const isSame =
        known !== undefined && refused >= known.refused && (known.resetAt === null || known.resetAt + SLACK_MS > nowMs);
      const fresh = refused - (isSame ? known.refused : 0);
      if (refused > 0) windows[key] = { resetAt: resetAtMs ?? null, refused };
      const remaining = Math.max(0, limit - count);
      if (fresh === 0 && this.#remaining.get(key) === remaining) continue;
      this.#remaining.set(key, remaining);
      records.push({
        kind: 'rateLimit',
        at,
        data: defined({
          layer: pattern.layer,
          project: pattern.layer === 'repo' ? subject : undefined,
          eventId: key.slice(0, 255),
          at,
          limited: fresh > 0,
          count: fresh > 0 ? fresh : undefined,
          limit,
          remaining,
          resetAt: resetAtMs === undefined ? undefined : new Date(resetAtMs).toISOString(),
          attributes: defined({ key, counted: count, ip: pattern.layer === 'ip' ? subject : undefined }),
        }),
      });
    }
    for (const key of this.#remaining.keys()) if (!seen.has(key)) this.#remaining.delete(key);
    return { records, windows };
  }
}

/** The server rounds times to live to milliseconds, and a poll takes some. */
const SLACK_MS = 50;

function newRound(): Round {
  return { cursor: '0', runStatus: new Set(), beyond: 0 };
}

function less(total: number | undefined, own: number): number | undefined {
  return total === undefined ? undefined : Math.max(0, total - own);
}
