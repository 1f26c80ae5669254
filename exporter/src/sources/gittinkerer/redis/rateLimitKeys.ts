import type { Redis } from 'ioredis';
import { repliesOf, valueOrThrow } from '../../redis/pipelineReplies.ts';
import { isObject } from '../../rows/textValues.ts';
import type { KeyPattern } from './keyPattern.ts';

/** What one key of the limiter says. */
export interface LimitReading {
  readonly key: string;
  readonly pattern: KeyPattern;
  readonly subject: string;
  /** Requests in the window, refused ones included. */
  readonly count: number;
  readonly limit: number;
  /** By the server's clock; undefined where the key never expires. */
  readonly resetAtMs: number | undefined;
}

export interface LimitReadings {
  readonly readings: readonly LimitReading[];
  /** The server's clock. */
  readonly nowMs: number;
  /** What this reading added to the server's own hits and misses. */
  readonly hits: number;
  readonly misses: number;
  /** Keys that match a pattern and hold nothing that can be read as a count. */
  readonly unreadable: readonly string[];
}

/**
 * Reads the counters of a limiter: a number (INCR), JSON with a count, or a sorted set of requests. What was read is counted, as
 * the server counts it: GET and PTTL are a hit or a miss each, and so is ZCARD.
 */
export async function readLimits(
  redis: Redis,
  keys: readonly { readonly key: string; readonly pattern: KeyPattern; readonly subject: string }[],
  limit: number,
): Promise<LimitReadings> {
  const pipeline = redis.pipeline().time();
  for (const { key } of keys) pipeline.get(key).pttl(key);
  const [time, ...answers] = await repliesOf(pipeline);
  const [seconds, micros] = valueOrThrow(time) as [string, string];
  const nowMs = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  let hits = 0;
  let misses = 0;
  const counted: { index: number; value: Count | undefined; ttlMs: number }[] = [];
  const sets: number[] = [];
  for (const index of keys.keys()) {
    const value = answers[2 * index];
    const ttlMs = Number(valueOrThrow(answers[2 * index + 1]));
    if (value === null) misses++;
    else hits++;
    if (ttlMs === -2) misses++;
    else hits++;
    // A key of another type answers WRONGTYPE.
    if (value instanceof Error) sets.push(index);
    if (value !== null && ttlMs !== -2) {
      counted.push({ index, value: typeof value === 'string' ? countOf(value) : undefined, ttlMs });
    }
  }
  const sizes = await cardinalities(
    redis,
    sets.map((index) => keys[index]?.key ?? ''),
  );
  hits += sets.length;
  const unreadable: string[] = [];
  const readings = counted.flatMap(({ index, value, ttlMs }): LimitReading[] => {
    const entry = keys[index];
    if (entry === undefined) return [];
    const size = sizes[sets.indexOf(index)];
    const count = value ?? (size === undefined ? undefined : { count: size });
    if (count === undefined) {
      unreadable.push(entry.key);
      return [];
    }
    return [
      {
        ...entry,
        count: count.count,
        limit: count.limit ?? limit,
        resetAtMs: ttlMs >= 0 ? nowMs + ttlMs : undefined,
      },
    ];
  });
  return { readings, nowMs, hits, misses, unreadable };
}

async function cardinalities(redis: Redis, keys: readonly string[]): Promise<readonly (number | undefined)[]> {
  const pipeline = redis.pipeline();
  for (const key of keys) pipeline.zcard(key);
  return (await repliesOf(pipeline)).map((size) => (typeof size === 'number' ? size : undefined));
}

interface Count {
  readonly count: number;
  readonly limit?: number | undefined;
}

function countOf(text: string): Count | undefined {
  if (/^\d{1,15}$/.test(text)) return { count: Number(text) };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isObject(value)) return undefined;
  const count = [value.count, value.current, value.hits].find(isCount);
  const limit = [value.limit, value.max].find(isCount);
  if (count !== undefined) return { count, limit };
  const remaining = [value.remaining].find(isCount);
  return remaining !== undefined && limit !== undefined ? { count: limit - remaining, limit } : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
